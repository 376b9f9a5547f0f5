//! Durable timers and jobs: rows with a due time, claimed with a lease, retried with backoff.
//!
//! ```text
//! Tx::schedule ──> waiting ── claim ──> running (lease renewed) ── done ──> row deleted
//!                     ^                    │ failed, or the lease ran out
//!                     └────── backoff ─────┴── too often ──> failed, visible, waits for an operator
//! ```
//!
//! A job may run more than once: its worker can die after the work and before the end. Whoever cannot
//! have that ends the job in the transaction that does the work ([`Tx::finish_job`](crate::Tx::finish_job)).

mod runner;
pub mod steps;

pub use runner::{JobFailure, JobRunner, RetryPolicy};

use trunkline_kernel::Timestamp;

use crate::error::StoreError;
use crate::value::{Row, Value};

/// A job to be put in the table by [`Tx::schedule`](crate::Tx::schedule).
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// The resource it belongs to; empty for the server itself.
    pub resource: &'a str,
    /// What to do; a handler is registered for it.
    pub kind: &'a str,
    /// Which one of its kind; scheduling the same kind and key again replaces the job.
    pub key: &'a str,
    /// What the handler needs to know, as its owner likes.
    pub payload: &'a str,
    /// Not before this time.
    pub due: Timestamp,
}

/// A job that a worker has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What to do.
    pub kind: String,
    /// Which one of its kind.
    pub key: String,
    /// The resource it belongs to; empty for the server itself.
    pub resource: String,
    /// What the handler needs to know.
    pub payload: String,
    /// When it was due.
    pub due: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Proves that the worker still holds the job; each claim makes another.
    pub(crate) token: String,
}

pub(crate) const UPSERT: &str = "INSERT INTO jobs (kind, key, resource, payload, due, ready_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?5) \
     ON CONFLICT (kind, key) DO UPDATE SET resource = excluded.resource, payload = excluded.payload, \
     due = excluded.due, ready_at = excluded.ready_at, attempts = 0, token = NULL, failed_at = NULL, \
     last_error = NULL";

pub(crate) const DELETE: &str = "DELETE FROM jobs WHERE kind = ?1 AND key = ?2";

pub(crate) const FINISH: &str = "DELETE FROM jobs WHERE kind = ?1 AND key = ?2 AND token = ?3";

pub(crate) fn row_of(job: &NewJob<'_>) -> Vec<Value> {
    crate::params![job.kind, job.key, job.resource, job.payload, job.due].to_vec()
}

impl Job {
    const COLUMNS: &'static str = "kind, key, resource, payload, due, attempts, token";

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            kind: row.get(0)?,
            key: row.get(1)?,
            resource: row.get(2)?,
            payload: row.get(3)?,
            due: row.get(4)?,
            attempt: row.get(5)?,
            token: row.get(6)?,
        })
    }

    pub(crate) fn fence(&self) -> [Value; 3] {
        [Value::from(&self.kind), Value::from(&self.key), Value::from(&self.token)]
    }
}
