//! Calling: signalling, the call machine, its rows and events.
//!
//! ```text
//! socket ── session ── requests ──► registry ──► actor of a call ──► rules: what happens
//!              ▲                                   │
//!              └──────────── notices ◄─────────────┼──► rows and events
//!                                                  └──► media threads
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations as data |
//! | [`api`] | one handler per operation |
//! | [`signalling`] | who is connected: sessions, sockets, rings, requests |
//! | [`actor`] | a running call |
//! | [`rules`] | what happens to a call; pure |
//! | [`error`] | what can go wrong |

mod actor;
mod api;
mod contexts;
mod deletion;
mod echo;
pub mod error;
pub mod events;
pub mod metrics;
pub mod operations;
pub mod ports;
mod registry;
mod reports;
mod rows;
mod rules;
mod settings;
mod signalling;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use trunkline_kernel::{Clock, Entropy, ResourceId, Secret};
use trunkline_media::MediaHandle;
use trunkline_store::{Migration, Slice, Store};
use trunkline_tasks::{Shutdown, Tasks};
use trunkline_web::Routes;
use trunkline_web::ports::{FindResource, FindUsers, GuardSpend, VerifyBearer};

pub use contexts::{BadContext, IncomingLeg};
pub use error::CallingError;
pub use metrics::Metrics;
pub use ports::{FindRooms, RelayCredentials, RoomPlace, RoomRefusal};
pub use settings::{OnTokenEnd, Settings};
pub use trunkline_calling_wire::IceServer;

use contexts::Contexts;
use registry::Registry;
use signalling::Hub;

/// The tables of this service.
pub const SLICE: Slice = Slice {
    name: "calling",
    migrations: &[Migration {
        version: 1,
        name: "calling",
        sql: include_str!("../migrations/0001_calling.sql"),
    }],
};

/// What the service is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The users of resources.
    pub users: Arc<dyn FindUsers>,
    /// The rooms of resources.
    pub rooms: Arc<dyn FindRooms>,
    /// Relays for media.
    pub relay: Arc<dyn RelayCredentials>,
    /// Verifies access tokens of users.
    pub tokens: Arc<dyn VerifyBearer>,
    /// The resources.
    pub resources: Arc<dyn FindResource>,
    /// Keeps resources within their spend limits, when there are any.
    pub spend: Option<Arc<dyn GuardSpend>>,
    /// The media threads.
    pub media: MediaHandle,
    /// Where background work runs.
    pub tasks: Tasks,
    /// The name of this node, as the other nodes see it.
    pub node: String,
    /// The configuration.
    pub settings: Settings,
    /// Random bytes, the same on all nodes: what seals contexts of incoming calls.
    pub secret: Secret<Vec<u8>>,
    /// The counters.
    pub metrics: Metrics,
}

/// The service.
pub struct CallingService {
    pub(crate) parts: Parts,
    pub(crate) hub: Arc<Hub>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) contexts: Arc<Contexts>,
}

impl std::fmt::Debug for CallingService {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CallingService").finish_non_exhaustive()
    }
}

impl CallingService {
    /// Builds the service.
    ///
    /// **Errors**: the store's.
    #[expect(clippy::unused_async, reason = "parts of the service read the store when they open")]
    pub async fn open(parts: Parts) -> Result<Arc<Self>, CallingError> {
        let hub = Hub::new(Arc::clone(&parts.clock), parts.metrics.clone());
        let registry = Registry::new(&parts, &hub);
        let contexts = Arc::new(Contexts::new(parts.secret.expose()));
        Ok(Arc::new(Self { parts, hub, registry, contexts }))
    }

    /// The leg that the `incomingCallContext` of an event names.
    ///
    /// **Errors**: [`BadContext`] for whatever this service did not make for this resource.
    pub fn incoming_leg(&self, resource: ResourceId, context: &str) -> Result<IncomingLeg, BadContext> {
        self.contexts.open(resource, context)
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }

    /// Keeps sessions, leases and calls going until the end is asked for.
    pub async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let tasks = &self.parts.tasks;
        tasks.spawn("calling: sessions", Arc::clone(&self).sweep_sessions(shutdown.clone()));
        tasks.spawn("calling: leases", Arc::clone(&self.registry).keep_leases(shutdown.clone()));
        tasks.spawn("calling: tokens", Arc::clone(&self).watch_tokens(shutdown.clone()));
        shutdown.requested().await;
    }
}
