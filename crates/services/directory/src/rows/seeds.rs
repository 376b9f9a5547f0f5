//! `directory_seeds`: whom the configuration named at some start.

use trunkline_store::{Row, StoreError, Tx, params};
use uuid::Uuid;

/// Someone the configuration named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeedRow {
    pub(crate) object_id: Uuid,
    /// `None` for a user.
    pub(crate) client_id: Option<Uuid>,
}

/// Notes that the configuration names the application or user.
pub(crate) fn note(tx: &mut Tx<'_>, object_id: Uuid) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_seeds (object_id) VALUES (?1) ON CONFLICT DO NOTHING",
        params![object_id],
    )?;
    Ok(())
}

/// Forgets those that were deleted.
pub(crate) fn forget_deleted(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM directory_seeds
         WHERE object_id NOT IN (SELECT object_id FROM directory_applications)
         AND object_id NOT IN (SELECT object_id FROM directory_users)",
        params![],
    )?;
    Ok(())
}

/// Everybody, in the order of object ids.
pub(crate) fn list(tx: &mut Tx<'_>) -> Result<Vec<SeedRow>, StoreError> {
    let rows = tx.query_all(
        "SELECT seeds.object_id, applications.client_id FROM directory_seeds AS seeds
         LEFT JOIN directory_applications AS applications ON applications.object_id = seeds.object_id
         ORDER BY seeds.object_id",
        params![],
    )?;
    let seed_of = |row: &Row| Ok(SeedRow { object_id: row.get(0)?, client_id: row.get(1)? });
    rows.iter().map(seed_of).collect()
}
