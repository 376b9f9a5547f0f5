//! `calling_owners`: the node where a resource's sessions and calls are.

use std::sync::Arc;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Engine, StoreError, Tx, params};

/// What a node has a resource by. What it writes of calls is good as long as nobody took the resource since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The node.
    pub(crate) node: Arc<str>,
    /// As the row had it when the node took the resource.
    pub(crate) epoch: i64,
}

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerRow {
    pub(crate) node: String,
    pub(crate) url: String,
    pub(crate) epoch: i64,
    pub(crate) held_until: Timestamp,
}

/// Takes the lease of a resource for `node`, unless another node holds it; returns who does then.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    node: &str,
    url: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<OwnerRow, StoreError> {
    tx.execute(
        "INSERT INTO calling_owners (resource_id, node, url, epoch, held_until) VALUES (?1, ?2, ?3, 1, ?5)
         ON CONFLICT (resource_id) DO UPDATE SET node = excluded.node, url = excluded.url,
             held_until = excluded.held_until,
             epoch = calling_owners.epoch + CASE
                 WHEN calling_owners.node = excluded.node AND calling_owners.held_until >= ?4 THEN 0 ELSE 1 END
         WHERE calling_owners.node = excluded.node OR calling_owners.held_until < ?4",
        params![resource, node, url, now, until],
    )?;
    let row = tx.query_one(
        "SELECT node, url, epoch, held_until FROM calling_owners WHERE resource_id = ?1",
        params![resource],
    )?;
    Ok(OwnerRow { node: row.get(0)?, url: row.get(1)?, epoch: row.get(2)?, held_until: row.get(3)? })
}

/// Whether nobody took the resource since; nobody does before this transaction ends.
pub(crate) fn is_good(tx: &mut Tx<'_>, resource: ResourceId, lease: &Lease) -> Result<bool, StoreError> {
    // Whoever takes the resource waits for this lock, and reads the rows after what is written here.
    let lock = match tx.engine() {
        Engine::Sqlite => "",
        Engine::Postgres => "FOR SHARE",
    };
    let sql =
        format!("SELECT 1 FROM calling_owners WHERE resource_id = ?1 AND node = ?2 AND epoch = ?3 {lock}");
    Ok(tx.query_opt(&sql, params![resource, &*lease.node, lease.epoch])?.is_some())
}

/// Ends the lease of a resource, whoever has it: nothing of its calls is written any more until somebody takes it anew.
pub(crate) fn end(tx: &mut Tx<'_>, resource: ResourceId) -> Result<(), StoreError> {
    let sql = "UPDATE calling_owners SET epoch = epoch + 1, held_until = 0 WHERE resource_id = ?1";
    tx.execute(sql, params![resource])?;
    Ok(())
}

/// Holds on to what `node` has and nobody took from it; returns which resources those are. What it lost by being late
/// it must take again.
pub(crate) fn renew(
    tx: &mut Tx<'_>,
    node: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<ResourceId>, StoreError> {
    let rows = tx.query_all(
        "UPDATE calling_owners SET held_until = ?3 WHERE node = ?1 AND held_until >= ?2 RETURNING resource_id",
        params![node, now, until],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Gives up everything `node` has, at the end of the node.
pub(crate) fn release(tx: &mut Tx<'_>, node: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE calling_owners SET held_until = 0 WHERE node = ?1", params![node])?;
    Ok(())
}

/// Forgets the lease of a resource that was deleted at `until`, unless it was renewed for one made again since.
pub(crate) fn forget(tx: &mut Tx<'_>, resource: ResourceId, until: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM calling_owners WHERE resource_id = ?1 AND held_until <= ?2";
    tx.execute(sql, params![resource, until])?;
    Ok(())
}
