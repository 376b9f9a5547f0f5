//! The outbox: events written by the transaction that caused them, read in the order of their commits.
//!
//! ```text
//! Tx::emit ──> outbox row ──> sequence (dense, in commit order) ──> consumers with durable cursors
//! ```
//!
//! On SQLite the one writer numbers an event as it is written. On PostgreSQL numbers drawn by
//! transactions become visible out of order, so committed rows are numbered afterwards, by whichever
//! node holds the sequencer's lock.

mod consumer;
mod reader;
pub mod steps;

pub use consumer::{Delivery, Look, OutboxConsumer};
pub use reader::OutboxReader;
pub use steps::Keep;

use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;

use crate::error::StoreError;
use crate::jobs::Job;
use crate::value::{Row, Value};

/// An event to be written by [`Tx::emit`](crate::Tx::emit).
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// The resource it belongs to; empty for the server itself.
    pub resource: &'a str,
    /// What happened, such as `identity.user_deleted`.
    pub kind: &'a str,
    /// To what it happened, such as a user's raw id.
    pub subject: &'a str,
    /// Details as JSON; the consumers of the kind define it.
    pub payload: &'a str,
    /// When it happened.
    pub now: Timestamp,
}

/// An event as a consumer gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place among all committed events: dense, from 1.
    pub sequence: u64,
    /// The resource it belongs to; empty for the server itself.
    pub resource: String,
    /// What happened.
    pub kind: String,
    /// To what it happened.
    pub subject: String,
    /// Details as JSON.
    pub payload: String,
    /// When it happened.
    pub created_at: Timestamp,
}

/// The sequence is the last parameter: a number on SQLite, NULL on PostgreSQL.
pub(crate) const INSERT: &str = "INSERT INTO outbox (resource, kind, subject, payload, created_at, sequence) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(crate) fn row_of(event: &NewEvent<'_>) -> Vec<Value> {
    crate::params![event.resource, event.kind, event.subject, event.payload, event.now, Value::Null].to_vec()
}

impl Event {
    const COLUMNS: &'static str = "sequence, resource, kind, subject, payload, created_at";

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: row.get(0)?,
            resource: row.get(1)?,
            kind: row.get(2)?,
            subject: row.get(3)?,
            payload: row.get(4)?,
            created_at: row.get(5)?,
        })
    }

    /// The event of a parked job, for the handler of [`OutboxConsumer::parked_kind`].
    ///
    /// `None` when the job's payload is no event.
    pub fn from_parked(job: &Job) -> Option<Self> {
        serde_json::from_str(&job.payload).ok()
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an event is plain data")
    }
}
