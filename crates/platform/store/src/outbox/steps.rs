//! The steps of the outbox, each one transaction. Time is an argument, so tests need not wait.

use std::time::Duration;

use trunkline_kernel::Timestamp;
use uuid::Uuid;

use super::Event;
use crate::config::Engine;
use crate::error::StoreError;
use crate::jobs::NewJob;
use crate::key::Key;
use crate::params;
use crate::store::Store;
use crate::wakes::OUTBOX_TOPIC;

/// How long a consumer belongs to one node (PostgreSQL).
pub const LEASE: Duration = Duration::from_secs(4);
/// Rows older than this are removed even when a consumer has not passed: it is gone or broken, and the
/// table must not grow without end.
pub const KEPT_MAX: Duration = Duration::from_hours(7 * 24);

/// Rows numbered or removed in one transaction: some milliseconds of work.
const ROWS_AT_ONCE: u32 = 1000;

const NUMBER: &str = "WITH unnumbered AS (SELECT id FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT ?2), \
     numbered AS (SELECT id AS row_id, row_number() OVER (ORDER BY id) AS place FROM unnumbered) \
     UPDATE outbox SET sequence = ?1 + place FROM numbered WHERE id = row_id";

const REMOVE: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM (SELECT id, sequence, created_at FROM outbox \
     WHERE sequence IS NOT NULL ORDER BY sequence LIMIT ?2) AS oldest \
     WHERE sequence <= (SELECT min(sequence) FROM outbox_cursors) OR created_at < ?1)";

/// Gives committed rows their numbers (PostgreSQL; on SQLite they have them). Returns how many.
///
/// The key's lock makes one node the sequencer at a time. Rows that are visible now get lower numbers
/// than rows that become visible later, and rows of one key keep their order.
pub async fn number_committed(store: &Store) -> Result<u64, StoreError> {
    if store.engine() == Engine::Sqlite {
        return Ok(0);
    }
    let look = "SELECT EXISTS (SELECT 1 FROM outbox WHERE sequence IS NULL)";
    if !store.read(move |tx| tx.query_one(look, &[])?.get::<bool>(0)).await? {
        return Ok(0);
    }
    let number = |tx: &mut crate::Tx<'_>| {
        let row = tx.query_one("SELECT last FROM outbox_sequence WHERE one = 1", &[])?;
        let last: i64 = row.get(0)?;
        let numbered = tx.execute(NUMBER, params![last, ROWS_AT_ONCE])?;
        if numbered > 0 {
            let last = last.saturating_add_unsigned(numbered);
            tx.execute("UPDATE outbox_sequence SET last = ?1 WHERE one = 1", params![last])?;
            tx.wake(OUTBOX_TOPIC, "")?;
        }
        Ok(numbered)
    };
    store.write(Key::system("outbox/sequencer"), number).await
}

/// Makes the consumer's cursor, if there is none, before the oldest row that is still kept.
pub async fn register(store: &Store, consumer: &str) -> Result<(), StoreError> {
    let consumer = consumer.to_owned();
    let sql = "INSERT INTO outbox_cursors (consumer, sequence, lease_owner, lease_until) \
               VALUES (?1, 0, NULL, 0) ON CONFLICT (consumer) DO NOTHING";
    store.write(cursor_key(&consumer), move |tx| tx.execute(sql, params![&consumer]).map(drop)).await
}

/// Removes a consumer that the program no longer has, so that it no longer holds rows back.
pub async fn forget(store: &Store, consumer: &str) -> Result<bool, StoreError> {
    let consumer = consumer.to_owned();
    let sql = "DELETE FROM outbox_cursors WHERE consumer = ?1";
    store.write(cursor_key(&consumer), move |tx| Ok(tx.execute(sql, params![&consumer])? == 1)).await
}

/// Takes or extends the consumer's lease for `owner`; returns whether `owner` has it.
pub async fn lease(store: &Store, consumer: &str, owner: Uuid, now: Timestamp) -> Result<bool, StoreError> {
    let consumer = consumer.to_owned();
    let sql = "UPDATE outbox_cursors SET lease_owner = ?2, lease_until = ?3 \
               WHERE consumer = ?1 AND (lease_owner = ?2 OR lease_until <= ?4)";
    let key = cursor_key(&consumer);
    store
        .write(key, move |tx| Ok(tx.execute(sql, params![&consumer, owner, now.plus(LEASE), now])? == 1))
        .await
}

/// A consumer's cursor and the events behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of the last event the consumer has passed.
    pub passed: u64,
    /// The next ones, in order.
    pub events: Vec<Event>,
}

/// Reads at most `limit` events that the consumer has yet to pass.
pub async fn read(store: &Store, consumer: &str, limit: u32) -> Result<Batch, StoreError> {
    let consumer = consumer.to_owned();
    let sql = format!("SELECT {} FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT ?2", Event::COLUMNS);
    let read = move |tx: &mut crate::Tx<'_>| {
        let cursor = "SELECT sequence FROM outbox_cursors WHERE consumer = ?1";
        let passed: i64 = tx.query_one(cursor, params![&consumer])?.get(0)?;
        let rows = tx.query_all(&sql, params![passed, limit])?;
        let events = rows.iter().map(Event::from_row).collect::<Result<_, StoreError>>()?;
        Ok(Batch { passed: passed.unsigned_abs(), events })
    };
    store.read(read).await
}

/// An event that could not be delivered and becomes a job of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The event.
    pub event: Event,
    /// The job's kind.
    pub job_kind: String,
}

/// Moves the cursor from `from` to `to` and schedules what was parked, in one transaction.
///
/// **Errors**: [`StoreError::LeaseLost`] when another worker has moved the cursor or holds the lease.
pub async fn advance(
    store: &Store,
    consumer: &str,
    owner: Uuid,
    (from, to): (u64, u64),
    parked: Vec<Parked>,
) -> Result<(), StoreError> {
    let consumer = consumer.to_owned();
    let key = cursor_key(&consumer);
    let (from, to) = (from.cast_signed(), to.cast_signed());
    let due = store.clock().now();
    let advance = move |tx: &mut crate::Tx<'_>| {
        let sql = "UPDATE outbox_cursors SET sequence = ?2 WHERE consumer = ?1 AND sequence = ?3 \
                   AND (lease_owner IS NULL OR lease_owner = ?4)";
        if tx.execute(sql, params![&consumer, to, from, owner])? == 0 {
            return Err(StoreError::LeaseLost);
        }
        for Parked { event, job_kind } in &parked {
            tx.schedule(&NewJob {
                resource: &event.resource,
                kind: job_kind,
                key: &event.sequence.to_string(),
                payload: &event.to_json(),
                due,
            })?;
        }
        Ok(())
    };
    store.write(key, advance).await
}

/// Removes rows that every consumer has passed, and those older than [`KEPT_MAX`]; returns how many.
pub async fn trim(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    let oldest_kept = now.minus(KEPT_MAX);
    let mut removed = 0;
    loop {
        let remove = move |tx: &mut crate::Tx<'_>| tx.execute(REMOVE, params![oldest_kept, ROWS_AT_ONCE]);
        let count = store.write(Key::system("outbox/trim"), remove).await?;
        removed += count;
        if count < u64::from(ROWS_AT_ONCE) {
            return Ok(removed);
        }
    }
}

fn cursor_key(consumer: &str) -> Key {
    Key::system(format_args!("outbox/cursor/{consumer}"))
}
