//! SQL over `resources_operators`.

use trunkline_kernel::Timestamp;
use trunkline_store::{Row, StoreError, Tx, params};
use trunkline_web::Role;

/// One row of `resources_operators`, without the token's hash.
#[derive(Clone, Debug)]
pub(crate) struct OperatorRow {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) created_at: Timestamp,
}

fn operator_of(row: &Row) -> Result<OperatorRow, StoreError> {
    let role = Role::from_name(&row.get::<String>(1)?);
    Ok(OperatorRow {
        name: row.get(0)?,
        role: role.ok_or(StoreError::Decode { column: 1, expected: "the name of a role" })?,
        created_at: row.get(2)?,
    })
}

/// Returns whether the row is new.
pub(crate) fn insert_operator(
    tx: &mut Tx<'_>,
    operator: &OperatorRow,
    token_hash: &[u8],
) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO resources_operators (name, role, token_hash, created_at)
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![operator.name.as_str(), operator.role.as_str(), token_hash, operator.created_at],
    )?;
    Ok(inserted == 1)
}

pub(crate) fn find_operator_by_token(
    tx: &mut Tx<'_>,
    token_hash: &[u8],
) -> Result<Option<OperatorRow>, StoreError> {
    let row = tx.query_opt(
        "SELECT name, role, created_at FROM resources_operators WHERE token_hash = ?1",
        params![token_hash],
    )?;
    row.as_ref().map(operator_of).transpose()
}

/// A page in the order of names, starting behind `after`.
pub(crate) fn list_operators(
    tx: &mut Tx<'_>,
    after: &str,
    limit: u32,
) -> Result<Vec<OperatorRow>, StoreError> {
    let rows = tx.query_all(
        "SELECT name, role, created_at FROM resources_operators WHERE name > ?1 ORDER BY name LIMIT ?2",
        params![after, limit],
    )?;
    rows.iter().map(operator_of).collect()
}

/// Returns whether there was one.
pub(crate) fn delete_operator(tx: &mut Tx<'_>, name: &str) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM resources_operators WHERE name = ?1", params![name])? == 1)
}
