//! [`Rig`]: a data folder with subscriptions, and the service on it in this process.
//!
//! The subscriptions are made by the real server, handshake included. The service then runs here, so that the
//! moment of each commit is known exactly.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tempfile::TempDir;
use trunkline_catalogue::sms::SmsReceived;
use trunkline_catalogue::{Publish, PublishError, publish};
use trunkline_events::ports::PortFuture;
use trunkline_events::{EventsService, FindTopic, Metrics, Parts, Settings, Topic};
use trunkline_kernel::{Clock as _, ResourceId, SystemClock, SystemEntropy};
use trunkline_net::outbound::{AddressRules, Outbound, OutboundBounds, SystemResolver};
use trunkline_store::blobs::{BlobPlace, Blobs};
use trunkline_store::vault::Vault;
use trunkline_store::{Backend, Key, Slice, Store, StoreConfig};
use trunkline_tasks::Tasks;
use uuid::Uuid;

use crate::local::Local;
use crate::server::Server;

/// How long handshakes with a hundred endpoints may take.
const PATIENCE: Duration = Duration::from_mins(1);
const MEBIBYTE: u64 = 1024 * 1024;
/// All that a server has: a store with tables of others is not opened.
const SLICES: [Slice; 6] = [
    trunkline_web::SLICE,
    trunkline_resources::SLICE,
    trunkline_identity::SLICE,
    trunkline_directory::SLICE,
    trunkline_usage::SLICE,
    trunkline_events::SLICE,
];

/// The topic of all events.
pub(crate) const TOPIC: &str = concat!(
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/default",
    "/providers/Microsoft.Communication/CommunicationServices/dev",
);

/// A subscription to be made.
pub(crate) struct Subscription {
    pub(crate) name: String,
    pub(crate) url: String,
    /// Whether several events share a request, as many as may.
    pub(crate) is_batching: bool,
}

/// A data folder with subscriptions.
pub(crate) struct Rig {
    _home: TempDir,
    pub(crate) data: PathBuf,
    resource: ResourceId,
}

/// The store in this process, and the service when it was started.
pub(crate) struct Running {
    pub(crate) store: Store,
    resource: ResourceId,
    service: Arc<EventsService>,
    tasks: Tasks,
}

struct OneTopic(Topic);

impl FindTopic for OneTopic {
    fn topic(&self, _resource: ResourceId) -> PortFuture<'_, Option<Topic>> {
        Box::pin(async { Ok(Some(self.0.clone())) })
    }

    fn resource<'a>(&'a self, _group: &'a str, _name: &'a str) -> PortFuture<'a, Option<ResourceId>> {
        Box::pin(async { Ok(None) })
    }

    fn subscription_id(&self) -> PortFuture<'_, Uuid> {
        Box::pin(async { Ok(Uuid::nil()) })
    }
}

impl Rig {
    pub(crate) fn make(subscriptions: &[Subscription]) -> Result<Self> {
        let home = TempDir::new()?;
        let data = home.path().join("data");
        let server = Server::start(&data)?;
        let resource = server.field("resourceId")?.parse().map_err(|_| anyhow::anyhow!("a resource id"))?;
        let mut local = Local::connect(&data)?;
        let place = "/trunkline/resources/dev/eventSubscriptions";
        for Subscription { name, url, is_batching } in subscriptions {
            let mut hook = json!({ "url": url });
            if *is_batching {
                hook["maxEventsPerBatch"] = json!(5000);
                hook["preferredBatchSizeInKilobytes"] = json!(1024);
            }
            let body = json!({ "destination": { "webHook": hook } }).to_string();
            local.request("PUT", &format!("{place}/{name}"), &body, 201)?;
        }
        let started = SystemClock.monotonic();
        for Subscription { name, .. } in subscriptions {
            loop {
                let shown = local.request("GET", &format!("{place}/{name}"), "", 200)?;
                if shown["state"] == "Succeeded" {
                    break;
                }
                if SystemClock.monotonic().saturating_sub(started) > PATIENCE {
                    bail!("the handshake with {name} does not end: {shown}");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        drop(local);
        server.stop()?;
        Ok(Self { _home: home, data, resource })
    }

    /// Opens the data in this process; nothing is delivered yet.
    pub(crate) async fn open(&self) -> Result<Running> {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let config = StoreConfig::new(Backend::Sqlite { folder: self.data.clone() });
        let store = Store::open(config, &SLICES, clock.clone(), entropy.clone()).await?;
        let rules = AddressRules::new(vec!["127.0.0.0/8".parse().ok().context("a network")?]);
        let bounds = OutboundBounds::default();
        let outbound = Outbound::new(&[], rules, bounds, Arc::new(SystemResolver), clock.clone())?;
        let topic = Topic { arm_id: TOPIC.into(), name: "dev".into(), group: "default".into() };
        let service = EventsService::open(Parts {
            store: store.clone(),
            vault: Vault::open_existing(&self.data.join("master.key"), entropy.clone())?,
            clock,
            entropy,
            blobs: Blobs::open(&BlobPlace::Folder(self.data.join("blobs")), MEBIBYTE)?,
            topics: Arc::new(OneTopic(topic)),
            translators: Vec::new(),
            webhooks: Arc::new(outbound),
            nats: None,
            installation: Uuid::nil(),
            settings: Settings { allow_http: true, ..Settings::default() },
            metrics: Metrics::default(),
        })
        .await?;
        Ok(Running { store, resource: self.resource, service, tasks: Tasks::new() })
    }
}

impl Running {
    /// Starts to deliver.
    pub(crate) fn deliver(&self) {
        let run = Arc::clone(&self.service).run(self.tasks.clone(), self.tasks.shutdown());
        self.tasks.spawn("deliver", run);
    }

    /// Publishes events of these numbers in one transaction; done when they are on the disk.
    pub(crate) fn publish(&self, numbers: Range<u64>) -> impl Future<Output = Result<()>> + Send + use<> {
        let (store, resource) = (self.store.clone(), self.resource);
        async move {
            let key = Key::new(resource, numbers.start);
            let write = move |tx: &mut trunkline_store::Tx<'_>| {
                for number in numbers.clone() {
                    let (data, now) = (message(number), SystemClock.now());
                    publish(tx, &Publish { resource, data: &data, subject: "/phonenumber/4930123456", now })?;
                }
                Ok::<(), PublishError>(())
            };
            Ok(store.write(key, write).await?)
        }
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) {
        self.tasks.stop(PATIENCE).await;
        self.store.close().await;
    }
}

/// What each event holds: some 300 bytes, as large as a short chat message.
pub(crate) fn message(number: u64) -> SmsReceived {
    SmsReceived {
        message_id: number.to_string(),
        from: "+4930123456".to_owned(),
        to: "+4930654321".to_owned(),
        message: "Ten bytes ".repeat(20),
        received_timestamp: None,
        segment_count: 2,
    }
}
