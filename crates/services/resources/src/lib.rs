//! ACS resources with their access keys, and the operators of this server.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations as data |
//! | `api` | the operator API, one handler per operation |
//! | `arm` | the control plane as ARM has it, one handler per operation |
//! | `changes` | what both do to resources, inside a transaction |
//! | `rules` | what is accepted |
//! | `rows` | SQL |
//! | [`directory`] | finds a resource by host or name, cached |
//! | [`operators`] | operators and their tokens |
//! | [`error`] | what can go wrong |
//!
//! Deleting a resource emits [`RESOURCE_DELETED`]; each service deletes what it holds when it reads that.

mod api;
mod arm;
mod changes;
pub mod directory;
pub mod error;
pub mod operations;
pub mod operators;
mod rows;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::OnceCell;
use trunkline_kernel::{Clock, Entropy, ResourceId, ResourceName};
use trunkline_store::vault::Vault;
use trunkline_store::{Key, Migration, Slice, Store, Tx, params};
use trunkline_tasks::Shutdown;
use trunkline_web::Routes;
use uuid::Uuid;

pub use api::resources::{KeysReply, Resource};
pub use arm::{EVENT_GRID_VERSIONS, GROUP_DELETION_JOB};
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
    migrations: &[
        Migration { version: 1, name: "resources", sql: include_str!("../migrations/0001_resources.sql") },
        Migration { version: 2, name: "arm", sql: include_str!("../migrations/0002_arm.sql") },
    ],
};

/// What the service is configured with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The tenant of this installation, as ARM shows it.
    pub tenant_id: Uuid,
    /// Where data may lie; empty for anywhere. The first is the one of resources that name none.
    pub data_locations: Vec<String>,
}

/// Where a resource lies in ARM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArmPlace {
    /// `/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.Communication/CommunicationServices/NAME`.
    pub id: String,
    /// The resource's name as ARM shows it.
    pub name: String,
    /// Its resource group as ARM shows it.
    pub group: String,
}

impl ArmPlace {
    fn of(row: &rows::ResourceRow, subscription: Uuid) -> Self {
        let name = if row.shown_name.is_empty() { &row.name } else { &row.shown_name };
        Self {
            id: arm::resource_id(subscription, &row.shown_group, name),
            name: name.clone(),
            group: row.shown_group.clone(),
        }
    }
}

/// What the service is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Seals access keys.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids and keys.
    pub entropy: Arc<dyn Entropy>,
    /// What names and addresses look like.
    pub naming: Naming,
    /// The configuration.
    pub settings: Settings,
}

/// The service.
pub struct Resources {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: Settings,
    pub(crate) directory: Arc<Directory>,
    pub(crate) operator_tokens: Arc<OperatorTokens>,
    subscription_id: OnceCell<Uuid>,
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resources").finish_non_exhaustive()
    }
}

impl Resources {
    /// The service.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { store, vault, clock, entropy, naming, settings } = parts;
        let operator_tokens = OperatorTokens::new(store.clone(), Arc::clone(&clock));
        let directory = Arc::new(Directory::new(store.clone(), vault.clone(), Arc::clone(&clock), naming));
        let subscription_id = OnceCell::new();
        Arc::new(Self { store, vault, clock, entropy, settings, directory, operator_tokens, subscription_id })
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
        api::routes(self).join(arm::routes(self))
    }

    /// The ARM subscription id of this installation; made at the first call and then kept.
    pub async fn subscription_id(&self) -> Result<Uuid, ResourcesError> {
        self.subscription_id.get_or_try_init(|| self.load_or_make_subscription_id()).await.copied()
    }

    async fn load_or_make_subscription_id(&self) -> Result<Uuid, ResourcesError> {
        let (fresh, now) = (self.entropy.uuid(), self.clock.now());
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

    /// Where the resource lies in ARM; `None` when there is no such resource.
    pub async fn place_of(&self, id: ResourceId) -> Result<Option<ArmPlace>, ResourcesError> {
        let subscription = self.subscription_id().await?;
        let find = move |tx: &mut Tx<'_>| -> Result<Option<rows::ResourceRow>, ResourcesError> {
            let Some(name) = rows::find_name(tx, id)? else { return Ok(None) };
            Ok(rows::find_resource(tx, &name)?)
        };
        Ok(self.store.read(find).await?.map(|row| ArmPlace::of(&row, subscription)))
    }

    /// The resource of that name in that group, both in any case.
    pub async fn find_in_group(&self, group: &str, name: &str) -> Result<Option<ResourceId>, ResourcesError> {
        let Ok(name) = name.parse::<ResourceName>() else { return Ok(None) };
        let group = rules::groups::key_of(group);
        let found = self.store.read(move |tx| rows::find_resource(tx, name.as_str())).await?;
        Ok(found.filter(|row: &rows::ResourceRow| row.group == group).map(|row| row.id))
    }

    /// Goes on with the deletion of a resource group: the handler of [`GROUP_DELETION_JOB`].
    ///
    /// Deletes a chunk of resources a transaction, and then the group. May run again and again.
    pub async fn run_group_deletion(&self, payload: &str) -> Result<(), ResourcesError> {
        arm::run_group_deletion(self, payload).await
    }

    /// Seals every access key and connection string again under the newest master key; returns how many.
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
        for resource in self.store.read(rows::list_hubs).await? {
            let vault = self.vault.clone();
            resealed += self
                .store
                .write(Key::new(resource, "keys"), move |tx| -> Result<u64, ResourcesError> {
                    let Some((hub, sealed)) = rows::find_hub(tx, resource)? else { return Ok(0) };
                    let purpose = rows::hub_purpose(resource);
                    let open = vault.open(&purpose, &sealed)?;
                    rows::replace_hub(tx, resource, &hub, &vault.seal(&purpose, open.expose()))?;
                    Ok(1)
                })
                .await?;
        }
        Ok(resealed)
    }
}
