//! SQL over `events_dead_letters`: which blobs hold what could not be delivered.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};

/// One row of `events_dead_letters`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeadLetterRow {
    /// A UUID as text.
    pub(crate) id: String,
    /// The subscription's number.
    pub(crate) subscription: i64,
    pub(crate) resource: ResourceId,
    /// The blob's name.
    pub(crate) blob: String,
    pub(crate) event_count: u32,
    pub(crate) created_at: Timestamp,
}

const COLUMNS: &str = "id, subscription, resource_id, blob, event_count, created_at";

fn row_of(row: &Row) -> Result<DeadLetterRow, StoreError> {
    Ok(DeadLetterRow {
        id: row.get(0)?,
        subscription: row.get(1)?,
        resource: row.get(2)?,
        blob: row.get(3)?,
        event_count: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// Writes down where a blob lies.
pub(crate) fn insert_dead_letter(tx: &mut Tx<'_>, row: &DeadLetterRow) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO events_dead_letters ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    let values = params![
        row.id.as_str(),
        row.subscription,
        row.resource,
        row.blob.as_str(),
        row.event_count,
        row.created_at
    ];
    tx.execute(&sql, values)?;
    Ok(())
}

/// At most `limit` blobs of the resource, newest first, before `before` (time and id of the last one seen).
pub(crate) fn list_dead_letters(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    before: Option<(Timestamp, &str)>,
    limit: u32,
) -> Result<Vec<DeadLetterRow>, StoreError> {
    let (time, id) = before.unwrap_or((Timestamp::from_micros(i64::MAX), ""));
    let sql = format!(
        "SELECT {COLUMNS} FROM events_dead_letters
         WHERE resource_id = ?1 AND (created_at < ?2 OR (created_at = ?2 AND id < ?3))
         ORDER BY created_at DESC, id DESC LIMIT ?4"
    );
    let rows = tx.query_all(&sql, params![resource, time, id, limit])?;
    rows.iter().map(row_of).collect()
}

/// The resource's blob of that id.
pub(crate) fn find_dead_letter(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    id: &str,
) -> Result<Option<DeadLetterRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM events_dead_letters WHERE resource_id = ?1 AND id = ?2");
    tx.query_opt(&sql, params![resource, id])?.as_ref().map(row_of).transpose()
}

/// Forgets at most `limit` blobs that a resource deleted at `until` had, and returns their names.
pub(crate) fn purge_dead_letters(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id, blob FROM events_dead_letters WHERE resource_id = ?1 AND created_at <= ?3 \
         ORDER BY created_at, id LIMIT ?2";
    let mut blobs = Vec::new();
    for row in tx.query_all(sql, params![resource, limit, until])? {
        tx.execute("DELETE FROM events_dead_letters WHERE id = ?1", params![row.get::<String>(0)?])?;
        blobs.push(row.get(1)?);
    }
    Ok(blobs)
}
