//! Who is calling, once the pipeline has verified it.

use std::sync::Arc;

use trunkline_kernel::clock::Timestamp;
use trunkline_kernel::ids::{ResourceId, ResourceName};
use trunkline_kernel::secret::Secret;

use crate::operation::Role;

/// A verified caller.
#[derive(Clone, Debug)]
pub enum Principal {
    /// Signed with an access key of the resource.
    ResourceKey {
        /// Which of the two keys.
        slot: KeySlot,
    },
    /// An Entra application, or a directory user, with a token for calling services in its own name.
    Application {
        /// The object id in the directory.
        id: Arc<str>,
        /// The client id of the application the token was given to.
        client_id: Arc<str>,
        /// Which class of routes the token's audience fits.
        plane: Plane,
        /// Every role it has here.
        grants: Arc<Grants>,
    },
    /// A directory user with a sign-in token that can only be exchanged.
    DirectoryUser(Arc<DirectoryUser>),
    /// A user with an access token.
    User {
        /// The raw id (`8:acs:…`).
        raw_id: Arc<str>,
        /// The scopes of the token.
        scopes: Arc<[String]>,
        /// When the token ends.
        expires: Timestamp,
        /// Which of the user's generations of tokens it is of; revoking starts another.
        generation: i64,
        /// Slot and generation of the access key that the token was made with, as text; `None` for a token that no
        /// key made. Another key in the slot ends the token.
        access_key: Option<Arc<str>>,
    },
    /// An operator of this server.
    Operator {
        /// The operator's name; `local` is whoever may open the socket in the data folder.
        name: Arc<str>,
        /// The role.
        role: Role,
    },
    /// Nobody in particular: only discovery documents.
    Anonymous,
}

impl Principal {
    /// A short stable text that tells principals of one resource apart: for repeatability and the audit log.
    pub fn key(&self) -> String {
        match self {
            // Both keys are the same principal: an application may switch keys between two tries.
            Self::ResourceKey { .. } => "key".to_owned(),
            Self::Application { id, .. } => format!("application:{id}"),
            Self::DirectoryUser(user) => format!("directory:{}/{}", user.tenant_id, user.object_id),
            Self::User { raw_id, .. } => format!("user:{raw_id}"),
            Self::Operator { name, .. } => format!("operator:{name}"),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// A class of routes with audiences of its own: a token for one is refused by the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plane {
    /// The services of a resource (`https://communication.azure.com`).
    Data,
    /// ARM: resources and their keys (`https://management.azure.com`).
    Management,
}

/// Where a role holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GrantScope {
    /// On every resource, and on what belongs to none.
    Installation,
    /// On one resource.
    Resource(ResourceId),
}

/// A role an application or directory user can have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ApplicationRole {
    /// Reader, contributor or owner.
    General(Role),
    /// May send through one service, and nothing else.
    Sender(&'static str),
}

impl ApplicationRole {
    /// Every role there is.
    pub const ALL: [Self; 8] = [
        Self::General(Role::Reader),
        Self::General(Role::Contributor),
        Self::General(Role::Owner),
        Self::Sender("sms"),
        Self::Sender("email"),
        Self::Sender("chat"),
        Self::Sender("messages"),
        Self::Sender("calling"),
    ];

