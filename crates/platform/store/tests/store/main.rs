//! Tests of the store on both engines.

mod backups;
mod blobs;
mod engines;
mod jobs;
mod migrations;
mod outbox;
mod transactions;
mod vault;
mod wakes;
