//! Handshakes from the request that makes a subscription to their end, with endpoints on loopback.

mod endings;
mod requests;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_net::outbound::{AddressRules, Outbound, OutboundBounds, SystemResolver};
use trunkline_store::JobRunner;
use trunkline_store::blobs::{BlobPlace, Blobs};
use trunkline_store::vault::Vault;
use trunkline_testkit::{
    Answer, Call, FixedDirectory, FixedOperators, FixedResources, Sink, TestApp, TestStore, app,
};
use uuid::Uuid;

use super::arm::{self, FixedTopics, Home};
use crate::model::Provisioning;
use crate::rows::{self, SubscriptionRow};
use crate::{EventsService, HANDSHAKE_JOB, Metrics, Parts, Settings};

/// The service with a way to web hooks on loopback.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) service: Arc<EventsService>,
    jobs: JobRunner,
}

impl World {
    pub(super) async fn new(store: TestStore) -> Self {
        Self::with_networks(store, &["127.0.0.0/8"]).await
    }

    async fn with_networks(store: TestStore, networks: &[&str]) -> Self {
        let allowed = networks.iter().map(|network| network.parse().expect("a network")).collect();
        let (rules, clock) = (AddressRules::new(allowed), Arc::clone(store.clock()) as _);
        let outbound = Outbound::new(&[], rules, OutboundBounds::default(), Arc::new(SystemResolver), clock);
        let service = EventsService::open(Parts {
            store: store.store().clone(),
            vault: Vault::ephemeral(Arc::clone(store.entropy()) as _),
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            blobs: Blobs::open(&BlobPlace::Memory, 1 << 20).expect("memory is there"),
            topics: Arc::new(FixedTopics::default()),
            translators: Vec::new(),
            webhooks: Arc::new(outbound.expect("the crypto library works")),
            nats: None,
            installation: Uuid::from_u128(7),
            settings: Settings {
                allow_http: true,
                public_url: app::ORIGIN.to_owned(),
                ..Settings::default()
            },
            metrics: Metrics::default(),
        })
        .await
        .expect("the service opens");
        let handler = Arc::clone(&service);
        let jobs = JobRunner::new(store.store().clone()).handle(
            HANDSHAKE_JOB,
            trunkline_store::RetryPolicy::default(),
            move |job| {
                let service = Arc::clone(&handler);
                async move { service.run_handshake(&job).await }
            },
        );
        let app = TestApp::new(
            store,
            service.routes(),
            Arc::new(FixedResources::default()),
            vec![Arc::new(FixedOperators), Arc::new(FixedDirectory)],
            app::settings(LimitSet::Generous),
        );
        Self { app, service, jobs }
    }

    /// Makes or replaces the subscription `hook-1` of `dev`.
    pub(super) async fn put(&self, properties: &Value) -> Answer {
        let body = json!({ "properties": properties });
        let call = Call::new("PUT", Home::Resource.at("hook-1", "")).json(&body);
        self.app.call(call.bearer("app:management:contributor:1")).await.expect(201)
    }

    /// The same, with the address of `sink` and nothing else.
    pub(super) async fn subscribe(&self, sink: &Sink) -> Answer {
        self.put(&json!({ "destination": arm::destination(&sink.url("/hook?code=s3cret")) })).await
    }

    /// Runs the jobs that are due; returns how many there were.
    pub(super) async fn run(&self) -> usize {
        self.jobs.run_due().await.expect("jobs can be run")
    }

    pub(super) fn pass(&self, time: Duration) {
        self.app.clock().advance(time);
    }

    pub(super) async fn row(&self) -> SubscriptionRow {
        let read =
            |tx: &mut trunkline_store::Tx<'_>| rows::find_subscription(tx, arm::resource(1), None, "hook-1");
        self.app.store.read(read).await.expect("rows can be read").expect("the subscription is there")
    }

    pub(super) async fn state(&self) -> Provisioning {
        self.row().await.subscription.state
    }

    /// Jobs and handshakes that are left.
    pub(super) async fn left_over(&self) -> [i64; 2] {
        [self.app.count("jobs").await, self.app.count("events_handshakes").await]
    }

    /// Opens the validation address that the sink was sent first.
    pub(super) async fn visit(&self, method: &str, sink: &Sink) -> Answer {
        self.app.call(Call::new(method, validation_path(sink))).await
    }

    /// What the operation says that `answer` names.
    pub(super) async fn operation(&self, answer: &Answer) -> Value {
        let address = answer.header("azure-asyncoperation").to_owned();
        let path = address.strip_prefix(app::ORIGIN).expect("an address of ours").to_owned();
        self.app.call(Call::get(path).bearer("app:management:reader")).await.expect(200).body
    }
}

/// Path and query of the validation address in the first request that `sink` got.
pub(super) fn validation_path(sink: &Sink) -> String {
    let first = sink.received().into_iter().next().expect("a request came");
    let address = match first.method.as_str() {
        "OPTIONS" => first.header("webhook-request-callback").to_owned(),
        _ => first.json()[0]["data"]["validationUrl"].as_str().expect("an address").to_owned(),
    };
    address.strip_prefix(app::ORIGIN).expect("an address of ours").to_owned()
}
