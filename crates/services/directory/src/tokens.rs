//! The directory's own tokens: who gets which, and how they are made.
//!
//! | module | what |
//! |---|---|
//! | `client_credentials`, `authorization_code`, `refresh` | the three grants |
//! | `clients`, `assertions` | how an application proves who it is |
//! | `audiences`, `claims`, `issue` | what a token is for, what it says, how it is made |
//! | `redirections` | where an answer may go |
//! | `fields`, `errors` | forms in, Entra's errors out |

pub(crate) mod assertions;
pub(crate) mod audiences;
pub(crate) mod authorization_code;
pub(crate) mod claims;
pub(crate) mod client_credentials;
pub(crate) mod clients;
pub(crate) mod errors;
pub(crate) mod fields;
pub(crate) mod issue;
pub(crate) mod redirections;
pub(crate) mod refresh;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::Entropy;
use trunkline_store::{Key, StoreError};
use trunkline_web::signing_keys::{KeyTable, SigningKeys};
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::grants::Principals;
use crate::key_sets::KeySets;
use crate::verify::{self, Verifier};
use crate::{DirectoryService, Issuer, Parts, issuers, rows};

/// The keys that sign the directory's tokens. They are never those of user access tokens.
const KEY_TABLE: KeyTable = KeyTable { name: "directory_signing_keys", purpose: "directory/signing_keys" };

/// How long an access or id token is good, as in Entra.
pub(crate) const ACCESS_LIFETIME: Duration = Duration::from_hours(1);

/// How long a code waits to be redeemed; clients do it within seconds.
pub(crate) const CODE_LIFETIME: Duration = Duration::from_mins(5);

/// How long a refresh token lasts without being used, as in Entra.
pub(crate) const REFRESH_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// Rows of each table deleted in one transaction, so that no other write waits long for it.
const PURGE_CHUNK: u32 = 500;

/// Random bytes of a code or refresh token: beyond any guessing.
const SECRET_BYTES: usize = 32;

/// What the token service works with.
pub(crate) struct Oauth {
    pub(crate) tenant: String,
    pub(crate) issuer: String,
    pub(crate) keys: Arc<SigningKeys>,
    pub(crate) key_sets: Arc<KeySets>,
    pub(crate) issuers: Arc<[Issuer]>,
    pub(crate) verifier: Arc<Verifier>,
}

impl Oauth {
    /// Loads the signing keys (making the first one).
    pub(crate) async fn open(
        parts: &Parts,
        tenant_id: Uuid,
        principals: &Arc<Principals>,
    ) -> Result<Self, DirectoryError> {
        let tenant = tenant_id.to_string();
        let issuer = format!("{}/{tenant}/v2.0", parts.settings.public_origin);
        issuers::check(&parts.issuers, &issuer, &tenant)?;
        let (store, now) = (parts.store.clone(), parts.clock.now());
        let keys = SigningKeys::open(store, parts.vault.clone(), KEY_TABLE, now).await?;
        let key_sets = Arc::new(KeySets::new(Arc::clone(&parts.fetcher), Arc::clone(&parts.clock)));
        let issuers: Arc<[Issuer]> = parts.issuers.clone().into();
        let verifier = Verifier::new(verify::Parts {
            origin: parts.settings.public_origin.clone(),
            issuer: issuer.clone(),
            tenant: tenant.clone(),
            is_enabled: parts.settings.is_enabled,
            issuers: Arc::clone(&issuers),
            keys: Arc::clone(&keys),
            key_sets: Arc::clone(&key_sets),
            principals: Arc::clone(principals),
            resources: Arc::clone(&parts.resources),
            store: parts.store.clone(),
            clock: Arc::clone(&parts.clock),
        });
        Ok(Self { tenant, issuer, keys, key_sets, issuers, verifier: Arc::new(verifier) })
    }

    /// Whether `segment` of a path names this tenant: its id, or one of Entra's words for any.
    pub(crate) fn is_tenant(&self, segment: &str) -> bool {
        self.tenant.eq_ignore_ascii_case(segment) || matches!(segment, "common" | "organizations")
    }
}

impl DirectoryService {
    /// Verifies bearer tokens of the directory and of configured issuers.
    pub const fn verifier(&self) -> &Arc<Verifier> {
        &self.oauth.verifier
    }

    /// Reads the signing keys again: another node may have made one.
    pub async fn reload_signing_keys(&self) -> Result<(), DirectoryError> {
        Ok(self.oauth.keys.reload().await?)
    }

    /// Makes the next signing key when it is time; safe to run on every node, as often as wanted.
    pub async fn rotate_signing_keys(&self) -> Result<bool, DirectoryError> {
        Ok(self.oauth.keys.rotate(self.settings.key_rotation, self.clock.now()).await?)
    }

    /// Seals every signing key again under the newest master key; returns how many.
    pub async fn reseal(&self) -> Result<u64, DirectoryError> {
        Ok(self.oauth.keys.reseal().await?)
    }

    /// Deletes codes, refresh tokens and assertions that are over; returns how many.
    pub async fn purge(&self) -> Result<u64, DirectoryError> {
        let now = self.clock.now();
        let mut deleted = 0;
        loop {
            let chunk: Result<u64, StoreError> = self
                .store
                .write(Key::system("directory/purge"), move |tx| rows::oauth::purge(tx, now, PURGE_CHUNK))
                .await;
            let chunk = chunk?;
            deleted += chunk;
            if chunk < u64::from(PURGE_CHUNK) {
                return Ok(deleted);
            }
        }
    }
}

/// A new code or token, and what is kept of it.
pub(crate) fn new_secret(entropy: &dyn Entropy, prefix: &str) -> (String, Vec<u8>) {
    let mut bytes = [0; SECRET_BYTES];
    entropy.fill(&mut bytes);
    let secret = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes));
    let hash = hash_of(&secret);
    (secret, hash)
}

/// What is kept of a code or token.
pub(crate) fn hash_of(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}
