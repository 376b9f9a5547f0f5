//! Event subscriptions, and the delivery of events to them: at least once, in milliseconds.
//!
//! | module | what |
//! |---|---|
//! | [`operations`] | the operations as data |
//! | `api` | the operator API, one handler per operation |
//! | `arm` | the control plane as ARM has it, one handler per operation |
//! | `changes` | what both do to subscriptions, inside a transaction |
//! | [`model`] | what a subscription is |
//! | `rules` | what is accepted |
//! | `filters`, `envelope` | which events a subscription gets, and what they look like on the wire |
//! | `handshake` | whether an endpoint wants our events |
//! | `runtime` | reads the outbox, drives the delivery machine, sends, and stores what came of it |
//! | `replay` | a window of the past once more, to one subscription |
//! | `nats` | the publisher of that destination |
//! | `rows` | SQL |
//! | [`ports`] | what the service asks of others |
//! | [`metrics`] | what it counts |
//! | [`error`] | what can go wrong |
//!
//! ```text
//! outbox ──> runtime ──> delivery machine ──> lanes ──> web hook
//!                              └──> one transaction: cursor, due rows, log of attempts
//! ```

mod api;
mod arm;
mod changes;
mod envelope;
pub mod error;
mod filters;
mod handshake;
pub mod metrics;
pub mod model;
pub mod nats;
pub mod operations;
pub mod ports;
mod publications;
mod purge;
mod replay;
mod rows;
mod rules;
mod runtime;
#[cfg(test)]
mod tests;
mod webhooks;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use trunkline_kernel::limits::{LimitSet, NamedLimit};
use trunkline_kernel::{Clock, Entropy};
use trunkline_store::blobs::Blobs;
use trunkline_store::outbox::OutboxReader;
use trunkline_store::vault::Vault;
use trunkline_store::{Migration, Slice, Store};
use trunkline_tasks::{Shutdown, Tasks};
use trunkline_web::Routes;
use uuid::Uuid;

pub use error::EventsError;
pub use metrics::Metrics;
pub use ports::{FindTopic, PublishNats, SendWebhook, Topic, Translate, WebhookConnection};

/// The kind of the jobs that shake hands with an endpoint; the key is the subscription's number.
pub const HANDSHAKE_JOB: &str = "events.handshake";
/// The kind of the jobs that write a window of the past into the due rows of one subscription.
pub const REPLAY_JOB: &str = "events.replay";
/// Wakes who delivers: subscriptions changed, or somebody wrote due rows.
pub const CHANGED_TOPIC: &str = "events.changed";
/// The consumer of the outbox whose cursor says what is delivered or parked.
pub const CONSUMER: &str = "events";
/// The cursor that keeps what due rows name.
pub const HOLDER: &str = "events.pending";

/// Subscriptions of one resource: Azure's number, and what a thousand endpoints need.
pub const SUBSCRIPTIONS_MAX: NamedLimit<u32> = NamedLimit { generous: Some(1000), acs: Some(500) };

/// The tables of this service.
pub const SLICE: Slice = Slice {
    name: "events",
    migrations: &[Migration {
        version: 1,
        name: "events",
        sql: include_str!("../migrations/0001_events.sql"),
    }],
};

/// What the service is configured with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether web hooks may be `http`.
    pub allow_http: bool,
    /// `WebHook-Request-Origin` of CloudEvents' handshake and deliveries.
    pub webhook_origin: String,
    /// The public address of this server without a slash at the end, for validation addresses.
    pub public_url: String,
    /// How long attempts stay in the log.
    pub log_age_max: Duration,
    /// How many attempts stay in the log.
    pub log_rows_max: u64,
    /// How many deliveries of one subscription may wait.
    pub pending_max: u64,
    /// Which limits apply.
    pub limits: LimitSet,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_http: false,
            webhook_origin: "eventgrid.azure.net".to_owned(),
            public_url: "https://localhost".to_owned(),
            log_age_max: Duration::from_hours(7 * 24),
            log_rows_max: 1_000_000,
            pending_max: 5_000_000,
            limits: LimitSet::default(),
        }
    }
}

/// What the service is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Seals addresses and secret headers.
    pub vault: Vault,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for codes, ids and jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Where dead letters go.
    pub blobs: Blobs,
    /// Where resources lie.
    pub topics: Arc<dyn FindTopic>,
    /// Who expands domain events.
    pub translators: Vec<Arc<dyn Translate>>,
    /// The way to web hooks.
    pub webhooks: Arc<dyn SendWebhook>,
    /// The way to the NATS server, when one is configured.
    pub nats: Option<Arc<dyn PublishNats>>,
    /// Tells this installation from others; event ids derive from it.
    pub installation: Uuid,
    /// The configuration.
    pub settings: Settings,
    /// The counters.
    pub metrics: Metrics,
}

/// The service.
pub struct EventsService {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) blobs: Blobs,
    pub(crate) topics: Arc<dyn FindTopic>,
    /// By the kind they expand.
    pub(crate) translators: HashMap<&'static str, Arc<dyn Translate>>,
    pub(crate) webhooks: Arc<dyn SendWebhook>,
    pub(crate) nats: Option<Arc<dyn PublishNats>>,
    pub(crate) installation: Uuid,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) reader: OutboxReader,
    /// Places for handshakes: endpoints that hang must not take those of other jobs.
    pub(crate) handshakes: Semaphore,
    /// Places for requests that wait for events.
    pub(crate) listeners: Semaphore,
}

impl std::fmt::Debug for EventsService {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EventsService").finish_non_exhaustive()
    }
}

impl EventsService {
    /// The service. Its cursors are registered, so that the outbox keeps events from now on.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, EventsError> {
        let reader = OutboxReader::register(parts.store.clone(), CONSUMER).await?;
        trunkline_store::outbox::steps::register(&parts.store, HOLDER).await?;
        let by_kind = |one: Arc<dyn Translate>| one.kinds().iter().map(move |kind| (*kind, Arc::clone(&one)));
        Ok(Arc::new(Self {
            store: parts.store,
            vault: parts.vault,
            clock: parts.clock,
            entropy: parts.entropy,
            blobs: parts.blobs,
            topics: parts.topics,
            translators: parts.translators.into_iter().flat_map(by_kind).collect(),
            webhooks: parts.webhooks,
            nats: parts.nats,
            installation: parts.installation,
            settings: parts.settings,
            metrics: parts.metrics,
            reader,
            handshakes: Semaphore::new(handshake::HANDSHAKES_AT_ONCE),
            listeners: Semaphore::new(api::listen::LISTENERS_MAX),
        }))
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self).join(arm::routes(self))
    }

    /// Delivers until `shutdown` asks for the end. Of several nodes one delivers, and another takes over
    /// when it goes. `tasks` own the connections.
    pub async fn run(self: Arc<Self>, tasks: Tasks, shutdown: Shutdown) {
        runtime::run(self, tasks, shutdown).await;
    }
}
