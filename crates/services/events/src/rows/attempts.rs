//! SQL over `events_attempts`: the log of requests.

use std::time::Duration;

use trunkline_delivery::{AttemptRow, Position};
use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, Value, params};

/// A request as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedAttempt {
    pub(crate) id: i64,
    /// The subscription's number.
    pub(crate) subscription: i64,
    /// When it ended.
    pub(crate) at: Timestamp,
    pub(crate) took: Duration,
    /// A word of [`Outcome::name`](trunkline_delivery::Outcome::name).
    pub(crate) outcome: String,
    pub(crate) status: Option<u32>,
    /// A short word about the cause; often empty.
    pub(crate) detail: String,
    /// Earlier attempts of the first event.
    pub(crate) tries: u32,
    /// The events it carried, by place.
    pub(crate) positions: Vec<Position>,
    /// When the earliest of them is tried again.
    pub(crate) next: Option<Timestamp>,
    /// Whether the answer came after the time-out.
    pub(crate) is_late: bool,
}

/// Which requests to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttemptFilter {
    /// Of these subscriptions, by number.
    pub(crate) subscriptions: Vec<i64>,
    /// Ended at this time or later.
    pub(crate) from: Option<Timestamp>,
    /// Ended before this time.
    pub(crate) to: Option<Timestamp>,
    /// With this outcome.
    pub(crate) outcome: Option<String>,
    /// Whether to leave out those that were delivered.
    pub(crate) is_failed: bool,
    /// With the event of this sequence.
    pub(crate) sequence: Option<u64>,
    /// Behind this one (time and id), the last of the page before.
    pub(crate) before: Option<(Timestamp, i64)>,
    /// With a higher id than this one, and then the oldest first.
    pub(crate) after: Option<i64>,
}

const COLUMNS: &str =
    "id, subscription, at, took_us, outcome, status, detail, tries, positions, next_at, is_late";

/// Appends requests to the log.
pub(crate) fn insert_attempts(tx: &mut Tx<'_>, attempts: &[AttemptRow]) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO events_attempts (subscription, at, took_us, outcome, status, detail, tries, event_count,
             first_sequence, last_sequence, positions, next_at, is_late)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let rows: Vec<_> = attempts.iter().map(values_of).collect();
    tx.execute_many(sql, &rows).map(drop)
}

fn values_of(attempt: &AttemptRow) -> Vec<Value> {
    let mut positions = attempt.deliveries.clone();
    positions.sort_unstable();
    let first = positions.first().map_or(0, |position| position.sequence);
    let last = positions.last().map_or(0, |position| position.sequence);
    let took_us = i64::try_from(attempt.answer.took.as_micros()).unwrap_or(i64::MAX);
    params![
        attempt.subscription.0,
        attempt.at,
        took_us,
        attempt.answer.outcome.name(),
        attempt.answer.status.map(u32::from),
        attempt.answer.detail.0,
        attempt.tries,
        u32::try_from(positions.len()).unwrap_or(u32::MAX),
        first.cast_signed(),
        last.cast_signed(),
        pack(&positions),
        attempt.next,
        attempt.is_late
    ]
    .to_vec()
}

