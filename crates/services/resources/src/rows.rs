//! SQL over `resources_resources`, `resources_keys` and `resources_operators`.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};
use trunkline_web::{KeySlot, Role};

/// One row of `resources_resources`.
#[derive(Clone, Debug)]
pub(crate) struct ResourceRow {
    pub(crate) id: ResourceId,
    pub(crate) name: String,
    pub(crate) data_location: String,
    /// A JSON object of strings.
    pub(crate) tags: String,
    pub(crate) created_at: Timestamp,
}

const RESOURCE_COLUMNS: &str = "id, name, data_location, tags, created_at";

fn resource_of(row: &Row) -> Result<ResourceRow, StoreError> {
    Ok(ResourceRow {
        id: row.get(0)?,
        name: row.get(1)?,
        data_location: row.get(2)?,
        tags: row.get(3)?,
        created_at: row.get(4)?,
    })
}

/// Returns whether the row is new; `false` when the name or the id is taken.
pub(crate) fn insert_resource(tx: &mut Tx<'_>, resource: &ResourceRow) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO resources_resources (id, name, data_location, tags, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        params![
            resource.id,
            resource.name.as_str(),
            resource.data_location.as_str(),
            resource.tags.as_str(),
            resource.created_at
        ],
    )?;
    Ok(inserted == 1)
}

pub(crate) fn find_resource(tx: &mut Tx<'_>, name: &str) -> Result<Option<ResourceRow>, StoreError> {
    let sql = format!("SELECT {RESOURCE_COLUMNS} FROM resources_resources WHERE name = ?1");
    tx.query_opt(&sql, params![name])?.as_ref().map(resource_of).transpose()
}

/// The name of the resource with that id.
pub(crate) fn find_name(tx: &mut Tx<'_>, id: ResourceId) -> Result<Option<String>, StoreError> {
    let row = tx.query_opt("SELECT name FROM resources_resources WHERE id = ?1", params![id])?;
    row.map(|row| row.get(0)).transpose()
}

/// A page in the order of names, starting behind `after`.
pub(crate) fn list_resources(
    tx: &mut Tx<'_>,
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceRow>, StoreError> {
    let sql =
        format!("SELECT {RESOURCE_COLUMNS} FROM resources_resources WHERE name > ?1 ORDER BY name LIMIT ?2");
    tx.query_all(&sql, params![after, limit])?.iter().map(resource_of).collect()
}

/// Deletes the resource and its keys.
pub(crate) fn delete_resource(tx: &mut Tx<'_>, id: ResourceId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM resources_keys WHERE resource_id = ?1", params![id])?;
    tx.execute("DELETE FROM resources_resources WHERE id = ?1", params![id])?;
    Ok(())
}

/// What a sealed key is bound to: it cannot be opened as the key of another resource or slot.
pub(crate) fn key_purpose(resource: ResourceId, slot: KeySlot) -> String {
    format!("resources/keys/{resource}/{}", slot.as_str())
}

pub(crate) fn insert_key(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    slot: KeySlot,
    sealed: &[u8],
    generation: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO resources_keys (resource_id, slot, sealed, generation) VALUES (?1, ?2, ?3, ?4)",
        params![resource, slot.as_str(), sealed, generation],
    )?;
    Ok(())
}

pub(crate) fn replace_key(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    slot: KeySlot,
    sealed: &[u8],
    generation: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE resources_keys SET sealed = ?3, generation = ?4 WHERE resource_id = ?1 AND slot = ?2",
        params![resource, slot.as_str(), sealed, generation],
    )?;
    Ok(())
}

/// The sealed key and its generation.
pub(crate) fn find_key(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    slot: KeySlot,
) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
    let row = tx.query_opt(
        "SELECT sealed, generation FROM resources_keys WHERE resource_id = ?1 AND slot = ?2",
        params![resource, slot.as_str()],
    )?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Every key there is.
pub(crate) fn list_key_slots(tx: &mut Tx<'_>) -> Result<Vec<(ResourceId, KeySlot)>, StoreError> {
    let rows =
        tx.query_all("SELECT resource_id, slot FROM resources_keys ORDER BY resource_id, slot", params![])?;
    let slot_of = |row: &Row| {
        let slot = KeySlot::from_name(&row.get::<String>(1)?);
        let slot = slot.ok_or(StoreError::Decode { column: 1, expected: "the name of a key's slot" })?;
        Ok((row.get(0)?, slot))
    };
    rows.iter().map(slot_of).collect()
}

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
