//! What of a person stays in the rows of calls, and how it goes.

use trunkline_kernel::ResourceId;
use trunkline_store::{StoreError, Tx, params};

/// Empties what names a person, and deletes what they said of calls, in at most `limit` legs; returns in how many.
pub(crate) fn erase_legs(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    limit: u32,
) -> Result<u64, StoreError> {
    let rows = tx.query_all(
        "SELECT call, p FROM calling_legs WHERE resource_id = ?1 AND raw_id = ?2 ORDER BY call, p LIMIT ?3",
        params![resource, raw_id, limit],
    )?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        keys.push(params![row.get::<i64>(0)?, row.get::<i64>(1)?].to_vec());
    }
    tx.execute_many("DELETE FROM calling_reports WHERE call = ?1 AND p = ?2 AND view = 2", &keys)?;
    tx.execute_many(
        "UPDATE calling_legs SET raw_id = '', name = '', agent = '' WHERE call = ?1 AND p = ?2",
        &keys,
    )
}

/// Empties what names a person as the one who began calls, and what they gave along; returns in how many calls.
pub(crate) fn erase_calls(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    limit: u32,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE calling_calls SET started_by_raw = '', custom_context = '' WHERE number IN
             (SELECT number FROM calling_calls WHERE resource_id = ?1 AND started_by_raw = ?2
              ORDER BY number LIMIT ?3)",
        params![resource, raw_id, limit],
    )
}
