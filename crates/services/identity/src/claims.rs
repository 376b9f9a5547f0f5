//! The claims of a user access token.
//!
//! ```text
//! skypeid  "acs:RESOURCE_USER"      the raw id without "8:"
//! scp      1792                     a number every token of ACS carries
//! csi      "1795247159"             issued, seconds, as text
//! iat, exp                          issued and expires, seconds
//! acsScope "chat,voip"
//! resourceId                        the resource's immutable id
//! iss, aud                          the resource's public origin; its immutable id
//! gen                               the user's generation: another one ends the token
//! key      "primary:3"              the access key it was minted with, if any: regenerating ends it
//! ```
//!
//! Python's SDK decodes the payload with the plain base64 alphabet, so the claims are ASCII without `>`,
//! `?` and `~`, which alone could make `-` or `_`.

use serde::{Deserialize, Serialize};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_web::{KeySlot, ResourceView};

use crate::scope::Scope;

/// `scp` of every user token.
const SCP: u32 = 1792;

/// The claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The raw id without `8:`.
    pub skypeid: String,
    /// Always 1792.
    pub scp: u32,
    /// When it was issued, in seconds, as text.
    pub csi: String,
    /// When it ends, in seconds.
    pub exp: i64,
    /// The scopes, joined by commas.
    #[serde(rename = "acsScope")]
    pub acs_scope: String,
    /// The resource's immutable id.
    #[serde(rename = "resourceId")]
    pub resource_id: String,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// The resource's public origin.
    pub iss: String,
    /// The resource's immutable id.
    pub aud: String,
    /// The user's generation, as text: JavaScript cannot read all 64-bit numbers.
    #[serde(rename = "gen")]
    pub generation: String,
    /// Slot and generation of the access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What a token is made of.
#[derive(Clone, Debug)]
pub struct Grant<'a> {
    /// Whose it is.
    pub raw_id: &'a str,
    /// The user's generation.
    pub generation: i64,
    /// What it allows.
    pub scopes: &'a [Scope],
    /// The access key that minted it, when one did.
    pub key: Option<KeySlot>,
    /// When it is issued.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
}

impl Claims {
    /// The claims of a grant in `resource`.
    pub fn new(resource: &ResourceView, grant: &Grant<'_>) -> Self {
        let scopes: Vec<&str> = grant.scopes.iter().map(|scope| scope.as_str()).collect();
        let resource_id = resource.id.to_string();
        Self {
            skypeid: grant.raw_id.strip_prefix("8:").unwrap_or(grant.raw_id).to_owned(),
            scp: SCP,
            csi: grant.issued.as_seconds().to_string(),
            exp: grant.expires.as_seconds(),
            acs_scope: scopes.join(","),
            aud: resource_id.clone(),
            resource_id,
            iat: grant.issued.as_seconds(),
            iss: resource.origin.to_string(),
            generation: grant.generation.to_string(),
            key: grant.key.map(|slot| key_claim(resource, slot)),
        }
    }

    /// The raw id.
    pub fn raw_id(&self) -> String {
        format!("8:{}", self.skypeid)
    }

    /// The names of the scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.acs_scope.split(',').filter(|scope| !scope.is_empty())
    }

    /// When the token ends.
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_seconds(self.exp)
    }

    /// The resource the token belongs to, if its audience is one.
    pub fn resource(&self) -> Option<ResourceId> {
        self.aud.parse().ok()
    }

    /// Whether the access key that minted the token is still the same.
    pub fn fits_keys_of(&self, resource: &ResourceView) -> bool {
        self.key.as_deref().is_none_or(|claim| is_key_of(resource, claim))
    }
}

/// Whether a resource still has the access key that a token's claim names.
pub(crate) fn is_key_of(resource: &ResourceView, claim: &str) -> bool {
    KeySlot::ALL.into_iter().any(|slot| key_claim(resource, slot) == claim)
}

fn key_claim(resource: &ResourceView, slot: KeySlot) -> String {
    format!("{}:{}", slot.as_str(), resource.key(slot).generation)
}
