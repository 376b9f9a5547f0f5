//! `chat_erasures`: what is being erased, and what was a while ago.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};

/// Something that is being erased, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErasureRow {
    /// The key of its job.
    pub(crate) id: String,
    /// `thread`, `person` or `resource`.
    pub(crate) what: String,
    pub(crate) asked_at: Timestamp,
    /// When nothing was left in the tables.
    pub(crate) rows_done_at: Option<Timestamp>,
    /// When nothing was left in the database's log either.
    pub(crate) done_at: Option<Timestamp>,
}

/// The erasure with that id in the resource.
pub(crate) fn find_erasure(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    id: &str,
) -> Result<Option<ErasureRow>, StoreError> {
    let row = tx.query_opt(
        "SELECT id, what, asked_at, rows_done_at, done_at FROM chat_erasures WHERE id = ?1 AND resource_id = ?2",
        params![id, resource],
    )?;
    row.as_ref().map(read_erasure).transpose()
}

fn read_erasure(row: &Row) -> Result<ErasureRow, StoreError> {
    Ok(ErasureRow {
        id: row.get(0)?,
        what: row.get(1)?,
        asked_at: row.get(2)?,
        rows_done_at: row.get(3)?,
        done_at: row.get(4)?,
    })
}

/// Writes down that what happened until then is to be erased; asked for again, it starts over and never goes less far.
pub(crate) fn ask(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    id: &str,
    what: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO chat_erasures (id, resource_id, what, until, asked_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET asked_at = excluded.asked_at, rows_done_at = NULL, done_at = NULL,
             until = CASE WHEN excluded.until > chat_erasures.until THEN excluded.until
                 ELSE chat_erasures.until END",
        params![id, resource, what, until, now],
    )?;
    Ok(())
}

/// Until when what happened is erased; `None` for what nobody asked for.
pub(crate) fn find_until(tx: &mut Tx<'_>, id: &str) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_opt("SELECT until FROM chat_erasures WHERE id = ?1", params![id])?;
    row.map(|row| row.get(0)).transpose()
}

/// Whether something is being erased and not yet gone from the tables.
pub(crate) fn is_running(tx: &mut Tx<'_>, id: &str) -> Result<bool, StoreError> {
    let row =
        tx.query_opt("SELECT 1 FROM chat_erasures WHERE id = ?1 AND rows_done_at IS NULL", params![id])?;
    Ok(row.is_some())
}

/// Nothing is left in the tables. Returns whether that is news.
pub(crate) fn rows_done(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE chat_erasures SET rows_done_at = ?2 WHERE id = ?1 AND rows_done_at IS NULL",
        params![id, now],
    )?;
    Ok(changed == 1)
}

/// Whether anything that left the tables by `until` may still be in the log.
pub(crate) fn is_any_waiting(tx: &mut Tx<'_>, until: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM chat_erasures WHERE done_at IS NULL AND rows_done_at <= ?1 LIMIT 1";
    Ok(tx.query_opt(sql, params![until])?.is_some())
}

/// Nothing is left anywhere of what left the tables by `until`. Returns when each was asked for.
pub(crate) fn all_done(
    tx: &mut Tx<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let rows = tx.query_all(
        "UPDATE chat_erasures SET done_at = ?2 WHERE done_at IS NULL AND rows_done_at <= ?1 RETURNING asked_at",
        params![until, now],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Deletes what was done before `until`; returns how many, at most `limit`.
pub(crate) fn purge(tx: &mut Tx<'_>, until: Timestamp, limit: u32) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_erasures WHERE id IN (
             SELECT id FROM chat_erasures WHERE done_at IS NOT NULL AND done_at < ?1 LIMIT ?2)",
        params![until, limit],
    )
}
