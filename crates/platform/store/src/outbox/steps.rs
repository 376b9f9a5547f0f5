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
pub(crate) const ROWS_AT_ONCE: u32 = 1000;
/// Transactions of one clean-up. What is left goes at the next one, so that writers are not held up for long.
const TRIM_CHUNKS_MAX: u32 = 20;
/// Rows that a consumer of some kinds looks through at once: it reads whole only those of its kinds.
const ROWS_SKIMMED: u32 = 5000;

/// How much of the past stays readable after every consumer has passed it. The default keeps nothing.
///
/// A row stays when it is young enough and among the newest ones, so both bounds hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// For how long.
    pub age: Duration,
    /// How many rows at most.
    pub rows_max: u64,
}

const NUMBER: &str = "WITH unnumbered AS (SELECT id FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT ?2), \
     numbered AS (SELECT id AS row_id, row_number() OVER (ORDER BY id) AS place FROM unnumbered) \
     UPDATE outbox SET sequence = ?1 + place FROM numbered WHERE id = row_id";

/// Passed rows go when they are too old or too many; rows of a stated age go in any case.
const REMOVE: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM (SELECT id, sequence, created_at FROM outbox \
     WHERE sequence IS NOT NULL ORDER BY sequence LIMIT ?2) AS oldest \
     WHERE created_at < ?1 OR (sequence <= (SELECT min(sequence) FROM outbox_cursors) \
         AND (created_at <= ?3 OR sequence <= (SELECT last FROM outbox_sequence WHERE one = 1) - ?4)))";

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
    /// Up to where it may pass once it is done with `events`.
    pub through: u64,
    /// The next ones, in order.
    pub events: Vec<Event>,
}

/// Reads at most `limit` events that the consumer has yet to pass.
pub async fn read(store: &Store, consumer: &str, limit: u32) -> Result<Batch, StoreError> {
    let consumer = consumer.to_owned();
    let sql = format!("SELECT {} FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT ?2", Event::COLUMNS);
    let read = move |tx: &mut crate::Tx<'_>| {
        let passed = cursor(tx, &consumer)?;
        let rows = tx.query_all(&sql, params![passed.cast_signed(), limit])?;
        let events = rows.iter().map(Event::from_row).collect::<Result<Vec<_>, StoreError>>()?;
        let through = events.last().map_or(passed, |last: &Event| last.sequence);
        Ok(Batch { passed, through, events })
    };
    store.read(read).await
}

/// Reads at most `limit` events of `kinds`, and says how far it looked for them.
pub async fn read_only(
    store: &Store,
    consumer: &str,
    kinds: &'static [&'static str],
    limit: u32,
) -> Result<Batch, StoreError> {
    let consumer = consumer.to_owned();
    let places: Vec<String> = (0..kinds.len()).map(|index| format!("?{}", index + 4)).collect();
    let sql = format!(
        "SELECT {} FROM outbox WHERE sequence > ?1 AND sequence <= ?2 AND kind IN ({}) ORDER BY sequence LIMIT ?3",
        Event::COLUMNS,
        places.join(", ")
    );
    let read = move |tx: &mut crate::Tx<'_>| {
        let passed = cursor(tx, &consumer)?;
        let skim = "SELECT max(sequence) FROM \
                    (SELECT sequence FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT ?2) AS next";
        let seen: Option<i64> = tx.query_one(skim, params![passed.cast_signed(), ROWS_SKIMMED])?.get(0)?;
        let Some(seen) = seen else { return Ok(Batch { passed, through: passed, events: Vec::new() }) };
        let mut values = params![passed.cast_signed(), seen, limit].to_vec();
        values.extend(kinds.iter().map(|kind| crate::Value::from(*kind)));
        let rows = tx.query_all(&sql, &values)?;
        let events = rows.iter().map(Event::from_row).collect::<Result<Vec<_>, StoreError>>()?;
        let is_full = rows.len() == limit as usize;
        let through = events.last().filter(|_| is_full).map_or(seen.unsigned_abs(), |last| last.sequence);
        Ok(Batch { passed, through, events })
    };
    store.read(read).await
}

/// The number of the last event that the consumer has passed.
pub fn cursor(tx: &mut crate::Tx<'_>, consumer: &str) -> Result<u64, StoreError> {
    let sql = "SELECT sequence FROM outbox_cursors WHERE consumer = ?1";
    let passed: i64 = tx.query_one(sql, params![consumer])?.get(0)?;
    Ok(passed.unsigned_abs())
}

/// Puts the cursor of a holder, a consumer that reads nothing and only keeps rows, to `sequence`, also backwards.
pub fn hold_in(tx: &mut crate::Tx<'_>, holder: &str, sequence: u64) -> Result<(), StoreError> {
    let sql = "UPDATE outbox_cursors SET sequence = ?2 WHERE consumer = ?1 AND sequence <> ?2";
    tx.execute(sql, params![holder, sequence.cast_signed()]).map(drop)
}

/// The number of the newest event; 0 before the first one.
///
/// Inside a transaction that emits, it may be that of the last commit.
pub fn last_sequence(tx: &mut crate::Tx<'_>) -> Result<u64, StoreError> {
    let last: i64 = tx.query_one("SELECT last FROM outbox_sequence WHERE one = 1", &[])?.get(0)?;
    Ok(last.unsigned_abs())
}

