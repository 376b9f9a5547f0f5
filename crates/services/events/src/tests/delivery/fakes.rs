//! Endpoints, places and clocks of the tests.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use serde_json::Value;
use trunkline_catalogue::Publication;
use trunkline_kernel::{Clock, ResourceId, Secret, SystemClock, Timestamp};
use trunkline_net::outbound::{OutboundError, Target};
use trunkline_store::blobs::{BlobPlace, Blobs};
use trunkline_store::vault::Vault;
use trunkline_store::{Event, Key, NewEvent, Slice, Store, StoreError, Tx};
use trunkline_tasks::Tasks;
use trunkline_testkit::TestStore;
use uuid::Uuid;

use crate::model::{Destination, Filter, Provisioning, Retry, Schema, Secrets, Spec, Subscription};
use crate::ports::{FindTopic, OutboundFuture, PortFuture, SendWebhook, Topic, Translate, WebhookConnection};
use crate::rows::{self, SubscriptionRow};
use crate::{EventsService, Metrics, Parts, Settings};

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];
pub(super) const RESOURCE: ResourceId = ResourceId(Uuid::from_u128(7));
/// A domain event that stands for two published ones.
pub(super) const FACT: &str = "test.thread_created";
/// The longest that a test waits for something to happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// The machine's clock and a distance that tests change.
#[derive(Default)]
pub(super) struct JumpingClock {
    ahead_micros: AtomicU64,
}

impl JumpingClock {
    pub(super) fn jump(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap();
        self.ahead_micros.fetch_add(micros, Ordering::SeqCst);
    }

    fn ahead(&self) -> Duration {
        Duration::from_micros(self.ahead_micros.load(Ordering::SeqCst))
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.ahead())
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic() + self.ahead()
    }
}

/// What an endpoint does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Answer(u16),
    Hang,
    Refuse,
}

/// A request as an endpoint got it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) events: Vec<Value>,
}

/// Every endpoint there is, by path: `https://hooks.test/PATH`.
#[derive(Default)]
pub(super) struct Hooks {
    behaviours: Mutex<HashMap<String, Behaviour>>,
    received: Mutex<Vec<Received>>,
    happened: tokio::sync::Notify,
}

impl Hooks {
    pub(super) fn set(&self, path: &str, behaviour: Behaviour) {
        self.behaviours.lock().unwrap().insert(path.to_owned(), behaviour);
    }

    pub(super) fn received(&self, path: &str) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|one| one.path == path).cloned().collect()
    }

    /// Subjects of the events that the endpoint got, in the order it got them.
    pub(super) fn subjects(&self, path: &str) -> Vec<String> {
        let received = self.received(path);
        let subject = |event: &Value| event["subject"].as_str().unwrap().to_owned();
        received.iter().flat_map(|one| one.events.iter().map(subject)).collect()
    }

    /// How many events the endpoint got.
    pub(super) fn count(&self, path: &str) -> usize {
        let received = self.received.lock().unwrap();
        received.iter().filter(|one| one.path == path).map(|one| one.events.len()).sum()
    }

    pub(super) async fn wait(&self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let waiting = async {
            loop {
                let happened = self.happened.notified();
                if is_there(self) {
                    return;
                }
                happened.await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "in vain: {what}");
    }

    pub(super) async fn wait_for(&self, path: &str, events: usize) {
        self.wait(path, |hooks| hooks.count(path) >= events).await;
    }
}

#[derive(Clone)]
struct HookWay(Arc<Hooks>);

impl SendWebhook for HookWay {
    fn connect<'a>(&'a self, target: &'a Target) -> OutboundFuture<'a, Box<dyn WebhookConnection>> {
        let path = target.shown().rsplit('/').next().unwrap().to_owned();
        Box::pin(async move {
            if self.0.behaviours.lock().unwrap().get(&path) == Some(&Behaviour::Refuse) {
                return Err(OutboundError::Connect { reason: "refused".to_owned() });
            }
            Ok(Box::new(HookConnection { hooks: Arc::clone(&self.0), path, exchanges: 0 })
                as Box<dyn WebhookConnection>)
        })
    }
}

struct HookConnection {
    hooks: Arc<Hooks>,
    path: String,
    exchanges: u32,
}

