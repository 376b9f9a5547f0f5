//! Users of a resource and their access tokens.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations as data |
//! | `api` | one handler per operation |
//! | `changes` | create, revoke, delete: rows and events in one transaction |
//! | `rows` | SQL |
//! | [`claims`], [`scope`] | what a token says |
//! | [`tokens`] | issues and verifies |
//! | `exchange` | tokens of directory users |
//! | [`error`] | what can go wrong |
//!
//! A token ends in four ways, none of which needs a clock on another node: its user's generation changes
//! (revocation), its user is deleted, the access key that minted it is regenerated, or its time is over.

mod api;
mod changes;
pub mod claims;
pub mod error;
mod exchange;
pub mod operations;
mod rows;
pub mod scope;
#[cfg(test)]
mod tests;
pub mod tokens;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{Clock, Entropy, ResourceId, Timestamp};
use trunkline_store::vault::Vault;
use trunkline_store::wakes::Wake;
use trunkline_store::{Key, Migration, Slice, Store};
use trunkline_tasks::Shutdown;
use trunkline_web::ports::VerifyDirectoryToken;
use trunkline_web::signing_keys::{KeyTable, SigningKeys};
use trunkline_web::{ResourceView, Routes};

pub use changes::{TOKENS_REVOKED, USER_DELETED};
pub use error::IdentityError;
pub use tokens::{REVOKED_TOPIC, Tokens};

/// The tables of this service.
pub const SLICE: Slice = Slice {
    name: "identity",
    migrations: &[
        Migration { version: 1, name: "identity", sql: include_str!("../migrations/0001_identity.sql") },
        Migration { version: 2, name: "exchanges", sql: include_str!("../migrations/0002_exchanges.sql") },
    ],
};

/// Where the keys are that sign user tokens.
const SIGNING_KEYS: KeyTable = KeyTable { name: "identity_signing_keys", purpose: "identity/signing_keys" };

/// Users, and then assignments, deleted in one transaction when their resource goes, so that no write waits long for it.
const DELETE_CHUNK: u32 = 200;

/// What the service is configured with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The lifetime of a token for which none is asked; 60 to 1440 minutes.
    pub lifetime_default: Duration,
    /// How old a signing key gets before the next one is made.
    pub key_rotation: Duration,
}

/// What the service is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Seals signing keys.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Verifies tokens of directory users that come in a body.
    pub directory: Arc<dyn VerifyDirectoryToken>,
    /// The configuration.
    pub settings: Settings,
}

/// The service.
pub struct Identity {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) directory: Arc<dyn VerifyDirectoryToken>,
    pub(crate) settings: Settings,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Loads the signing keys (making the first one) and builds the service.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, IdentityError> {
        let now = parts.clock.now();
        let keys = SigningKeys::open(parts.store.clone(), parts.vault, SIGNING_KEYS, now).await?;
        let tokens = Arc::new(Tokens::new(parts.store.clone(), Arc::clone(&parts.clock), keys));
        Ok(Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            tokens,
            directory: parts.directory,
            settings: parts.settings,
        }))
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }

    /// Issues and verifies tokens.
    pub const fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    /// Which of `raw_ids` are users of the resource, in the order given.
    pub async fn known_users(
        &self,
        resource: ResourceId,
        raw_ids: Vec<String>,
    ) -> Result<Vec<bool>, IdentityError> {
        self.store
            .read(move |tx| {
                let known = rows::list_generations(tx, resource, &raw_ids)?;
                let known: HashMap<String, i64> = known.into_iter().collect();
                Ok::<_, IdentityError>(raw_ids.iter().map(|raw_id| known.contains_key(raw_id)).collect())
            })
            .await
    }

    /// Which tokens are still good in `resource`, by their raw ids, generations and access keys as a
    /// [`Principal::User`](trunkline_web::Principal) has them, in the order given. As the database has it now; when
    /// they end by themselves is not looked at.
    pub async fn still_good(
        &self,
        resource: &ResourceView,
        tokens: Vec<(Arc<str>, i64, Option<Arc<str>>)>,
    ) -> Result<Vec<bool>, IdentityError> {
        let id = resource.id;
        let raw_ids: Vec<String> = tokens.iter().map(|(raw_id, ..)| raw_id.to_string()).collect();
        let generations = self.store.read(move |tx| rows::list_generations(tx, id, &raw_ids));
        let generations: HashMap<String, i64> = generations.await?.into_iter().collect();
        let is_good = |(raw_id, generation, key): &(Arc<str>, i64, Option<Arc<str>>)| {
            generations.get(&**raw_id) == Some(generation)
                && key.as_deref().is_none_or(|key| claims::is_key_of(resource, key))
        };
        Ok(tokens.iter().map(is_good).collect())
    }

    /// Makes the next signing key when it is time; safe to run on every node, as often as wanted.
    pub async fn rotate_signing_keys(&self) -> Result<bool, IdentityError> {
        Ok(self.tokens.keys().rotate(self.settings.key_rotation, self.clock.now()).await?)
    }

    /// Forgets what is cached of a user whenever a node says that its tokens ended.
    pub async fn follow_revocations(self: Arc<Self>, shutdown: Shutdown) {
        let mut revocations = self.store.wakes().subscribe(REVOKED_TOPIC);
        loop {
            tokio::select! {
                wake = revocations.next() => match wake {
                    Some(wake) => self.forget(&wake),
                    None => return,
                },
                () = shutdown.requested() => return,
            }
        }
    }

    fn forget(&self, wake: &Wake) {
        let named = match wake {
            Wake::Payload(payload) => payload.split_once(' '),
            Wake::Missed => None,
        };
        match named.and_then(|(resource, raw_id)| Some((resource.parse::<ResourceId>().ok()?, raw_id))) {
            Some((resource, raw_id)) => self.tokens.forget(resource, raw_id),
            None => self.tokens.forget_all(),
        }
    }

    /// Deletes the users and assignments a resource had when it was deleted at `until`, a chunk a transaction. Those
    /// of a resource made again with the same id since then stay. Returns how many users.
    pub async fn delete_users_of(
        &self,
        resource: ResourceId,
        until: Timestamp,
    ) -> Result<u64, IdentityError> {
        let mut deleted = 0;
        loop {
            let chunk: u64 = self
                .store
                .write(Key::new(resource, "users"), move |tx| -> Result<u64, IdentityError> {
                    Ok(rows::delete_some_users(tx, resource, until, DELETE_CHUNK)?)
                })
                .await?;
            deleted += chunk;
            if chunk < u64::from(DELETE_CHUNK) {
                break;
            }
        }
        self.tokens.forget_all();
        self.delete_assignments_of(resource, until).await?;
        Ok(deleted)
    }

    async fn delete_assignments_of(
        &self,
        resource: ResourceId,
        until: Timestamp,
    ) -> Result<(), IdentityError> {
        loop {
            let chunk: u64 = self
                .store
                .write(Key::new(resource, "assignments"), move |tx| -> Result<u64, IdentityError> {
                    Ok(rows::assignments::delete_some(tx, resource, until, DELETE_CHUNK)?)
                })
                .await?;
            if chunk < u64::from(DELETE_CHUNK) {
                return Ok(());
            }
        }
    }

    /// Seals every signing key again under the newest master key; returns how many.
    pub async fn reseal(&self) -> Result<u64, IdentityError> {
        Ok(self.tokens.keys().reseal().await?)
    }
}
