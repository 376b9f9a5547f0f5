//! SQL over `events_pending`: deliveries that wait.

use trunkline_delivery::{
    DeadLetterReason, DeliveryKey, DueRow, EventFacts, LastAttempt, LoadPhase, Outcome, Phase, Position,
    SubscriptionKey,
};
use trunkline_kernel::Timestamp;
use trunkline_store::outbox::steps;
use trunkline_store::{Row, StoreError, Tx, Value, params};

use crate::{CONSUMER, HOLDER};

/// What waits for one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrears {
    /// The subscription's number.
    pub(crate) subscription: i64,
    /// Its rows, those that wait for the dead-letter blob included.
    pub(crate) rows: u64,
    /// When the first of them is due.
    pub(crate) next_due: Option<Timestamp>,
}

/// Which due rows to read: a page of one subscription in the order of `(due, position)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DuePage {
    pub(crate) subscription: SubscriptionKey,
    pub(crate) phase: LoadPhase,
    pub(crate) after: Option<(Timestamp, Position)>,
    pub(crate) due_through: Timestamp,
    pub(crate) limit: usize,
    pub(crate) bytes_max: usize,
}

const COLUMNS: &str = "subscription, sequence, ordinal, size_bytes, published_at, base_at, due, attempts, last_at, \
     last_outcome, last_status, reason";

fn values_of((key, row): &(DeliveryKey, DueRow)) -> Vec<Value> {
    let reason = match row.phase {
        Phase::Waiting => None,
        Phase::DeadLetter { reason } => Some(reason.name()),
    };
    params![
        key.subscription.0,
        key.position.sequence.cast_signed(),
        key.position.ordinal,
        row.event.size_bytes,
        row.event.published,
        row.base,
        row.due,
        row.attempts,
        row.last.map(|last| last.at),
        row.last.map(|last| last.outcome.name()),
        row.last.and_then(|last| last.status).map(u32::from),
        reason
    ]
    .to_vec()
}

fn row_of(row: &Row) -> Result<DueRow, StoreError> {
    let (last_at, outcome): (Option<Timestamp>, Option<String>) = (row.get(8)?, row.get(9)?);
    let (status, reason): (Option<u32>, Option<String>) = (row.get(10)?, row.get(11)?);
    let last = match (last_at, outcome) {
        (Some(at), Some(name)) => Some(LastAttempt {
            at,
            outcome: Outcome::from_name(&name)
                .ok_or(StoreError::Decode { column: 9, expected: "an outcome" })?,
            status: status.and_then(|status| u16::try_from(status).ok()),
        }),
        _ => None,
    };
    let phase = match reason {
        None => Phase::Waiting,
        Some(name) => Phase::DeadLetter {
            reason: DeadLetterReason::from_name(&name)
                .ok_or(StoreError::Decode { column: 11, expected: "a reason" })?,
        },
    };
    Ok(DueRow {
        event: EventFacts { position: position_of(row)?, size_bytes: row.get(3)?, published: row.get(4)? },
        base: row.get(5)?,
        attempts: row.get(7)?,
        due: row.get(6)?,
        last,
        phase,
    })
}

fn position_of(row: &Row) -> Result<Position, StoreError> {
    Ok(Position { sequence: row.get::<i64>(1)?.unsigned_abs(), ordinal: row.get(2)? })
}

/// Inserts rows, or replaces those of the same delivery.
pub(crate) fn upsert_pending(tx: &mut Tx<'_>, rows: &[(DeliveryKey, DueRow)]) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO events_pending ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (subscription, sequence, ordinal) DO UPDATE SET base_at = excluded.base_at, due = excluded.due,
             attempts = excluded.attempts, last_at = excluded.last_at, last_outcome = excluded.last_outcome,
             last_status = excluded.last_status, reason = excluded.reason"
    );
    let rows: Vec<_> = rows.iter().map(values_of).collect();
    tx.execute_many(&sql, &rows).map(drop)
}

/// Inserts rows of deliveries that do not wait already.
pub(crate) fn insert_pending(tx: &mut Tx<'_>, rows: &[(DeliveryKey, DueRow)]) -> Result<u64, StoreError> {
    let sql = format!(
        "INSERT INTO events_pending ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (subscription, sequence, ordinal) DO NOTHING"
    );
    let rows: Vec<_> = rows.iter().map(values_of).collect();
    tx.execute_many(&sql, &rows)
}