impl WebhookConnection for HookConnection {
    fn exchange(&mut self, request: Request<Bytes>) -> OutboundFuture<'_, Response<()>> {
        self.exchanges += 1;
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let parsed: Value = serde_json::from_slice(&body).unwrap();
            let events = match parsed {
                Value::Array(events) => events,
                one => vec![one],
            };
            let received = Received { path: self.path.clone(), headers: head.headers, events };
            self.hooks.received.lock().unwrap().push(received);
            self.hooks.happened.notify_waiters();
            let behaviour = self.hooks.behaviours.lock().unwrap().get(&self.path).copied();
            match behaviour.unwrap_or(Behaviour::Answer(200)) {
                Behaviour::Answer(status) => {
                    let mut answer = Response::new(());
                    *answer.status_mut() = status.try_into().unwrap();
                    Ok(answer)
                }
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Refuse => Err(OutboundError::Closed { reason: "gone".to_owned() }),
            }
        })
    }

    fn drain(&mut self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(std::future::ready(true))
    }

    fn exchange_with_body(&mut self, _: Request<Bytes>, _: usize) -> OutboundFuture<'_, Response<Bytes>> {
        Box::pin(std::future::ready(Err(OutboundError::Refused)))
    }

    fn is_reusable(&self) -> bool {
        true
    }

    fn is_fresh(&self) -> bool {
        self.exchanges == 0
    }

    fn age(&self) -> Duration {
        Duration::ZERO
    }
}

/// Every resource is there.
struct Everywhere;

impl FindTopic for Everywhere {
    fn topic(&self, resource: ResourceId) -> PortFuture<'_, Option<Topic>> {
        let topic =
            Topic { arm_id: format!("/topics/{resource}").into(), name: "r".into(), group: "g".into() };
        Box::pin(std::future::ready(Ok(Some(topic))))
    }

    fn resource<'a>(&'a self, _: &'a str, _: &'a str) -> PortFuture<'a, Option<ResourceId>> {
        Box::pin(std::future::ready(Ok(Some(RESOURCE))))
    }

    fn subscription_id(&self) -> PortFuture<'_, Uuid> {
        Box::pin(std::future::ready(Ok(Uuid::nil())))
    }
}

/// The service on a store of its own, running or not.
pub(super) struct Stage {
    pub(super) test: TestStore,
    pub(super) clock: Arc<JumpingClock>,
    pub(super) hooks: Arc<Hooks>,
    pub(super) blobs: Blobs,
    pub(super) vault: Vault,
    pub(super) service: Arc<EventsService>,
    tasks: Tasks,
}

impl Stage {
    /// The service on `test`, at work.
    pub(super) async fn running(test: TestStore) -> Self {
        let mut stage = Self::new(test).await;
        stage.start();
        stage
    }

    pub(super) async fn new(test: TestStore) -> Self {
        let clock = Arc::new(JumpingClock::default());
        let hooks = Arc::new(Hooks::default());
        let blobs = Blobs::open(&BlobPlace::Memory, 1 << 20).unwrap();
        let vault = Vault::ephemeral(test.entropy().clone());
        let parts = parts(test.store().clone(), &clock, &hooks, &blobs, &vault);
        let service = EventsService::open(parts).await.unwrap();
        Self { test, clock, hooks, blobs, vault, service, tasks: Tasks::new() }
    }

    /// Another node on the same data.
    pub(super) async fn another(&self) -> (Arc<EventsService>, Store) {
        let store = self.test.open_again(SLICES).await.unwrap();
        let parts = parts(store.clone(), &self.clock, &self.hooks, &self.blobs, &self.vault);
        (EventsService::open(parts).await.unwrap(), store)
    }

    pub(super) fn start(&mut self) {
        let (tasks, shutdown) = (self.tasks.clone(), self.tasks.shutdown());
        self.tasks.spawn("events", Arc::clone(&self.service).run(tasks, shutdown));
    }

    /// Stops as a server does that was asked to.
    pub(super) async fn stop(&mut self) {
        assert!(self.tasks.stop(PATIENCE).await);
        self.tasks = Tasks::new();
    }

    /// Stops as a server does that was killed: nothing more is stored.
    pub(super) async fn kill(&mut self) {
        self.tasks.stop(Duration::ZERO).await;
        self.tasks = Tasks::new();
    }

    /// A new process on the same data.
    pub(super) async fn reopen(&mut self) {
        self.test.restart().await;
        // The lease of the process that is gone runs out.
        self.test.clock().advance(trunkline_store::outbox::steps::LEASE);
        let parts = parts(self.test.store().clone(), &self.clock, &self.hooks, &self.blobs, &self.vault);
        self.service = EventsService::open(parts).await.unwrap();
        self.start();
    }

    /// Makes an active subscription to `https://hooks.test/NAME`; returns its number.
    pub(super) async fn subscribe(&self, name: &str) -> i64 {
        self.subscribe_with(name, |_| {}).await
    }

