//! SQL over `identity_directory_users`: which identity belongs to a directory user.

use trunkline_kernel::ResourceId;
use trunkline_store::{StoreError, Tx, params};

/// A directory user as rows name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryKey {
    /// The tenant, or the issuer of a directory without tenants.
    pub(crate) tenant_id: String,
    /// The user in it.
    pub(crate) object_id: String,
}

/// The raw id of the identity the user has in the resource.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    user: &DirectoryKey,
) -> Result<Option<String>, StoreError> {
    let row = tx.query_opt(
        "SELECT raw_id FROM identity_directory_users
         WHERE resource_id = ?1 AND tenant_id = ?2 AND object_id = ?3",
        params![resource, user.tenant_id.as_str(), user.object_id.as_str()],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Says which identity the user has from now on.
pub(crate) fn put(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    user: &DirectoryKey,
    raw_id: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identity_directory_users (resource_id, tenant_id, object_id, raw_id)
         VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (resource_id, tenant_id, object_id) DO UPDATE SET raw_id = excluded.raw_id",
        params![resource, user.tenant_id.as_str(), user.object_id.as_str(), raw_id],
    )?;
    Ok(())
}

/// Forgets whose identity `raw_id` is.
pub(crate) fn delete(tx: &mut Tx<'_>, resource: ResourceId, raw_id: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM identity_directory_users WHERE resource_id = ?1 AND raw_id = ?2",
        params![resource, raw_id],
    )?;
    Ok(())
}
