//! What changes resources, inside a transaction. The operator API and ARM both end here.

use serde_json::json;
use trunkline_kernel::{Clock, Entropy, ResourceId, ResourceName};
use trunkline_store::{NewEvent, StoreError, Tx, Vault};
use trunkline_web::{Context, KeySlot, Principal};

use crate::directory::CHANGED_TOPIC;
use crate::error::ResourcesError;
use crate::rows::{self, Author, GroupRow, ResourceRow};
use crate::rules::groups;
use crate::{KEY_REGENERATED, RESOURCE_DELETED};

/// Access keys have this many random bytes, as those of ACS.
const ACCESS_KEY_BYTES: usize = 64;

/// A resource about to be made.
#[derive(Clone)]
pub(crate) struct Creation {
    pub(crate) row: ResourceRow,
    /// By the order of [`KeySlot::ALL`].
    pub(crate) sealed_keys: [Vec<u8>; 2],
}

/// The resource called `name`.
pub(crate) fn load_resource(tx: &mut Tx<'_>, name: &ResourceName) -> Result<ResourceRow, ResourcesError> {
    rows::find_resource(tx, name.as_str())?.ok_or_else(|| ResourcesError::ResourceNotFound(name.to_string()))
}

/// The group with that key.
pub(crate) fn load_group(tx: &mut Tx<'_>, key: &str) -> Result<GroupRow, ResourcesError> {
    rows::find_group(tx, key)?.ok_or_else(|| ResourcesError::GroupNotFound(key.to_owned()))
}

/// A new access key.
pub(crate) fn new_key(entropy: &dyn Entropy) -> Vec<u8> {
    let mut bytes = vec![0; ACCESS_KEY_BYTES];
    entropy.fill(&mut bytes);
    bytes
}

/// Makes a resource with its keys, and leaves its row in the audit log.
///
/// **Errors**: a conflict when the name or the id is taken or the group is being deleted; no such group.
pub(crate) fn create(tx: &mut Tx<'_>, creation: &Creation, context: &Context) -> Result<(), ResourcesError> {
    let row = &creation.row;
    if row.group == groups::DEFAULT {
        rows::ensure_default_group(tx, groups::DEFAULT, row.created_at)?;
    }
    if load_group(tx, &row.group)?.deletion.is_some() {
        return Err(ResourcesError::GroupBeingDeleted(row.shown_group.clone()));
    }
    if rows::find_resource(tx, &row.name)?.is_some() {
        return Err(ResourcesError::NameTaken(row.name.clone()));
    }
    if !rows::insert_resource(tx, row)? {
        return Err(ResourcesError::IdTaken(row.id.to_string()));
    }
    // Not 1: a resource made again with the same id must not make tokens of the old one good again.
    let generation = row.created_at.as_micros();
    for (slot, sealed) in KeySlot::ALL.into_iter().zip(&creation.sealed_keys) {
        rows::insert_key(tx, row.id, slot, sealed, generation)?;
    }
    context.audit(tx, &row.name, &json!({ "id": row.id, "dataLocation": row.data_location }))?;
    Ok(tx.wake(CHANGED_TOPIC, "")?)
}

/// Deletes a resource and says so to every service. The caller leaves the row in the audit log: that of the
/// resource, or of the group that goes with all it holds.
///
/// The event has the time of the deletion and not of the request for it: services delete what they got until
/// then, and that must be everything that was written while the deletion waited for its turn.
pub(crate) fn delete(tx: &mut Tx<'_>, row: &ResourceRow, clock: &dyn Clock) -> Result<(), StoreError> {
    let now = clock.now();
    rows::delete_resource(tx, row.id)?;
    let id = row.id.to_string();
    let payload = json!({ "name": row.name }).to_string();
    let event = NewEvent { resource: &id, kind: RESOURCE_DELETED, subject: &id, payload: &payload, now };
    tx.emit(&event)?;
    tx.wake(CHANGED_TOPIC, "")
}

/// Puts `bytes` in place of one key, and leaves its row in the audit log.
pub(crate) fn regenerate_key(
    tx: &mut Tx<'_>,
    vault: &Vault,
    row: &ResourceRow,
    (slot, bytes): (KeySlot, &[u8]),
    context: &Context,
) -> Result<(), ResourcesError> {
    let generation = rows::find_key(tx, row.id, slot)?.map_or(0, |(_, generation)| generation) + 1;
    let sealed = vault.seal(&rows::key_purpose(row.id, slot), bytes);
    rows::replace_key(tx, row.id, slot, &sealed, generation)?;
    let (id, subject) = (row.id.to_string(), format!("{}/{}", row.id, slot.as_str()));
    tx.emit(&NewEvent {
        resource: &id,
        kind: KEY_REGENERATED,
        subject: &subject,
        payload: "{}",
        now: context.now,
    })?;
    context.audit(tx, &row.name, &json!({ "key": slot, "generation": generation }))?;
    Ok(tx.wake(CHANGED_TOPIC, "")?)
}

/// Both keys of a resource to be made, sealed: given ones, or fresh ones.
pub(crate) fn seal_keys(
    vault: &Vault,
    entropy: &dyn Entropy,
    id: ResourceId,
    given: [Option<Vec<u8>>; 2],
) -> [Vec<u8>; 2] {
    let mut given = given.into_iter();
    KeySlot::ALL.map(|slot| {
        let bytes = given.next().flatten().unwrap_or_else(|| new_key(entropy));
        vault.seal(&rows::key_purpose(id, slot), &bytes)
    })
}

/// Who calls, as ARM's `systemData` names people and programs.
pub(crate) fn author_of(principal: &Principal) -> Author {
    let (name, kind) = match principal {
        Principal::Application { id, .. } => (id.to_string(), "Application"),
        Principal::Operator { name, .. } => (name.to_string(), "User"),
        other => (other.key(), "User"),
    };
    Author { name, kind: kind.to_owned() }
}