    /// The name as stored and shown: `owner`, `sms-sender`.
    pub fn name(self) -> String {
        match self {
            Self::General(role) => role.as_str().to_owned(),
            Self::Sender(service) => format!("{service}-sender"),
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// One role in one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Where it holds.
    pub scope: GrantScope,
    /// What may be done.
    pub role: ApplicationRole,
}

/// Every role of a principal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grants(pub Vec<Grant>);

impl Grants {
    /// The highest general role on `resource`; `None` asks for the installation itself.
    pub fn role_on(&self, resource: Option<ResourceId>) -> Option<Role> {
        let roles =
            self.0.iter().filter(|grant| grant.holds_on(resource)).filter_map(|grant| match grant.role {
                ApplicationRole::General(role) => Some(role),
                ApplicationRole::Sender(_) => None,
            });
        roles.max()
    }

    /// The highest general role anywhere.
    pub fn role_anywhere(&self) -> Option<Role> {
        let roles = self.0.iter().filter_map(|grant| match grant.role {
            ApplicationRole::General(role) => Some(role),
            ApplicationRole::Sender(_) => None,
        });
        roles.max()
    }

    /// Whether one of the roles is that of a sender of `service` on `resource`.
    pub fn may_send(&self, resource: ResourceId, service: &str) -> bool {
        let is_sender = |grant: &Grant| matches!(grant.role, ApplicationRole::Sender(of) if of == service);
        self.0.iter().any(|grant| grant.holds_on(Some(resource)) && is_sender(grant))
    }
}

impl Grant {
    fn holds_on(&self, resource: Option<ResourceId>) -> bool {
        match self.scope {
            GrantScope::Installation => true,
            GrantScope::Resource(id) => resource == Some(id),
        }
    }
}

/// A directory user behind a verified sign-in token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectoryUser {
    /// Who issued the token.
    pub issuer: String,
    /// The directory, a GUID.
    pub tenant_id: String,
    /// The user in that directory, a GUID.
    pub object_id: String,
    /// The application the user signed in to.
    pub client_id: String,
    /// The audience of the token.
    pub audience: String,
    /// When the token ends.
    pub expires: Timestamp,
    /// The user's name for people.
    pub name: Option<String>,
}

/// Which of a resource's two access keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeySlot {
    /// The first.
    Primary,
    /// The second, so that keys can be changed without a pause.
    Secondary,
}

impl KeySlot {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Secondary];

    /// The name as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.as_str() == name)
    }
}

/// One access key of a resource.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// The decoded key.
    pub bytes: Secret<Vec<u8>>,
    /// Grows with every regeneration; tokens carry it, so that those minted with an older key end.
    pub generation: i64,
}

/// What the pipeline needs to know of a resource.
#[derive(Clone, Debug)]
pub struct ResourceView {
    /// The immutable id.
    pub id: ResourceId,
    /// The name.
    pub name: ResourceName,
    /// Both keys, by [`KeySlot`] order.
    pub keys: [AccessKey; 2],
    /// The public origin, without a slash at the end (`https://localhost:8443`).
    pub origin: Arc<str>,
    /// Whether signatures by access key are refused (ARM's `disableLocalAuth`).
    pub is_local_auth_disabled: bool,
}

impl ResourceView {
    /// The key in `slot`.
    pub const fn key(&self, slot: KeySlot) -> &AccessKey {
        match slot {
            KeySlot::Primary => &self.keys[0],
            KeySlot::Secondary => &self.keys[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HERE: ResourceId = ResourceId(Uuid::from_u128(1));
    const THERE: ResourceId = ResourceId(Uuid::from_u128(2));

    #[test]
    fn role_names_round_trip() {
        for role in ApplicationRole::ALL {
            assert_eq!(ApplicationRole::from_name(&role.name()), Some(role));
        }
        assert_eq!(ApplicationRole::from_name("sender"), None);
        assert_eq!(ApplicationRole::from_name(""), None);
    }

    #[test]
    fn a_role_holds_where_it_was_given() {
        let grant = |scope, role| Grant { scope, role };
        let grants = Grants(vec![
            grant(GrantScope::Resource(HERE), ApplicationRole::General(Role::Contributor)),
            grant(GrantScope::Resource(HERE), ApplicationRole::General(Role::Reader)),
            grant(GrantScope::Resource(THERE), ApplicationRole::Sender("sms")),
        ]);
        assert_eq!(grants.role_on(Some(HERE)), Some(Role::Contributor));
        assert_eq!(grants.role_on(Some(THERE)), None);
        assert_eq!(grants.role_on(None), None);
        assert_eq!(grants.role_anywhere(), Some(Role::Contributor));
        assert!(grants.may_send(THERE, "sms"));
        assert!(!grants.may_send(THERE, "email"));
        assert!(!grants.may_send(HERE, "sms"));
    }

    #[test]
    fn a_role_on_the_installation_holds_everywhere() {
        let role = ApplicationRole::General(Role::Reader);
        let grants = Grants(vec![Grant { scope: GrantScope::Installation, role }]);
        assert_eq!(grants.role_on(Some(HERE)), Some(Role::Reader));
        assert_eq!(grants.role_on(None), Some(Role::Reader));
        assert!(!grants.may_send(HERE, "sms"));
    }
}
