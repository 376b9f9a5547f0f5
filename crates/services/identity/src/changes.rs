//! Changes to users, each inside the transaction of its operation: rows, events, wake-ups.

use trunkline_kernel::{Entropy, ResourceId, Timestamp};
use trunkline_store::{NewEvent, StoreError, Tx};

use crate::error::IdentityError;
use crate::rows::{self, UserRow};
use crate::tokens::REVOKED_TOPIC;

/// The event of a deleted user; its subject is the raw id. Other services delete what belongs to it.
pub const USER_DELETED: &str = "identity.user_deleted";

/// The event of revoked tokens; its subject is the raw id. Other services close what the user has open.
pub const TOKENS_REVOKED: &str = "identity.tokens_revoked";

/// A random generation. Random, not counted: a user deleted and created again with the same id must not
/// make old tokens good again.
pub(crate) fn new_generation(entropy: &dyn Entropy) -> i64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    i64::from_be_bytes(bytes)
}

pub(crate) fn create(tx: &mut Tx<'_>, resource: ResourceId, user: &UserRow) -> Result<(), IdentityError> {
    if rows::insert_user(tx, resource, user)? { Ok(()) } else { Err(IdentityError::UserTaken) }
}

pub(crate) fn revoke(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    generation: i64,
    now: Timestamp,
) -> Result<(), IdentityError> {
    if !rows::change_generation(tx, resource, raw_id, generation)? {
        return Err(IdentityError::UserNotFound);
    }
    Ok(announce(tx, resource, raw_id, TOKENS_REVOKED, now)?)
}

/// As [`revoke`], and nothing at all where there is no such user.
pub(crate) fn revoke_if_there(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    generation: i64,
    now: Timestamp,
) -> Result<(), IdentityError> {
    match revoke(tx, resource, raw_id, generation, now) {
        Err(IdentityError::UserNotFound) => Ok(()),
        other => other,
    }
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    now: Timestamp,
) -> Result<(), IdentityError> {
    if !rows::delete_user(tx, resource, raw_id)? {
        return Err(IdentityError::UserNotFound);
    }
    Ok(announce(tx, resource, raw_id, USER_DELETED, now)?)
}

fn announce(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    kind: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.emit(&NewEvent { resource: &resource.to_string(), kind, subject: raw_id, payload: "{}", now })?;
    tx.wake(REVOKED_TOPIC, &format!("{resource} {raw_id}"))
}