/// At most `limit` events after `position`, in order, fewer when their payloads exceed `bytes_max` bytes; at
/// least one when there is one.
pub fn read_after(
    tx: &mut crate::Tx<'_>,
    position: u64,
    limit: u32,
    bytes_max: u64,
) -> Result<Vec<Event>, StoreError> {
    let sizes =
        "SELECT sequence, octet_length(payload) FROM outbox WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
    let (mut through, mut bytes) = (None, 0_u64);
    for row in tx.query_all(sizes, params![position.cast_signed(), limit])? {
        bytes = bytes.saturating_add(row.get(1)?);
        if bytes > bytes_max && through.is_some() {
            break;
        }
        through = Some(row.get::<i64>(0)?);
    }
    let Some(through) = through else { return Ok(Vec::new()) };
    let columns = Event::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM outbox WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3"
    );
    let rows = tx.query_all(&sql, params![position.cast_signed(), through, limit])?;
    rows.iter().map(Event::from_row).collect()
}

/// The event of that number, while it is kept.
pub fn find_event(tx: &mut crate::Tx<'_>, sequence: u64) -> Result<Option<Event>, StoreError> {
    let sql = format!("SELECT {} FROM outbox WHERE sequence = ?1", Event::COLUMNS);
    tx.query_opt(&sql, params![sequence.cast_signed()])?.as_ref().map(Event::from_row).transpose()
}

/// The number of the first kept event that happened at `time` or later; one more than the newest when all are
/// older.
///
/// Bisects by number: times rise with the numbers but for the distance of the nodes' clocks.
pub fn find_sequence_at(tx: &mut crate::Tx<'_>, time: Timestamp) -> Result<u64, StoreError> {
    let bounds = "SELECT min(sequence), max(sequence) FROM outbox";
    let row = tx.query_one(bounds, &[])?;
    let (Some(mut low), Some(last)) = (row.get::<Option<i64>>(0)?, row.get::<Option<i64>>(1)?) else {
        return Ok(last_sequence(tx)? + 1);
    };
    let mut high = last + 1;
    // Invariant: what is below `low` is older than `time`, what is at `high` or above is not.
    while low < high {
        let middle = low + (high - low) / 2;
        let probe = "SELECT sequence, created_at FROM outbox WHERE sequence >= ?1 ORDER BY sequence LIMIT 1";
        let found = tx.query_one(probe, params![middle])?;
        let (sequence, created_at): (i64, Timestamp) = (found.get(0)?, found.get(1)?);
        if created_at < time {
            low = sequence + 1;
        } else {
            high = middle;
        }
    }
    Ok(low.unsigned_abs())
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
    let due = store.clock().now();
    let advance = move |tx: &mut crate::Tx<'_>| {
        advance_in(tx, &consumer, owner, (from, to))?;
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

/// Moves the cursor from `from` to `to` as part of the caller's transaction. With both the same it only checks
/// that nobody else has the consumer.
///
/// **Errors**: [`StoreError::LeaseLost`] when another worker has moved the cursor or holds the lease.
pub fn advance_in(
    tx: &mut crate::Tx<'_>,
    consumer: &str,
    owner: Uuid,
    (from, to): (u64, u64),
) -> Result<(), StoreError> {
    let sql = "UPDATE outbox_cursors SET sequence = ?2 WHERE consumer = ?1 AND sequence = ?3 \
               AND (lease_owner IS NULL OR lease_owner = ?4)";
    match tx.execute(sql, params![consumer, to.cast_signed(), from.cast_signed(), owner])? {
        0 => Err(StoreError::LeaseLost),
        _ => Ok(()),
    }
}

/// Removes rows that every consumer has passed and `keep` does not keep, and those older than [`KEPT_MAX`];
/// returns how many. At most some ten thousand at a call: `Trimmed::is_more` says that it stopped there.
pub async fn trim(store: &Store, now: Timestamp, keep: Keep) -> Result<Trimmed, StoreError> {
    let (oldest_kept, oldest_young) = (now.minus(KEPT_MAX), now.minus(keep.age));
    let rows_max = i64::try_from(keep.rows_max).unwrap_or(i64::MAX);
    let mut removed = 0;
    for _ in 0..TRIM_CHUNKS_MAX {
        let remove = move |tx: &mut crate::Tx<'_>| {
            tx.execute(REMOVE, params![oldest_kept, ROWS_AT_ONCE, oldest_young, rows_max])
        };
        let count = store.write(Key::system("outbox/trim"), remove).await?;
        removed += count;
        if count < u64::from(ROWS_AT_ONCE) {
            return Ok(Trimmed { removed, is_more: false });
        }
    }
    Ok(Trimmed { removed, is_more: true })
}

/// What a clean-up came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// Rows removed.
    pub removed: u64,
    /// Whether it stopped before it was done.
    pub is_more: bool,
}

fn cursor_key(consumer: &str) -> Key {
    Key::system(format_args!("outbox/cursor/{consumer}"))
}
