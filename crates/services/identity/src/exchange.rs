//! Turns verified tokens of directory users into tokens of identities here.
//!
//! ```text
//! exchange                          identity                        who decides
//! /teamsUser                        8:orgid:USER                    whoever calls with key or role
//! /access/teamsExtension            8:acs:RESOURCE_TENANT_USER      the assignment of the user
//! /access/entra                     8:acs:RESOURCE_RANDOM           the directory: every user of it may
//! ```
//!
//! The identity is made by the first exchange, with the token in one transaction: what ends tokens (a new
//! generation, a deleted user) ends those of exchanges too.

use std::collections::BTreeMap;
use std::time::Duration;

use trunkline_kernel::{Entropy, ResourceId, Timestamp};
use trunkline_store::Tx;
use trunkline_web::principal::DirectoryUser;
use trunkline_web::{Context, ResourceView};
use uuid::Uuid;

use crate::api::identities::{CommunicationIdentityAccessToken, minting_key};
use crate::claims::Grant;
use crate::error::IdentityError;
use crate::rows::directory_users::DirectoryKey;
use crate::rows::{self, UserRow};
use crate::scope::Scope;
use crate::{Identity, changes};

/// The longest lifetime of any user token, which signing keys are kept for.
const LIFETIME_MAX: Duration = Duration::from_hours(24);

/// What the token of an exchange allows: ACS gives both to every directory user.
const SCOPES: &[Scope] = &[Scope::Chat, Scope::Voip];

/// The longest id of a directory user that is taken, in bytes: GUIDs have 36, other issuers' ids are rarely
/// above 100, and the database indexes them.
const OBJECT_ID_BYTES_MAX: usize = 256;

/// Which of the two APIs of ACS the audience of a directory token stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Door {
    /// `https://communication.azure.com/clients`: Entra users of a resource.
    Clients,
    /// `https://auth.msft.communication.azure.com`: Teams users and the Teams extension.
    Teams,
}

impl Door {
    /// The door an audience names; `None` for one that is configured for an issuer and may mean both.
    fn of(audience: &str) -> Option<Self> {
        let host_and_path = audience.strip_prefix("https://")?;
        let is_below = |prefix: &str| {
            host_and_path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if is_below("communication.azure.com/clients") || is_below("communication.azure.us/clients") {
            Some(Self::Clients)
        } else if is_below("auth.msft.communication.azure.com")
            || is_below("auth.msft.communication.azure.us")
        {
            Some(Self::Teams)
        } else {
            None
        }
    }

    /// **Errors**: [`IdentityError::ForeignAudience`] for a token for the other door.
    pub(crate) fn check(self, user: &DirectoryUser) -> Result<(), IdentityError> {
        match Self::of(&user.audience) {
            Some(door) if door != self => Err(IdentityError::ForeignAudience),
            _ => Ok(()),
        }
    }
}

/// An id as rows and raw ids have it: GUIDs in one spelling, others as they are.
pub(crate) fn canonical(id: &str) -> String {
    Uuid::try_parse(id).map_or_else(|_| id.to_owned(), |guid| guid.to_string())
}

/// Whom rows take the user for.
///
/// **Errors**: [`IdentityError::ExchangeRefused`] for an id that is empty or too long.
pub(crate) fn key_of(user: &DirectoryUser) -> Result<DirectoryKey, IdentityError> {
    // A directory without tenants is told apart by its issuer: two of them may both have a user "1".
    let tenant = if Uuid::try_parse(&user.tenant_id).is_ok() { &user.tenant_id } else { &user.issuer };
    let object_id = canonical(&user.object_id);
    if object_id.is_empty() || object_id.len() > OBJECT_ID_BYTES_MAX {
        return Err(IdentityError::ExchangeRefused("its user has no id, or one that is too long"));
    }
    Ok(DirectoryKey { tenant_id: canonical(tenant), object_id })
}

/// A fresh row for an identity that an exchange may have to make.
pub(crate) fn new_user(raw_id: String, entropy: &dyn Entropy, now: Timestamp) -> UserRow {
    let generation = changes::new_generation(entropy);
    UserRow { raw_id, generation, created_at: now, labels: BTreeMap::new() }
}

/// The generation of the identity, which is made when it is not there.
pub(crate) fn find_or_create(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    user: &UserRow,
) -> Result<i64, IdentityError> {
    rows::insert_user(tx, resource, user)?;
    rows::find_generation(tx, resource, &user.raw_id)?.ok_or(IdentityError::UserNotFound)
}

/// Issues the token, which ends with the directory token at the latest.
pub(crate) fn grant(
    service: &Identity,
    context: &Context,
    resource: &ResourceView,
    user: (&str, i64),
    directory_user: &DirectoryUser,
) -> CommunicationIdentityAccessToken {
    let (raw_id, generation) = user;
    // A longer one could outlive the key that signs it.
    let expires = directory_user.expires.min(context.now.plus(LIFETIME_MAX)).truncate_to_second();
    let grant = Grant {
        raw_id,
        generation,
        scopes: SCOPES,
        key: minting_key(&context.principal),
        issued: context.now,
        expires,
    };
    let token = service.tokens.issue(resource, &grant);
    CommunicationIdentityAccessToken { token, expires_on: expires }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_stands_for_one_door() {
        for (audience, door) in [
            ("https://communication.azure.com/clients", Some(Door::Clients)),
            ("https://communication.azure.com/clients/", Some(Door::Clients)),
            ("https://communication.azure.us/clients", Some(Door::Clients)),
            ("https://auth.msft.communication.azure.com", Some(Door::Teams)),
            ("https://auth.msft.communication.azure.us/", Some(Door::Teams)),
            ("https://communication.azure.com/clientsx", None),
            ("https://auth.msft.communication.azure.com.evil.example", None),
            ("api://contoso", None),
        ] {
            assert_eq!(Door::of(audience), door, "{audience}");
        }
    }

    fn user(issuer: &str, tenant_id: &str, object_id: &str) -> DirectoryUser {
        DirectoryUser {
            issuer: issuer.to_owned(),
            tenant_id: tenant_id.to_owned(),
            object_id: object_id.to_owned(),
            client_id: String::new(),
            audience: String::new(),
            expires: Timestamp::EPOCH,
            name: None,
        }
    }

    #[test]
    fn users_of_two_directories_are_told_apart() {
        let tenant = "72F988BF-86f1-41af-91ab-2d7cd011db47";
        let (a, b) = (user("https://a.example", "", "1"), user("https://b.example", "", "1"));
        assert_ne!(key_of(&a).ok(), key_of(&b).ok());
        let (old, new) = (user("https://a.example", tenant, "1"), user("https://b.example", tenant, "1"));
        assert_eq!(key_of(&old).ok(), key_of(&new).ok(), "a tenant may have issuers of several versions");
        let lower = user("https://a.example", &tenant.to_lowercase(), "1");
        assert_eq!(key_of(&old).ok(), key_of(&lower).ok());
        for bad in [String::new(), "x".repeat(257)] {
            assert!(key_of(&user("https://a.example", tenant, &bad)).is_err());
        }
    }
}
