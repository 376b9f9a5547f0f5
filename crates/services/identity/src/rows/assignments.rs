//! SQL over `identity_teams_extension_assignments`: who may use a resource through the Teams extension.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssignmentRow {
    pub(crate) tenant_id: String,
    pub(crate) object_id: String,
    /// The name on the wire.
    pub(crate) principal_type: String,
    /// A JSON list; empty for every application.
    pub(crate) client_ids: String,
    pub(crate) written_at: Timestamp,
}

/// The assignment of a user.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    tenant_id: &str,
    object_id: &str,
) -> Result<Option<AssignmentRow>, StoreError> {
    let row = tx.query_opt(
        "SELECT tenant_id, object_id, principal_type, client_ids, written_at
         FROM identity_teams_extension_assignments
         WHERE resource_id = ?1 AND tenant_id = ?2 AND object_id = ?3",
        params![resource, tenant_id, object_id],
    )?;
    row.map(|row| assignment_of(&row)).transpose()
}

fn assignment_of(row: &Row) -> Result<AssignmentRow, StoreError> {
    Ok(AssignmentRow {
        tenant_id: row.get(0)?,
        object_id: row.get(1)?,
        principal_type: row.get(2)?,
        client_ids: row.get(3)?,
        written_at: row.get(4)?,
    })
}

/// Creates the assignment, or replaces the one the user has.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    assignment: &AssignmentRow,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identity_teams_extension_assignments
             (resource_id, tenant_id, object_id, principal_type, client_ids, written_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (resource_id, tenant_id, object_id) DO UPDATE SET
             principal_type = excluded.principal_type, client_ids = excluded.client_ids,
             written_at = excluded.written_at",
        params![
            resource,
            assignment.tenant_id.as_str(),
            assignment.object_id.as_str(),
            assignment.principal_type.as_str(),
            assignment.client_ids.as_str(),
            assignment.written_at
        ],
    )?;
    Ok(())
}

/// Returns whether there was such an assignment.
pub(crate) fn delete(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    tenant_id: &str,
    object_id: &str,
) -> Result<bool, StoreError> {
    let deleted = tx.execute(
        "DELETE FROM identity_teams_extension_assignments
         WHERE resource_id = ?1 AND tenant_id = ?2 AND object_id = ?3",
        params![resource, tenant_id, object_id],
    )?;
    Ok(deleted == 1)
}

/// Deletes at most `limit` assignments of a resource that were there at `until`; returns how many.
pub(crate) fn delete_some(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    until: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let found = tx.query_all(
        "SELECT tenant_id, object_id FROM identity_teams_extension_assignments
         WHERE resource_id = ?1 AND written_at <= ?2 ORDER BY tenant_id, object_id LIMIT ?3",
        params![resource, until, limit],
    )?;
    let mut deleted = 0;
    for row in found {
        deleted += u64::from(delete(tx, resource, &row.get::<String>(0)?, &row.get::<String>(1)?)?);
    }
    Ok(deleted)
}
