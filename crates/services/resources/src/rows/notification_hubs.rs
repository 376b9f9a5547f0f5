//! SQL over `resources_notification_hubs`.

use trunkline_kernel::ResourceId;
use trunkline_store::{StoreError, Tx, params};

/// What a sealed connection string is bound to.
pub(crate) fn hub_purpose(resource: ResourceId) -> String {
    format!("resources/notification_hubs/{resource}")
}

/// Links the hub, in place of another.
pub(crate) fn replace_hub(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    hub_id: &str,
    sealed: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO resources_notification_hubs (resource_id, hub_id, sealed) VALUES (?1, ?2, ?3)
         ON CONFLICT (resource_id) DO UPDATE SET hub_id = excluded.hub_id, sealed = excluded.sealed",
        params![resource, hub_id, sealed],
    )?;
    Ok(())
}

/// The id of the hub and its sealed connection string.
pub(crate) fn find_hub(
    tx: &mut Tx<'_>,
    resource: ResourceId,
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let row = tx.query_opt(
        "SELECT hub_id, sealed FROM resources_notification_hubs WHERE resource_id = ?1",
        params![resource],
    )?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// The resources that have a hub.
pub(crate) fn list_hubs(tx: &mut Tx<'_>) -> Result<Vec<ResourceId>, StoreError> {
    let rows =
        tx.query_all("SELECT resource_id FROM resources_notification_hubs ORDER BY resource_id", params![])?;
    rows.iter().map(|row| row.get(0)).collect()
}

pub(crate) fn delete_hub(tx: &mut Tx<'_>, resource: ResourceId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM resources_notification_hubs WHERE resource_id = ?1", params![resource])?;
    Ok(())
}
