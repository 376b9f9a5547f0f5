//! The built-in directory: applications, users, role assignments, and the tokens they get.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations of operators as data |
//! | [`operations_oauth`] | the operations of the token service as data |
//! | `api` | one handler per operation |
//! | `rows` | SQL |
//! | `grants` | whether a principal exists and what it may do, cached |
//! | [`passwords`], `sign_in` | passwords, and the lock after too many wrong ones |
//! | `throttle` | how often the token endpoint and the sign-in page answer one caller |
//! | `credentials` | secrets, certificates and federations of applications |
//! | `redirects` | which redirect URIs may be registered |
//! | `seeds` | what the configuration puts into the directory |
//! | `tokens` | the directory's own tokens |
//! | `page` | the sign-in page |
//! | `issuers`, `key_sets`, `ports` | issuers elsewhere and their key sets |
//! | `verify` | who is behind a token of the directory or of a configured issuer |
//! | `error` | what can go wrong |
//!
//! A token ends when its application or user is deleted or disabled: every check asks `grants`, which forgets
//! what it knows when [`CHANGED_TOPIC`] wakes.

mod api;
mod credentials;
mod error;
mod grants;
mod issuers;
mod key_sets;
pub mod operations;
pub mod operations_oauth;
mod page;
pub mod passwords;
mod ports;
mod redirects;
mod rows;
mod seeds;
mod sign_in;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{Clock, Entropy, ResourceId, Timestamp};
use trunkline_store::vault::Vault;
use trunkline_store::{Key, Migration, Slice, Store, params};
use trunkline_tasks::Shutdown;
use trunkline_web::Routes;
use trunkline_web::ports::FindResource;
use uuid::Uuid;

pub use error::DirectoryError;
pub use issuers::{Issuer, RoleGrant};
pub use ports::FetchJson;
pub use seeds::{
    ApplicationSeed, FederationSeed, Leftover, RoleSeed, Seeded, SeededApplication, Seeds, UserSeed,
};
pub use verify::Verifier;

use grants::Principals;
use passwords::Passwords;
use throttle::Throttle;

/// The tables of this service.
pub const SLICE: Slice = Slice {
    name: "directory",
    migrations: &[
        Migration { version: 1, name: "directory", sql: include_str!("../migrations/0001_directory.sql") },
        Migration { version: 2, name: "seeds", sql: include_str!("../migrations/0002_seeds.sql") },
    ],
};

/// The topic on which nodes tell each other that an application, user or role assignment changed.
pub const CHANGED_TOPIC: &str = "directory.changed";

/// What the service is configured with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The origin of the server, without a slash at the end: the authority for clients, and the first part of the
    /// issuer.
    pub public_origin: String,
    /// Whether the token service answers. Operators can look after the directory all the same.
    pub is_enabled: bool,
    /// Whether the managed-identity endpoint answers, on loopback only.
    pub is_metadata_enabled: bool,
    /// How old a signing key gets before the next one is made.
    pub key_rotation: Duration,
    /// Rounds of PBKDF2 for new passwords; those of stored ones stand beside them.
    pub password_iterations: u32,
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
    /// Fetches key sets of issuers elsewhere.
    pub fetcher: Arc<dyn FetchJson>,
    /// Finds the resources that roles are assigned on.
    pub resources: Arc<dyn FindResource>,
    /// Issuers elsewhere whose tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// The configuration.
    pub settings: Settings,
}

/// The service.
pub struct DirectoryService {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) resources: Arc<dyn FindResource>,
    pub(crate) settings: Settings,
    pub(crate) tenant_id: Uuid,
    pub(crate) principals: Arc<Principals>,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) has_issuers: bool,
    pub(crate) oauth: tokens::Oauth,
}

impl std::fmt::Debug for DirectoryService {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DirectoryService").finish_non_exhaustive()
    }
}

impl DirectoryService {
    /// Reads the tenant id and the signing keys (at the first start: makes them) and builds the service.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, DirectoryError> {
        let tenant_id = load_tenant_id(&parts.store, &*parts.clock, &*parts.entropy).await?;
        let principals = Principals::new(parts.store.clone(), Arc::clone(&parts.clock));
        let oauth = tokens::Oauth::open(&parts, tenant_id, &principals).await?;
        let passwords = Passwords::new(parts.settings.password_iterations, Arc::clone(&parts.entropy));
        Ok(Arc::new(Self {
            throttle: Throttle::new(Arc::clone(&parts.clock)),
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            resources: parts.resources,
            settings: parts.settings,
            tenant_id,
            principals,
            passwords,
            has_issuers: !parts.issuers.is_empty(),
            oauth,
        }))
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }

    /// The tenant: one for each installation.
    pub const fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }

    /// The origin that clients use as authority host, without a slash at the end.
    pub fn authority(&self) -> &str {
        &self.settings.public_origin
    }

    /// The `iss` of the directory's own tokens.
    pub fn issuer(&self) -> String {
        format!("{}/{}/v2.0", self.settings.public_origin, self.tenant_id)
    }

    /// Forgets what is cached whenever a node says that the directory changed.
    pub async fn follow_changes(self: Arc<Self>, shutdown: Shutdown) {
        let mut changes = self.store.wakes().subscribe(CHANGED_TOPIC);
        loop {
            tokio::select! {
                wake = changes.next() => match wake {
                    Some(_) => self.principals.forget(),
                    None => return,
                },
                () = shutdown.requested() => return,
            }
        }
    }

    /// Removes the role assignments on a resource that was deleted at `until`; returns how many there were.
    /// One made again with the same id keeps those given since.
    pub async fn forget_resource(
        &self,
        resource: ResourceId,
        until: Timestamp,
    ) -> Result<u64, DirectoryError> {
        let removed = self
            .store
            .write(sign_in::changes_key(), move |tx| -> Result<u64, DirectoryError> {
                let removed = rows::role_assignments::delete_of_resource(tx, resource, until)?;
                if removed > 0 {
                    sign_in::wake(tx)?;
                }
                Ok(removed)
            })
            .await?;
        self.principals.forget();
        Ok(removed)
    }
}

/// The tenant id of the installation in `store`; made at the first call and then kept. For what must know it
/// before the service is there.
pub async fn load_tenant_id(
    store: &Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Uuid, DirectoryError> {
    let (fresh, now) = (entropy.uuid(), clock.now());
    store
        .write(Key::system("directory/installation"), move |tx| {
            tx.execute(
                "INSERT INTO directory_installation (singleton, tenant_id, created_at)
                 VALUES (1, ?1, ?2) ON CONFLICT (singleton) DO NOTHING",
                params![fresh, now],
            )?;
            Ok(tx.query_one("SELECT tenant_id FROM directory_installation", params![])?.get(0)?)
        })
        .await
}
