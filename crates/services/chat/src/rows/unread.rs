//! What somebody has not read: messages of others behind their receipt.

use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};

use super::{PersonNumber, ThreadNumber};

/// A thread with something unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnreadRow {
    pub(crate) thread: ThreadNumber,
    pub(crate) id: String,
    /// Its place in the person's own list.
    pub(crate) joined: i64,
    /// How far the person has read: the id of a message, 0 for nothing.
    pub(crate) read_id: i64,
    pub(crate) share_history_at: Timestamp,
}

/// Where a page of threads starts: before this place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct UnreadFrom {
    pub(crate) before: i64,
}

/// Which messages of a thread are unread: `c` is the member, `m` the message.
const IS_UNREAD: &str = "m.kind < 2 AND m.deleted_at IS NULL";

/// At most `limit` threads with something unread, the last joined first.
pub(crate) fn list_unread(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    from: UnreadFrom,
    limit: u32,
) -> Result<Vec<UnreadRow>, StoreError> {
    let sql = format!(
        "SELECT t.number, t.id, c.joined, c.read_id, c.share_history_at
         FROM chat_members c JOIN chat_threads t ON t.number = c.thread
         WHERE c.person = ?1 AND c.joined < ?2 AND c.removed_change IS NULL AND t.deleted_at IS NULL
         AND t.is_importing = 0 AND EXISTS (
             SELECT 1 FROM chat_messages m WHERE m.thread = c.thread AND m.id > c.read_id AND m.sender <> c.person
             AND m.created_at >= c.share_history_at AND {IS_UNREAD})
         ORDER BY c.joined DESC LIMIT ?3"
    );
    let read = |row: &Row| {
        Ok(UnreadRow {
            thread: row.get(0)?,
            id: row.get(1)?,
            joined: row.get(2)?,
            read_id: row.get(3)?,
            share_history_at: row.get(4)?,
        })
    };
    tx.query_all(&sql, params![person, from.before, limit])?.iter().map(read).collect()
}

/// How many messages of a thread are unread; at most `limit` are counted.
pub(crate) fn count_unread(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    thread: &UnreadRow,
    limit: u32,
) -> Result<u32, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM (
             SELECT m.id FROM chat_messages m WHERE m.thread = ?1 AND m.id > ?2 AND m.sender <> ?3
             AND m.created_at >= ?4 AND {IS_UNREAD} LIMIT ?5) AS unread"
    );
    let values = params![thread.thread, thread.read_id, person, thread.share_history_at, limit];
    tx.query_one(&sql, values)?.get(0)
}

/// Notes how far somebody has read without a receipt that others would see.
pub(crate) fn mark_read(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    person: PersonNumber,
    message: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE chat_members SET read_id = ?3
         WHERE thread = ?1 AND person = ?2 AND removed_change IS NULL AND read_id < ?3",
        params![thread, person, message],
    )?;
    Ok(())
}
