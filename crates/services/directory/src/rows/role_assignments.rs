//! `directory_role_assignments`.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};
use trunkline_web::principal::{ApplicationRole, Grant, GrantScope};
use uuid::Uuid;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleAssignmentRow {
    pub(crate) id: Uuid,
    pub(crate) principal_id: Uuid,
    pub(crate) grant: Grant,
    pub(crate) is_seeded: bool,
    pub(crate) created_at: Timestamp,
}

const COLUMNS: &str = "id, principal_id, resource_id, role, is_seeded, created_at";

fn scope_text(scope: GrantScope) -> String {
    match scope {
        GrantScope::Installation => String::new(),
        GrantScope::Resource(id) => id.to_string(),
    }
}

fn grant_of(row: &Row, resource: usize, role: usize) -> Result<Grant, StoreError> {
    let scope = if row.get::<String>(resource)?.is_empty() {
        GrantScope::Installation
    } else {
        GrantScope::Resource(row.get(resource)?)
    };
    let named = ApplicationRole::from_name(&row.get::<String>(role)?);
    let role = named.ok_or(StoreError::Decode { column: role, expected: "the name of a role" })?;
    Ok(Grant { scope, role })
}

fn assignment_of(row: &Row) -> Result<RoleAssignmentRow, StoreError> {
    Ok(RoleAssignmentRow {
        id: row.get(0)?,
        principal_id: row.get(1)?,
        grant: grant_of(row, 2, 3)?,
        is_seeded: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// Returns whether the principal did not have that role there before.
pub(crate) fn insert(tx: &mut Tx<'_>, assignment: &RoleAssignmentRow) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO directory_role_assignments (id, principal_id, resource_id, role, is_seeded, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        params![
            assignment.id,
            assignment.principal_id,
            scope_text(assignment.grant.scope),
            assignment.grant.role.name(),
            assignment.is_seeded,
            assignment.created_at
        ],
    )?;
    Ok(inserted == 1)
}

/// The roles of one principal.
pub(crate) fn list_grants(tx: &mut Tx<'_>, principal: &str) -> Result<Vec<Grant>, StoreError> {
    let rows = tx.query_all(
        "SELECT resource_id, role FROM directory_role_assignments WHERE principal_id = ?1
         ORDER BY resource_id, role",
        params![principal],
    )?;
    rows.iter().map(|row| grant_of(row, 0, 1)).collect()
}

/// How many roles one principal has.
pub(crate) fn count_of_principal(tx: &mut Tx<'_>, principal: Uuid) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM directory_role_assignments WHERE principal_id = ?1";
    tx.query_one(sql, params![principal])?.get(0)
}

/// Those that the configuration gave.
pub(crate) fn list_seeded(tx: &mut Tx<'_>) -> Result<Vec<RoleAssignmentRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directory_role_assignments WHERE is_seeded = 1 ORDER BY id");
    tx.query_all(&sql, params![])?.iter().map(assignment_of).collect()
}

/// Which assignments to list; `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) principal: Option<Uuid>,
    pub(crate) resource: Option<ResourceId>,
}

/// A page in the order of ids, starting behind `after`.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: &str,
    limit: u32,
) -> Result<Vec<RoleAssignmentRow>, StoreError> {
    let principal = filter.principal.map(|id| id.to_string()).unwrap_or_default();
    let resource = filter.resource.map(|id| id.to_string()).unwrap_or_default();
    let sql = format!(
        "SELECT {COLUMNS} FROM directory_role_assignments
         WHERE id > ?1 AND (?2 = '' OR principal_id = ?2) AND (?3 = '' OR resource_id = ?3)
         ORDER BY id LIMIT ?4"
    );
    tx.query_all(&sql, params![after, principal, resource, limit])?.iter().map(assignment_of).collect()
}

pub(crate) fn find(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<RoleAssignmentRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directory_role_assignments WHERE id = ?1");
    tx.query_opt(&sql, params![id])?.as_ref().map(assignment_of).transpose()
}

pub(crate) fn delete(tx: &mut Tx<'_>, id: Uuid) -> Result<(), StoreError> {
    tx.execute("DELETE FROM directory_role_assignments WHERE id = ?1", params![id])?;
    Ok(())
}

pub(crate) fn delete_of_principal(tx: &mut Tx<'_>, principal: Uuid) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM directory_role_assignments WHERE principal_id = ?1", params![principal])
}

pub(crate) fn delete_of_resource(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    until: Timestamp,
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM directory_role_assignments WHERE resource_id = ?1 AND created_at <= ?2";
    tx.execute(sql, params![resource, until])
}
