//! The durable store: transactions as closures over SQLite and PostgreSQL.
//!
//! `store.write(key, |tx| ...)` runs a synchronous closure in a transaction and answers when its effects
//! are on stable storage. Events ([`Tx::emit`]), jobs ([`Tx::schedule`]) and wake-ups ([`Tx::wake`]) are
//! part of the transaction. The closure may be run more than once, so it keeps no state of its own.
//!
//! | module | what |
//! |---|---|
//! | [`store`] | [`Store`]: open, read, write, back up, close |
//! | [`transaction`] | [`Tx`]: statements, events, jobs, wake-ups |
//! | [`value`] | what goes into statements and comes out of rows |
//! | [`migrations`] | tables per slice, forward only |
//! | [`outbox`] | events in the order of their commits, to named consumers, at least once |
//! | [`jobs`] | durable timers and retries with leases |
//! | [`wakes`] | lossy wake-ups, in process and between nodes |
//! | [`vault`] | secrets sealed under a master key file |
//! | [`blobs`] | large objects in a folder or in memory |
//!
//! Inside: `queue` is fair to tenants, `sqlite` commits batches with one fsync, `postgres` runs the
//! closures on a pool with an advisory lock per key, `dialect` translates SQL and DDL.

pub mod blobs;
pub mod config;
mod dialect;
pub mod error;
pub mod jobs;
mod key;
mod meter;
pub mod migrations;
pub mod outbox;
mod postgres;
mod queue;
mod sqlite;
pub mod store;
pub mod transaction;
pub mod value;
pub mod vault;
pub mod wakes;
mod work;

pub use config::{Backend, Bounds, Engine, Health, StoreConfig, StoreMetrics};
pub use error::{OpenError, StoreError};
pub use jobs::{Job, JobFailure, JobRunner, NewJob, RetryPolicy};
pub use key::Key;
pub use migrations::{Migration, Slice};
pub use outbox::{Delivery, Event, Keep, NewEvent, OutboxConsumer, OutboxReader};
pub use store::{BackupReport, Store, StoreFacts};
pub use transaction::Tx;
pub use value::{FromValue, Row, Value};
pub use vault::{Vault, VaultError};
pub use wakes::{Wake, WakeReceiver, Wakes};
