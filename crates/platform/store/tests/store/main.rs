//! Tests of the store on both engines.

#![expect(clippy::unwrap_used, reason = "tests end where they fail")]

mod backups;
mod blobs;
mod commits;
mod engines;
mod facts;
mod failures;
mod jobs;
mod migrations;
mod nodes;
mod outbox;
mod purges;
mod runner;
mod transactions;
mod vault;
mod wakes;
