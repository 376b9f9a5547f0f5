//! `chat_positions`: up to which change a client acknowledged a thread; and who gets what of a thread.

use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx, Value, params};

use super::{PersonNumber, ThreadNumber};

/// A thread that changed lately, and what a client knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangedRow {
    pub(crate) thread: ThreadNumber,
    pub(crate) last_change: i64,
    /// What the client acknowledged; `None` for nothing in this thread.
    pub(crate) position: Option<i64>,
    pub(crate) changed_at: Timestamp,
    pub(crate) added_change: i64,
    pub(crate) removed_change: Option<i64>,
    pub(crate) share_history_at: Timestamp,
}

/// Threads of a person that changed since `since`, the last changed first; at most `limit`. One that is being imported
/// tells nobody anything.
pub(crate) fn list_changed(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    endpoint: i64,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<ChangedRow>, StoreError> {
    let rows = tx.query_all(
        "SELECT t.number, t.last_change, p.change, t.changed_at, m.added_change, m.removed_change,
             m.share_history_at
         FROM chat_members m JOIN chat_threads t ON t.number = m.thread
         LEFT JOIN chat_positions p ON p.endpoint = ?2 AND p.thread = m.thread
         WHERE m.person = ?1 AND t.changed_at >= ?3 AND (m.removed_at IS NULL OR m.removed_at >= ?3)
         AND t.is_importing = 0
         ORDER BY t.changed_at DESC LIMIT ?4",
        params![person, endpoint, since, limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(ChangedRow {
                thread: row.get(0)?,
                last_change: row.get(1)?,
                position: row.get(2)?,
                changed_at: row.get(3)?,
                added_change: row.get(4)?,
                removed_change: row.get(5)?,
                share_history_at: row.get(6)?,
            })
        })
        .collect()
}

/// Notes where a new client starts: after everything that is committed when this runs, in one statement and so at one
/// instant for all threads. Those that did not change since `since` need no row, because everything in them is older
/// than the client; whoever asks later tells by the time.
pub(crate) fn start_positions(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    endpoint: i64,
    since: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO chat_positions (endpoint, thread, change)
         SELECT CAST(?2 AS BIGINT), m.thread, t.last_change
         FROM chat_members m JOIN chat_threads t ON t.number = m.thread
         WHERE m.person = ?1 AND t.changed_at >= ?3",
        params![person, endpoint, since],
    )?;
    Ok(())
}

/// One position to store, and the connection that may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PositionRow {
    pub(crate) endpoint: i64,
    pub(crate) connection: i64,
    pub(crate) thread: ThreadNumber,
    pub(crate) change: i64,
}

/// Stores positions. One of a connection that was taken over changes nothing, nor does one that goes back.
pub(crate) fn store_positions(tx: &mut Tx<'_>, positions: &[PositionRow]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = positions
        .iter()
        .map(|row| params![row.endpoint, row.thread, row.change, row.connection].to_vec())
        .collect();
    tx.execute_many(
        "INSERT INTO chat_positions (endpoint, thread, change)
         SELECT e.number, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT) FROM chat_endpoints e
         WHERE e.number = ?1 AND e.connection = ?4
         ON CONFLICT (endpoint, thread) DO UPDATE SET change = excluded.change
             WHERE excluded.change > chat_positions.change",
        &rows,
    )?;
    Ok(())
}

/// Somebody who gets notifications of a thread, or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecipientRow {
    pub(crate) person: PersonNumber,
    pub(crate) share_history_at: Timestamp,
    pub(crate) added_change: i64,
    pub(crate) removed_change: Option<i64>,
}

/// Everybody who was in the thread at `change` or is since.
pub(crate) fn list_recipients(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    change: i64,
) -> Result<Vec<RecipientRow>, StoreError> {
    let rows = tx.query_all(
        "SELECT person, share_history_at, added_change, removed_change FROM chat_members
         WHERE thread = ?1 AND (removed_change IS NULL OR removed_change >= ?2)",
        params![thread, change],
    )?;
    rows.iter()
        .map(|row| {
            Ok(RecipientRow {
                person: row.get(0)?,
                share_history_at: row.get(1)?,
                added_change: row.get(2)?,
                removed_change: row.get(3)?,
            })
        })
        .collect()
}
