//! ACS resources with their access keys, and the operators of this server.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations as data |
//! | `api` | one handler per operation |
//! | `rows` | SQL |
//! | [`directory`] | finds a resource by host or name, cached |
//! | [`operators`] | operators and their tokens |
//! | [`error`] | what can go wrong |
//!
//! Deleting a resource emits [`RESOURCE_DELETED`]; each service deletes what it holds when it reads that.

mod api;
pub mod directory;
pub mod error;
pub mod operations;
pub mod operators;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use trunkline_kernel::{Clock, Entropy};
use trunkline_store::vault::Vault;
use trunkline_store::{Key, Migration, Slice, Store, params};
use trunkline_tasks::Shutdown;
use trunkline_web::Routes;
use uuid::Uuid;

pub use api::resources::{KeysReply, Resource};
pub use directory::{CHANGED_TOPIC, Directory, Naming};
pub use error::ResourcesError;
pub use operators::OperatorTokens;

/// The event of a deleted resource; its subject is the resource's immutable id.
pub const RESOURCE_DELETED: &str = "resources.resource_deleted";

/// The event of a regenerated key; its subject is `ID/SLOT`.
pub const KEY_REGENERATED: &str = "resources.key_regenerated";

/// The tables of this service.
pub const SLICE: Slice = Slice {
    name: "resources",
    migrations: &[Migration {
        version: 1,
        name: "resources",
        sql: include_str!("../migrations/0001_resources.sql"),
    }],
};

/// The service.
pub struct Resources {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) operator_tokens: Arc<OperatorTokens>,
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resources").finish_non_exhaustive()
    }
}

impl Resources {
    /// The service over `store`, with what its names and addresses look like.
    pub fn new(
        store: Store,
        vault: Vault,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        naming: Naming,
    ) -> Arc<Self> {
        let operator_tokens = OperatorTokens::new(store.clone(), Arc::clone(&clock));
        let directory = Arc::new(Directory::new(store.clone(), vault.clone(), clock, naming));
        Arc::new(Self { store, vault, entropy, directory, operator_tokens })
    }

    /// Finds resources for the pipeline.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Verifies operator tokens for the pipeline.
    pub fn operator_tokens(&self) -> &Arc<OperatorTokens> {
        &self.operator_tokens
    }

    /// Forgets what is cached whenever a node says that a resource, key or operator changed.
    pub async fn follow_changes(self: Arc<Self>, shutdown: Shutdown) {
        let mut changes = self.store.wakes().subscribe(CHANGED_TOPIC);
        loop {
            tokio::select! {
                wake = changes.next() => match wake {
                    Some(_) => self.forget(),
                    None => return,
                },
                () = shutdown.requested() => return,
            }
        }
    }

    pub(crate) fn forget(&self) {
        self.directory.forget();
        self.operator_tokens.forget();
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }

    /// The ARM subscription id of this installation; made at the first call and then kept.
    pub async fn subscription_id(&self, clock: &dyn Clock) -> Result<Uuid, ResourcesError> {
        let (fresh, now) = (self.entropy.uuid(), clock.now());
        self.store
            .write(Key::system("resources/installation"), move |tx| {
                tx.execute(
                    "INSERT INTO resources_installation (singleton, subscription_id, created_at)
                     VALUES (1, ?1, ?2) ON CONFLICT (singleton) DO NOTHING",
                    params![fresh, now],
                )?;
                let row = tx.query_one("SELECT subscription_id FROM resources_installation", params![])?;
                Ok(row.get(0)?)
            })
            .await
    }

    /// Seals every access key again under the newest master key; returns how many.
    pub async fn reseal(&self) -> Result<u64, ResourcesError> {
        let slots = self.store.read(rows::list_key_slots).await?;
        let mut resealed = 0;
        for (resource, slot) in slots {
            let vault = self.vault.clone();
            resealed += self
                .store
                .write(Key::new(resource, "keys"), move |tx| -> Result<u64, ResourcesError> {
                    let Some((sealed, generation)) = rows::find_key(tx, resource, slot)? else {
                        return Ok(0);
                    };
                    let purpose = rows::key_purpose(resource, slot);
                    let open = vault.open(&purpose, &sealed)?;
                    rows::replace_key(tx, resource, slot, &vault.seal(&purpose, open.expose()), generation)?;
                    Ok(1)
                })
                .await?;
        }
        Ok(resealed)
    }
}

/// Access keys have this many random bytes, as those of ACS.
pub(crate) const ACCESS_KEY_BYTES: usize = 64;