/// At most `limit` requests, newest first unless the filter says otherwise.
pub(crate) fn list_attempts(
    tx: &mut Tx<'_>,
    filter: &AttemptFilter,
    limit: u32,
) -> Result<Vec<LoggedAttempt>, StoreError> {
    // One query a subscription, each along the index: a common one would have to sort them all.
    // Whoever follows the log looks at its newest end: along the ids, of which few are left. The sign keeps both
    // engines from sorting everything that the subscription has.
    let (subscription, order) =
        if filter.after.is_some() { ("+subscription", "id") } else { ("subscription", "at DESC, id DESC") };
    let sql = format!(
        "SELECT {COLUMNS} FROM events_attempts
         WHERE {subscription} = ?1 AND at >= ?2 AND at < ?3 AND (at, id) < (?4, ?5)
             AND (?6 = '' OR outcome = ?6) AND (?7 = 0 OR outcome <> 'Delivered')
             AND first_sequence <= ?8 AND last_sequence >= ?9 AND id > ?11
         ORDER BY {order} LIMIT ?10"
    );
    let outcome = filter.outcome.as_deref().unwrap_or("");
    let (before_at, before_id) = filter.before.map_or((i64::MAX, i64::MAX), |(at, id)| (at.as_micros(), id));
    let (first, last) = filter.sequence.map_or((i64::MAX, 0), |one| (one.cast_signed(), one.cast_signed()));
    let mut found = Vec::new();
    for subscription in &filter.subscriptions {
        let values = params![
            *subscription,
            filter.from.map_or(i64::MIN, Timestamp::as_micros),
            filter.to.map_or(i64::MAX, Timestamp::as_micros),
            before_at,
            before_id,
            outcome,
            i64::from(filter.is_failed),
            first,
            last,
            limit,
            filter.after.unwrap_or(i64::MIN)
        ];
        for row in tx.query_all(&sql, values)? {
            let attempt = row_of(&row)?;
            let is_wanted = |one: u64| attempt.positions.iter().any(|position| position.sequence == one);
            if filter.sequence.is_none_or(is_wanted) {
                found.push(attempt);
            }
        }
    }
    if filter.after.is_some() {
        found.sort_unstable_by_key(|attempt| attempt.id);
    } else {
        found.sort_unstable_by_key(|attempt| std::cmp::Reverse((attempt.at, attempt.id)));
    }
    found.truncate(limit as usize);
    Ok(found)
}

fn row_of(row: &Row) -> Result<LoggedAttempt, StoreError> {
    let packed: Vec<u8> = row.get(8)?;
    Ok(LoggedAttempt {
        id: row.get(0)?,
        subscription: row.get(1)?,
        at: row.get(2)?,
        took: Duration::from_micros(row.get(3)?),
        outcome: row.get(4)?,
        status: row.get(5)?,
        detail: row.get(6)?,
        tries: row.get(7)?,
        positions: unpack(&packed).ok_or(StoreError::Decode { column: 8, expected: "positions" })?,
        next: row.get(9)?,
        is_late: row.get(10)?,
    })
}

/// Deletes at most `limit` of the oldest requests that ended before `oldest`, or that are more than `rows_max`;
/// returns how many.
pub(crate) fn purge_attempts(
    tx: &mut Tx<'_>,
    oldest: Timestamp,
    rows_max: u64,
    limit: u32,
) -> Result<u64, StoreError> {
    // Ids rise without many gaps, so that their distance is nearly the number of rows.
    let sql = "DELETE FROM events_attempts WHERE id IN (
             SELECT id FROM (SELECT id, at FROM events_attempts ORDER BY id LIMIT ?3) AS first_rows
             WHERE at < ?1 OR id <= (SELECT max(id) FROM events_attempts) - ?2)";
    tx.execute(sql, params![oldest, i64::try_from(rows_max).unwrap_or(i64::MAX), limit])
}

/// Sorted positions as varints: for each the distance of its sequence to the one before, and its ordinal.
fn pack(positions: &[Position]) -> Vec<u8> {
    let mut out = Vec::with_capacity(positions.len() * 2 + 8);
    let mut before = 0;
    for position in positions {
        put_varint(&mut out, position.sequence - before);
        put_varint(&mut out, u64::from(position.ordinal));
        before = position.sequence;
    }
    out
}

/// Reads what [`pack`] wrote; `None` when it is something else.
fn unpack(mut bytes: &[u8]) -> Option<Vec<Position>> {
    let (mut positions, mut sequence) = (Vec::new(), 0_u64);
    while !bytes.is_empty() {
        sequence = sequence.checked_add(take_varint(&mut bytes)?)?;
        let ordinal = u32::try_from(take_varint(&mut bytes)?).ok()?;
        positions.push(Position { sequence, ordinal });
    }
    Some(positions)
}

/// Seven bits a byte, the low ones first; the high bit says that more follow (LEB128).
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_round_trip(pairs in prop::collection::btree_set((1..u64::MAX, any::<u32>()), 0..50)) {
            let positions: Vec<_> =
                pairs.into_iter().map(|(sequence, ordinal)| Position { sequence, ordinal }).collect();
            prop_assert_eq!(unpack(&pack(&positions)), Some(positions));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            unpack(&bytes);
        }
    }

    #[test]
    fn neighbours_take_two_bytes() {
        let positions: Vec<_> =
            (1_000_000..1_000_100).map(|sequence| Position { sequence, ordinal: 0 }).collect();
        assert!(pack(&positions).len() <= 204);
    }
}
