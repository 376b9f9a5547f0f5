//! Chat: threads, messages, receipts, typing, and their realtime notifications.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations as data |
//! | [`api`] | one handler per operation |
//! | [`rules`] | what is allowed; pure |
//! | [`rows`] | SQL |
//! | [`changes`] | what happens in threads: rows, event, wake-up in one transaction |
//! | [`realtime`] | who is connected, and who is told what |
//! | [`deletion`] | erasure of threads, people and resources; retention |
//! | [`translate`] | chat's events as the published ones |
//! | [`error`] | what can go wrong |

mod api;
mod changes;
mod convert;
mod deletion;
pub mod error;
mod html;
pub mod metrics;
mod notify;
pub mod operations;
mod picture;
mod realtime;
mod rows;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
pub mod translate;
mod words;

use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use trunkline_kernel::{Clock, Entropy, ResourceId, Secret};
use trunkline_store::blobs::Blobs;
use trunkline_store::{Migration, Slice, Store, Wake};
use trunkline_tasks::{Shutdown, Tasks};
use trunkline_web::Routes;
use trunkline_web::ports::FindUsers;

pub use changes::{
    MESSAGE_DELETED, MESSAGE_EDITED, MESSAGE_SENT, PARTICIPANTS_ADDED, PARTICIPANTS_REMOVED, THREAD_CREATED,
    THREAD_DELETED, THREAD_PROPERTIES_UPDATED,
};
pub use deletion::{ERASE_JOB, RETENTION_JOB};
pub use error::ChatError;
pub use metrics::Metrics;
pub use settings::Settings;

use realtime::{Hub, HubParts};
use rows::PersonNumber;
use rules::access::Caller;

/// The tables of this service.
pub const SLICE: Slice = Slice {
    name: "chat",
    migrations: &[Migration { version: 1, name: "chat", sql: include_str!("../migrations/0001_chat.sql") }],
};

/// People whose numbers are kept in memory: those of a busy day, about 150 bytes each.
const PEOPLE_CACHED: usize = 100_000;
/// Told between nodes: numbers of people that are kept in memory may be stale.
const PEOPLE_TOPIC: &str = "chat.people";

/// What the service is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Images.
    pub blobs: Blobs,
    /// The users of resources.
    pub users: Arc<dyn FindUsers>,
    /// Where background work runs.
    pub tasks: Tasks,
    /// The name of this node, as the other nodes see it.
    pub node: String,
    /// The configuration.
    pub settings: Settings,
    /// A secret of this installation, the same on every node: keys of word hashes and connection parameters derive
    /// from it.
    pub secret: Secret<Vec<u8>>,
    /// The counters.
    pub metrics: Metrics,
}

/// The service.
pub struct ChatService {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) blobs: Blobs,
    pub(crate) users: Arc<dyn FindUsers>,
    pub(crate) tasks: Tasks,
    pub(crate) settings: Settings,
    pub(crate) secret: Secret<Vec<u8>>,
    pub(crate) realtime: Arc<Hub>,
    // A person keeps their number, also when erased; only a deleted resource makes entries stale, and empties it on
    // every node.
    people: Cache<(ResourceId, Arc<str>), PersonNumber>,
    // One vacuum at a time: a second one would wait for the locks of the first.
    pub(crate) vacuums: Semaphore,
}

impl std::fmt::Debug for ChatService {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ChatService").finish_non_exhaustive()
    }
}

impl ChatService {
    /// Builds the service.
    ///
    /// **Errors**: the store's.
    #[expect(clippy::unused_async, reason = "parts of the service read the store when they open")]
    pub async fn open(parts: Parts) -> Result<Arc<Self>, ChatError> {
        let hub = HubParts {
            store: parts.store.clone(),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            users: Arc::clone(&parts.users),
            tasks: parts.tasks.clone(),
            node: parts.node,
            settings: parts.settings.clone(),
            metrics: parts.metrics.clone(),
        };
        let realtime = Hub::new(hub, parts.secret.expose());
        Ok(Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            blobs: parts.blobs,
            users: parts.users,
            tasks: parts.tasks,
            settings: parts.settings,
            secret: parts.secret,
            realtime,
            people: Cache::new(PEOPLE_CACHED),
            vacuums: Semaphore::new(1),
        }))
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }

    /// The user behind a request.
    pub(crate) async fn caller(&self, resource: ResourceId, raw_id: &Arc<str>) -> Result<Caller, ChatError> {
        let person = self.person(resource, raw_id).await?;
        Ok(Caller { person, raw_id: Arc::clone(raw_id), is_server: false })
    }

    /// The application behind a request with the rights of the resource.
    pub(crate) async fn server_caller(&self, resource: ResourceId) -> Result<Caller, ChatError> {
        let raw_id: Arc<str> = rows::people::service_raw_id(resource).into();
        let person = self.person(resource, &raw_id).await?;
        Ok(Caller { person, raw_id, is_server: true })
    }

    /// The number of a person; [`PersonNumber::NOBODY`] for somebody who never took part.
    pub(crate) async fn person(
        &self,
        resource: ResourceId,
        raw_id: &Arc<str>,
    ) -> Result<PersonNumber, ChatError> {
        let name = (resource, Arc::clone(raw_id));
        if let Some(known) = self.people.get(&name) {
            return Ok(known);
        }
        let wanted = Arc::clone(raw_id);
        let found: Option<PersonNumber> = self
            .store
            .read(move |tx| Ok::<_, ChatError>(rows::people::find_person(tx, resource, &wanted)?))
            .await?;
        let Some(person) = found else { return Ok(PersonNumber::NOBODY) };
        self.people.insert(name, person);
        Ok(person)
    }

    /// Forgets every number kept in memory, on every node.
    pub(crate) fn forget_people(&self) {
        self.people.clear();
        self.store.wakes().publish(PEOPLE_TOPIC, "");
    }

    /// Listens to other nodes that say when numbers are stale, until the end is asked for.
    pub(crate) async fn listen_people(self: Arc<Self>, shutdown: Shutdown) {
        let mut wakes = self.store.wakes().subscribe(PEOPLE_TOPIC);
        loop {
            let wake = tokio::select! {
                () = shutdown.requested() => return,
                wake = wakes.next() => wake,
            };
            // What was missed may have been just that.
            match wake {
                None => return,
                Some(Wake::Missed | Wake::Payload(_)) => self.people.clear(),
            }
        }
    }
}
