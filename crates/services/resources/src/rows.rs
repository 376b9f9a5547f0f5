//! SQL over the tables of this service: here resources and their keys, beside it groups and operators.

mod groups;
mod notification_hubs;
mod operators;

use serde::{Deserialize, Serialize};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};
use trunkline_web::KeySlot;

use crate::rules::identity::ManagedServiceIdentity;

pub(crate) use groups::{
    GroupRow, delete_group, ensure_default_group, find_group, insert_group, list_groups, mark_group_deletion,
    replace_group_tags,
};
pub(crate) use notification_hubs::{delete_hub, find_hub, hub_purpose, list_hubs, replace_hub};
pub(crate) use operators::{
    OperatorRow, delete_operator, find_operator_by_token, insert_operator, list_operators,
};

/// The most ids in one statement: SQLite takes 32,766 parameters, and a short text is soon parsed.
const IDS_IN_STATEMENT_MAX: usize = 500;

/// One row of `resources_resources`, with what its group is called.
#[derive(Clone, Debug)]
pub(crate) struct ResourceRow {
    pub(crate) id: ResourceId,
    pub(crate) name: String,
    /// The name with the capitals it was given; empty when it has none.
    pub(crate) shown_name: String,
    /// In lower case.
    pub(crate) group: String,
    /// With the capitals the group was given.
    pub(crate) shown_group: String,
    pub(crate) data_location: String,
    /// A JSON object of strings.
    pub(crate) tags: String,
    pub(crate) is_local_auth_disabled: bool,
    pub(crate) details: Details,
    pub(crate) created_at: Timestamp,
}

/// What only ARM shows of a resource; stored as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Details {
    /// Ids of e-mail domains.
    pub(crate) linked_domains: Vec<String>,
    pub(crate) identity: Option<ManagedServiceIdentity>,
    pub(crate) notification_hub_id: Option<String>,
    pub(crate) created_by: Option<Author>,
    pub(crate) modified_by: Option<Author>,
    pub(crate) modified_at: Option<Timestamp>,
}

/// Who made or changed a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Author {
    /// The operator's name or the application's object id.
    pub(crate) name: String,
    /// `User` or `Application`, as in ARM's `systemData`.
    pub(crate) kind: String,
}

const RESOURCE_SELECT: &str = "SELECT r.id, r.name, r.shown_name, r.resource_group, g.shown_name, \
     r.data_location, r.tags, r.is_local_auth_disabled, r.details, r.created_at \
     FROM resources_resources r JOIN resources_groups g ON g.name = r.resource_group";

fn resource_of(row: &Row) -> Result<ResourceRow, StoreError> {
    let details: String = row.get(8)?;
    let details = serde_json::from_str(&details)
        .map_err(|_| StoreError::Decode { column: 8, expected: "the details of a resource" })?;
    Ok(ResourceRow {
        id: row.get(0)?,
        name: row.get(1)?,
        shown_name: row.get(2)?,
        group: row.get(3)?,
        shown_group: row.get(4)?,
        data_location: row.get(5)?,
        tags: row.get(6)?,
        is_local_auth_disabled: row.get(7)?,
        details,
        created_at: row.get(9)?,
    })
}

fn json_of(details: &Details) -> String {
    serde_json::to_string(details).expect("details have string keys and always serialize")
}

/// Returns whether the row is new; `false` when the name or the id is taken.
pub(crate) fn insert_resource(tx: &mut Tx<'_>, resource: &ResourceRow) -> Result<bool, StoreError> {
    let inserted = tx.execute(
        "INSERT INTO resources_resources (id, name, shown_name, resource_group, data_location, tags,
             is_local_auth_disabled, details, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        params![
            resource.id,
            resource.name.as_str(),
            resource.shown_name.as_str(),
            resource.group.as_str(),
            resource.data_location.as_str(),
            resource.tags.as_str(),
            resource.is_local_auth_disabled,
            json_of(&resource.details),
            resource.created_at
        ],
    )?;
    Ok(inserted == 1)
}

/// Writes what can change of a resource: tags, whether keys work, details.
pub(crate) fn replace_resource(tx: &mut Tx<'_>, resource: &ResourceRow) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE resources_resources SET tags = ?2, is_local_auth_disabled = ?3, details = ?4 WHERE id = ?1",
        params![
            resource.id,
            resource.tags.as_str(),
            resource.is_local_auth_disabled,
            json_of(&resource.details)
        ],
    )?;
    Ok(())
}

pub(crate) fn find_resource(tx: &mut Tx<'_>, name: &str) -> Result<Option<ResourceRow>, StoreError> {
    let sql = format!("{RESOURCE_SELECT} WHERE r.name = ?1");
    tx.query_opt(&sql, params![name])?.as_ref().map(resource_of).transpose()
}

/// The name of the resource with that id.
pub(crate) fn find_name(tx: &mut Tx<'_>, id: ResourceId) -> Result<Option<String>, StoreError> {
    let row = tx.query_opt("SELECT name FROM resources_resources WHERE id = ?1", params![id])?;
    row.map(|row| row.get(0)).transpose()
}

/// Which resources a list has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Only those of this group; in lower case.
    pub(crate) group: Option<String>,
    /// Only these; `None` for all.
    pub(crate) ids: Option<Vec<ResourceId>>,
}

/// A page in the order of names, starting behind `after`.
pub(crate) fn list_resources(
    tx: &mut Tx<'_>,
    selection: &Selection,
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceRow>, StoreError> {
    let Some(ids) = &selection.ids else { return list_chunk(tx, selection, &[], after, limit) };
    let mut found = Vec::new();
    for ids in ids.chunks(IDS_IN_STATEMENT_MAX) {
        found.extend(list_chunk(tx, selection, ids, after, limit)?);
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.truncate(limit as usize);
    Ok(found)
}

/// As [`list_resources`], of `ids` alone unless there are none.
fn list_chunk(
    tx: &mut Tx<'_>,
    selection: &Selection,
    ids: &[ResourceId],
    after: &str,
    limit: u32,
) -> Result<Vec<ResourceRow>, StoreError> {
    let mut values = params![after, limit].to_vec();
    let mut sql = format!("{RESOURCE_SELECT} WHERE r.name > ?1");
    if let Some(group) = &selection.group {
        values.push(group.into());
        sql.push_str(&format!(" AND r.resource_group = ?{}", values.len()));
    }
    if !ids.is_empty() {
        let first = values.len() + 1;
        values.extend(ids.iter().map(|id| trunkline_store::Value::from(*id)));
        let places: Vec<String> = (first..=values.len()).map(|place| format!("?{place}")).collect();
        sql.push_str(&format!(" AND r.id IN ({})", places.join(", ")));
    }
    sql.push_str(" ORDER BY r.name LIMIT ?2");
    tx.query_all(&sql, &values)?.iter().map(resource_of).collect()
}

/// Deletes the resource, its keys and its notification hub.
pub(crate) fn delete_resource(tx: &mut Tx<'_>, id: ResourceId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM resources_keys WHERE resource_id = ?1", params![id])?;
    delete_hub(tx, id)?;
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
