//! Who is calling, once the pipeline has verified it.

use std::sync::Arc;

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
    /// An Entra application with a role on the resource.
    Application {
        /// The application's object id.
        id: String,
        /// Its role.
        role: Role,
    },
    /// A user with an access token.
    User {
        /// The raw id (`8:acs:…`).
        raw_id: Arc<str>,
        /// The scopes of the token.
        scopes: Arc<[String]>,
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
            Self::User { raw_id, .. } => format!("user:{raw_id}"),
            Self::Operator { name, .. } => format!("operator:{name}"),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
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
