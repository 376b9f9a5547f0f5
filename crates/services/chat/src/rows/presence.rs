//! Who is connected, as the rows of their clients say.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, Value, params};

use super::PersonNumber;

/// Whether somebody is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PresenceRow {
    pub(crate) raw_id: String,
    pub(crate) is_online: bool,
    /// When a client was last connected, as far as that is known.
    pub(crate) last_seen_at: Option<Timestamp>,
}

/// Those of the people who are in a thread with `person` now. Whoever has a connected client that was touched since
/// `online_since` is online.
pub(crate) fn list_presence(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    person: PersonNumber,
    raw_ids: &[String],
    online_since: Timestamp,
) -> Result<Vec<PresenceRow>, StoreError> {
    if raw_ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = params![resource, person, online_since].to_vec();
    let mut wanted = String::new();
    for raw_id in raw_ids {
        values.push(raw_id.as_str().into());
        wanted.push_str(&format!("{}?{}", if wanted.is_empty() { "" } else { ", " }, values.len()));
    }
    let sql = format!(
        "SELECT p.raw_id, p.last_seen_at, MAX(e.seen_at),
             CAST(MAX(CASE WHEN e.is_released = 0 AND e.seen_at >= ?3 THEN 1 ELSE 0 END) AS BIGINT)
         FROM chat_people p LEFT JOIN chat_endpoints e ON e.person = p.number
         WHERE p.resource_id = ?1 AND p.raw_id IN ({wanted}) AND p.erased_at IS NULL AND EXISTS (
             SELECT 1 FROM chat_members theirs JOIN chat_members own ON own.thread = theirs.thread
             JOIN chat_threads t ON t.number = theirs.thread
             WHERE theirs.person = p.number AND own.person = ?2 AND theirs.removed_change IS NULL
             AND own.removed_change IS NULL AND t.deleted_at IS NULL AND t.is_importing = 0)
         GROUP BY p.number, p.raw_id, p.last_seen_at"
    );
    let read = |row: &Row| {
        let (left_at, seen_at) = (row.get::<Option<Timestamp>>(1)?, row.get::<Option<Timestamp>>(2)?);
        Ok(PresenceRow { raw_id: row.get(0)?, is_online: row.get(3)?, last_seen_at: left_at.max(seen_at) })
    };
    tx.query_all(&sql, &values)?.iter().map(read).collect()
}