/// Deletes the rows of these deliveries; some may not exist.
pub(crate) fn delete_pending(tx: &mut Tx<'_>, keys: &[DeliveryKey]) -> Result<(), StoreError> {
    let sql = "DELETE FROM events_pending WHERE subscription = ?1 AND sequence = ?2 AND ordinal = ?3";
    let values = |key: &DeliveryKey| {
        params![key.subscription.0, key.position.sequence.cast_signed(), key.position.ordinal].to_vec()
    };
    let rows: Vec<_> = keys.iter().map(values).collect();
    tx.execute_many(sql, &rows).map(drop)
}

/// Deletes at most `limit` rows of one subscription; returns how many.
pub(crate) fn delete_pending_chunk(
    tx: &mut Tx<'_>,
    subscription: i64,
    limit: u32,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM events_pending WHERE subscription = ?1 AND (sequence, ordinal) IN
         (SELECT sequence, ordinal FROM events_pending WHERE subscription = ?1 ORDER BY sequence, ordinal LIMIT ?2)";
    tx.execute(sql, params![subscription, limit])
}

/// The rows of a page, and when the first row behind them is due.
pub(crate) fn list_due(
    tx: &mut Tx<'_>,
    page: &DuePage,
) -> Result<(Vec<DueRow>, Option<Timestamp>), StoreError> {
    let phase = match page.phase {
        LoadPhase::Waiting => "reason IS NULL",
        LoadPhase::DeadLetter => "reason IS NOT NULL",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM events_pending
         WHERE subscription = ?1 AND {phase} AND (due, sequence, ordinal) > (?2, ?3, ?4)
         ORDER BY due, sequence, ordinal LIMIT ?5"
    );
    let (due, sequence, ordinal) = page.after.map_or((i64::MIN, 0, 0), |(due, position)| {
        (due.as_micros(), position.sequence.cast_signed(), i64::from(position.ordinal))
    });
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX).saturating_add(1);
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    for found in tx.query_all(&sql, params![page.subscription.0, due, sequence, ordinal, limit])? {
        let row = row_of(&found)?;
        bytes = bytes.saturating_add(row.event.size_bytes as usize);
        let is_full = rows.len() >= page.limit || (bytes > page.bytes_max && !rows.is_empty());
        if is_full || row.due > page.due_through {
            return Ok((rows, Some(row.due)));
        }
        rows.push(row);
    }
    Ok((rows, None))
}

/// What waits, by subscription.
pub(crate) fn list_arrears(tx: &mut Tx<'_>) -> Result<Vec<Arrears>, StoreError> {
    let sql = "SELECT subscription, count(*), min(due) FROM events_pending GROUP BY subscription";
    let rows = tx.query_all(sql, params![])?;
    rows.iter()
        .map(|row| Ok(Arrears { subscription: row.get(0)?, rows: row.get(1)?, next_due: row.get(2)? }))
        .collect()
}

/// What waits for one subscription.
pub(crate) fn arrears_of(tx: &mut Tx<'_>, subscription: i64) -> Result<Arrears, StoreError> {
    let sql = "SELECT count(*), min(due) FROM events_pending WHERE subscription = ?1";
    let row = tx.query_one(sql, params![subscription])?;
    Ok(Arrears { subscription, rows: row.get(0)?, next_due: row.get(1)? })
}

/// The deliveries that wait and whose events are above the cursor: they are read again, and must not be sent twice.
pub(crate) fn list_parked_above(tx: &mut Tx<'_>, cursor: u64) -> Result<Vec<DeliveryKey>, StoreError> {
    let sql = "SELECT subscription, sequence, ordinal FROM events_pending WHERE sequence > ?1";
    let rows = tx.query_all(sql, params![cursor.cast_signed()])?;
    rows.iter()
        .map(|row| {
            Ok(DeliveryKey { subscription: SubscriptionKey(row.get(0)?), position: position_of(row)? })
        })
        .collect()
}

/// Lets go of events that no row and no reader needs any more.
pub(crate) fn move_holder(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let row = tx.query_one("SELECT min(sequence) FROM events_pending", params![])?;
    let read = steps::cursor(tx, CONSUMER)?;
    let oldest = row.get::<Option<i64>>(0)?.map_or(read, |oldest| oldest.unsigned_abs().saturating_sub(1));
    steps::hold_in(tx, HOLDER, oldest.min(read))
}