    pub(super) async fn subscribe_with(&self, name: &str, change: impl Fn(&mut Spec)) -> i64 {
        let mut spec = Spec {
            destination: Destination::WebHook {
                base_url: format!("https://hooks.test/{name}"),
                max_events_per_batch: 1,
                preferred_batch_size_kb: 64,
                mappings: Vec::new(),
            },
            filter: Filter::default(),
            labels: Vec::new(),
            expires: None,
            schema: Schema::EventGridSchema,
            retry: Retry::default(),
            dead_letter: None,
        };
        change(&mut spec);
        let (vault, name, now) = (self.vault.clone(), name.to_owned(), self.clock.now());
        let write = move |tx: &mut Tx<'_>| -> Result<i64, StoreError> {
            let number = rows::bump_generation(tx)?;
            let secrets = Secrets {
                endpoint_url: Secret::new(format!("https://hooks.test/{name}?code=secret")),
                ..Secrets::default()
            };
            let subscription = Subscription {
                number,
                resource: RESOURCE,
                system_topic: None,
                name: name.clone(),
                spec: spec.clone(),
                state: Provisioning::Succeeded,
                created: now,
                modified: now,
                from_sequence: rows::last_sequence(tx)?,
                generation: number,
            };
            let sealed = vault.seal(&rows::purpose(number), secrets.to_json().expose());
            let row =
                SubscriptionRow { subscription, sealed, proposal: None, operation: None, failure: None };
            rows::insert_subscription(tx, &row)?;
            Ok(number)
        };
        self.test.write(crate::changes::lock(), write).await.unwrap()
    }

    /// Publishes one event with each subject, in one transaction.
    pub(super) async fn publish(&self, subjects: impl IntoIterator<Item = String>) {
        self.publish_as("Microsoft.Communication.SMSReceived", subjects).await;
    }

    /// The same, of any kind.
    pub(super) async fn publish_as(&self, kind: &'static str, subjects: impl IntoIterator<Item = String>) {
        let (subjects, now): (Vec<_>, _) = (subjects.into_iter().collect(), self.clock.now());
        let write = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            for subject in &subjects {
                tx.emit(&NewEvent {
                    resource: &RESOURCE.to_string(),
                    kind,
                    subject,
                    payload: "{\"message\":\"hello\"}",
                    now,
                })?;
            }
            Ok(())
        };
        self.test.write(Key::new(RESOURCE, "x"), write).await.unwrap();
    }

    /// What waits for the subscription.
    pub(super) async fn waiting(&self, number: i64) -> u64 {
        self.test.read(move |tx| rows::arrears_of(tx, number)).await.unwrap().rows
    }

    pub(super) async fn cursor(&self) -> u64 {
        self.test.read(|tx| trunkline_store::outbox::steps::cursor(tx, crate::CONSUMER)).await.unwrap()
    }

    /// Waits until `is_so`, which looks at the store.
    pub(super) async fn until<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let waiting = async {
            while !is_so().await {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "in vain: {what}");
    }

    /// Waits until the cursor has passed `sequence`.
    pub(super) async fn until_passed(&self, sequence: u64) {
        self.until("the cursor moves", || async { self.cursor().await >= sequence }).await;
    }
}

/// Makes two published events of each fact.
struct InPairs;

impl Translate for InPairs {
    fn kinds(&self) -> &'static [&'static str] {
        &[FACT]
    }

    fn translate<'a>(&'a self, event: &'a Event) -> PortFuture<'a, Vec<Publication>> {
        let publication = |(ordinal, event_type): (u32, &str)| Publication {
            ordinal,
            event_type: format!("Microsoft.Communication.{event_type}").into(),
            subject: format!("{}/{event_type}", event.subject),
            data: event.payload.clone(),
            time: event.created_at,
        };
        let pair = [(0, "ChatThreadCreated"), (1, "ChatThreadCreatedWithUser")].map(publication);
        Box::pin(std::future::ready(Ok(pair.to_vec())))
    }
}

fn parts(store: Store, clock: &Arc<JumpingClock>, hooks: &Arc<Hooks>, blobs: &Blobs, vault: &Vault) -> Parts {
    Parts {
        entropy: Arc::clone(store.entropy()),
        store,
        vault: vault.clone(),
        clock: clock.clone(),
        blobs: blobs.clone(),
        topics: Arc::new(Everywhere),
        translators: vec![Arc::new(InPairs)],
        webhooks: Arc::new(HookWay(Arc::clone(hooks))),
        nats: None,
        installation: Uuid::from_u128(1),
        settings: Settings::default(),
        metrics: Metrics::default(),
    }
}

/// The subjects `a0`, `a1`, ... of `count` events.
pub(super) fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{prefix}{index}")).collect()
}
