//! What the tests of ARM's operations share: the service behind the pipeline, callers, addresses, and what each
//! operation must refuse.

mod fakes;

use std::sync::Arc;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::blobs::{BlobPlace, Blobs};
use trunkline_store::vault::Vault;
use trunkline_store::wakes::WakeReceiver;
use trunkline_store::{Slice, params};
use trunkline_testkit::{
    Answer, Call, FixedDirectory, FixedOperators, FixedResources, TestApp, TestStore, app,
};
use uuid::Uuid;

use crate::changes::{self, Place};
use crate::error::EventsError;
use crate::model::{Destination, Secrets};
use crate::rows::{self, SubscriptionRow};
use crate::{EventsService, Metrics, Parts, Settings};

pub(super) use fakes::FixedTopics;
use fakes::NoWay;

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];

/// Runs tests of `shared` that are the same on a resource and on a system topic, on both engines.
macro_rules! at_home {
    ($home:expr; $module:ident; $($name:ident),+ $(,)?) => {
        trunkline_testkit::on_both_engines!(super::super::arm::SLICES; $($name),+);
        $(async fn $name(store: trunkline_testkit::TestStore) {
            super::shared::$module::$name(store, $home).await;
        })+
    };
}

/// Runs tests of lists over many resources, on both engines; `$path` stands behind the subscription.
macro_rules! with_path {
    ($path:expr; $($name:ident),+ $(,)?) => {
        trunkline_testkit::on_both_engines!(super::super::arm::SLICES; $($name),+);
        $(async fn $name(store: trunkline_testkit::TestStore) {
            super::shared::many::$name(store, $path).await;
        })+
    };
}

/// The newest api-version.
pub(super) const VERSION: &str = "2025-02-15";

/// The id of the subscription of this installation.
pub(super) const SUBSCRIPTION: Uuid = Uuid::from_u128(0x5ab5);

/// The id of the resource with that number.
pub(super) fn resource(number: u128) -> ResourceId {
    ResourceId(Uuid::from_u128(number))
}

/// The id of a resource in ARM.
pub(super) fn arm_id(group: &str, name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Communication/CommunicationServices/{name}"
    )
}

/// What subscriptions hang on in a test: the resource `dev`, or its system topic `topic-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Resource,
    SystemTopic,
}

impl Home {
    /// The operation id of that verb.
    pub(super) fn operation(self, verb: &str) -> String {
        match self {
            Self::Resource => format!("EventSubscriptions_{verb}"),
            Self::SystemTopic => format!("SystemTopicEventSubscriptions_{verb}"),
        }
    }

    /// The id of a subscription.
    pub(super) fn id(self, name: &str) -> String {
        match self {
            Self::Resource => {
                format!("{}/providers/Microsoft.EventGrid/eventSubscriptions/{name}", arm_id("Main", "dev"))
            }
            Self::SystemTopic => format!("{}/eventSubscriptions/{name}", topic_id("topic-1")),
        }
    }

    /// The address of a subscription, and what stands behind it.
    pub(super) fn at(self, name: &str, tail: &str) -> String {
        versioned(&format!("{}{tail}", self.id(name)))
    }

    /// The address of the list.
    pub(super) fn list(self) -> String {
        versioned(self.id("").trim_end_matches('/'))
    }

    /// The type of a subscription.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Resource => "Microsoft.EventGrid/eventSubscriptions",
            Self::SystemTopic => "Microsoft.EventGrid/systemTopics/eventSubscriptions",
        }
    }

    /// A role that is enough for a change.
    pub(super) fn changer(self) -> &'static str {
        match self {
            Self::Resource => "contributor:1",
            Self::SystemTopic => "contributor",
        }
    }

    fn system_topic(self) -> Option<String> {
        (self == Self::SystemTopic).then(|| "topic-1".to_owned())
    }
}

/// The id of a system topic in the group `Main`.
pub(super) fn topic_id(name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/Main/providers/Microsoft.EventGrid/systemTopics/{name}"
    )
}

/// The path with an api-version.
pub(super) fn versioned(path: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}api-version={VERSION}")
}

/// `/subscriptions/ID`, `tail`, and an api-version.
pub(super) fn in_subscription(tail: &str) -> String {
    versioned(&format!("/subscriptions/{SUBSCRIPTION}{tail}"))
}

/// What a subscription with that web hook is made of.
pub(super) fn hook(url: &str) -> Value {
    json!({ "properties": { "destination": destination(url) } })
}

/// A web hook.
pub(super) fn destination(url: &str) -> Value {
    json!({ "endpointType": "WebHook", "properties": { "endpointUrl": url } })
}

/// The names of a list.
pub(super) fn names(answer: &Answer) -> Vec<String> {
    let value = answer.body["value"].as_array().expect("a list");
    value.iter().map(|entry| entry["name"].as_str().expect("a name").to_owned()).collect()
}

/// The service and what surrounds it.
pub(super) struct World {
    pub(super) app: TestApp,
    pub(super) service: Arc<EventsService>,
    pub(super) topics: Arc<FixedTopics>,
    pub(super) resources: Arc<FixedResources>,
}

impl World {
    pub(super) async fn new(store: TestStore) -> Self {
        Self::with_limits(store, LimitSet::Generous).await
    }

    pub(super) async fn with_limits(store: TestStore, limits: LimitSet) -> Self {
        let topics = Arc::new(FixedTopics::default());
        let service = EventsService::open(Parts {
            store: store.store().clone(),
            vault: Vault::ephemeral(Arc::clone(store.entropy()) as _),
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            blobs: Blobs::open(&BlobPlace::Memory, 1 << 20).expect("memory is there"),
            topics: Arc::clone(&topics) as _,
            translators: Vec::new(),
            webhooks: Arc::new(NoWay),
            nats: None,
            installation: Uuid::from_u128(7),
            settings: Settings { limits, ..Settings::default() },
            metrics: Metrics::default(),
        })
        .await
        .expect("the service opens");
        let resources = Arc::new(FixedResources::default());
        let app = TestApp::new(
            store,
            service.routes(),
            Arc::clone(&resources) as _,
            vec![Arc::new(FixedOperators), Arc::new(FixedDirectory)],
            app::settings(limits),
        );
        Self { app, service, topics, resources }
    }

    /// With the system topic `topic-1` of `dev` where `home` is one.
    pub(super) async fn at(store: TestStore, home: Home) -> Self {
        let world = Self::new(store).await;
        if home == Home::SystemTopic {
            world.put_topic("topic-1", "Main", "dev").await.expect(201);
        }
        world
    }

    /// Adds a resource in the group `Main`.
    pub(super) fn add_resource(&self, number: u8, name: &str) {
        self.resources.add(name, number, app::ORIGIN);
        self.topics.add(u128::from(number), "Main", name);
    }

    /// Calls as an application with that role: `owner`, or `owner:1` on one resource.
    pub(super) async fn manage(&self, role: &str, call: Call) -> Answer {
        self.app.call(call.bearer(&format!("app:management:{role}"))).await
    }

    /// Creates or replaces a subscription.
    pub(super) async fn put(&self, home: Home, name: &str, body: &Value) -> Answer {
        self.manage(home.changer(), Call::new("PUT", home.at(name, "")).json(body)).await
    }

    /// Changes a subscription.
    pub(super) async fn patch(&self, home: Home, name: &str, body: &Value) -> Answer {
        self.manage(home.changer(), Call::new("PATCH", home.at(name, "")).json(body)).await
    }

    pub(super) async fn get(&self, home: Home, name: &str) -> Answer {
        self.manage("reader:1", Call::get(home.at(name, ""))).await
    }

    /// A subscription whose endpoint has agreed.
    pub(super) async fn active(&self, home: Home, name: &str, url: &str) {
        self.put(home, name, &hook(url)).await.expect(201);
        self.confirm(home, name).await;
    }

    /// Creates or replaces a system topic of a resource in the group `Main`.
    pub(super) async fn put_topic(&self, name: &str, group: &str, source: &str) -> Answer {
        let body = json!({
            "location": "global",
            "properties": {
                "source": arm_id(group, source),
                "topicType": "Microsoft.Communication.CommunicationServices",
            },
        });
        let target = versioned(&topic_id(name).replace("Main", group));
        self.manage("contributor", Call::new("PUT", target).json(&body)).await
    }

    /// Makes a subscription to a NATS subject, as the operator API would where a server is configured.
    pub(super) async fn to_nats(&self, home: Home, name: &str) {
        self.active(home, name, "https://example.org/").await;
        let mut row = self.row(home, name).await.expect("a row");
        let number = row.subscription.number;
        row.subscription.spec.destination = Destination::Nats { subject: "a.b".to_owned() };
        row.sealed = self.service.vault.seal(&rows::purpose(number), Secrets::default().to_json().expose());
        let write = move |tx: &mut trunkline_store::Tx<'_>| rows::replace_subscription(tx, &row);
        let written: Result<bool, trunkline_store::StoreError> =
            self.app.store.write(changes::lock(), write).await;
        assert!(written.expect("rows can be written"));
    }

    /// The row of a subscription.
    pub(super) async fn row(&self, home: Home, name: &str) -> Option<SubscriptionRow> {
        let (name, topic) = (name.to_owned(), home.system_topic());
        let read = move |tx: &mut trunkline_store::Tx<'_>| {
            rows::find_subscription(tx, resource(1), topic.as_deref(), &name)
        };
        self.app.store.read(read).await.expect("rows can be read")
    }

    /// The code of the handshake under way.
    pub(super) async fn code(&self, home: Home, name: &str) -> Option<String> {
        let number = self.row(home, name).await.expect("a subscription").subscription.number;
        let found = self.app.store.read(move |tx| rows::find_handshake(tx, number)).await;
        found.expect("rows can be read").map(|handshake: rows::HandshakeRow| handshake.code)
    }

    /// The endpoint agrees.
    pub(super) async fn confirm(&self, home: Home, name: &str) {
        let (number, code) = self.handshake(home, name).await;
        let now = self.now();
        let write = move |tx: &mut trunkline_store::Tx<'_>| changes::confirm(tx, number, &code, now);
        let ended: Result<bool, EventsError> = self.app.store.write(changes::lock(), write).await;
        assert!(ended.expect("rows can be written"), "the handshake was under way");
    }

    /// The endpoint answers without the code.
    pub(super) async fn await_manual_action(&self, home: Home, name: &str) {
        let (number, code) = self.handshake(home, name).await;
        let write = move |tx: &mut trunkline_store::Tx<'_>| changes::await_manual_action(tx, number, &code);
        let waits: Result<bool, EventsError> = self.app.store.write(changes::lock(), write).await;
        assert!(waits.expect("rows can be written"), "the handshake was under way");
    }

    /// The endpoint does not agree.
    pub(super) async fn refuse(&self, home: Home, name: &str, reason: &'static str) {
        let (number, code) = self.handshake(home, name).await;
        let now = self.now();
        let write = move |tx: &mut trunkline_store::Tx<'_>| changes::refuse(tx, number, &code, reason, now);
        let ended: Result<bool, EventsError> = self.app.store.write(changes::lock(), write).await;
        assert!(ended.expect("rows can be written"), "the handshake was under way");
    }

    async fn handshake(&self, home: Home, name: &str) -> (i64, String) {
        let number = self.row(home, name).await.expect("a subscription").subscription.number;
        (number, self.code(home, name).await.expect("a handshake is under way"))
    }

    pub(super) fn now(&self) -> Timestamp {
        use trunkline_kernel::Clock as _;
        self.app.clock().now()
    }

    /// Subscriptions (with tombstones), handshakes, system topics, jobs and operations.
    pub(super) async fn rows(&self) -> [i64; 5] {
        [
            self.app.count("events_subscriptions").await,
            self.app.count("events_handshakes").await,
            self.app.count("events_system_topics").await,
            self.app.count("jobs").await,
            self.app.count("web_operations").await,
        ]
    }

    /// The jobs of handshakes: key, payload and due time.
    pub(super) async fn jobs(&self) -> Vec<(String, String, Timestamp)> {
        let rows = self
            .app
            .store
            .read(|tx| {
                tx.query_all(
                    "SELECT key, payload, due FROM jobs WHERE kind = ?1 ORDER BY key",
                    params![crate::HANDSHAKE_JOB],
                )
            })
            .await
            .expect("jobs can be read");
        rows.iter()
            .map(|row: &trunkline_store::Row| {
                let (key, payload) = (row.get(0).expect("text"), row.get(1).expect("text"));
                (key, payload, row.get(2).expect("a time"))
            })
            .collect()
    }

    pub(super) fn changes(&self) -> WakeReceiver {
        self.app.store.wakes().subscribe(crate::CHANGED_TOPIC)
    }

    /// The newest row of the audit log: of this operation, of an application with that role.
    pub(super) async fn newest_of(&self, operation: &str, role: &str, answer: &Answer) -> (String, Value) {
        let newest = self.app.audit_log().await.into_iter().next().expect("the audit log has a row");
        assert_eq!(newest.operation, operation);
        assert_eq!(newest.principal, format!("application:app:management:{role}"));
        assert_eq!(newest.request_id, answer.header("x-ms-request-id"));
        (newest.target, newest.detail)
    }

    /// Follows an absolute address of ours.
    pub(super) async fn follow(&self, role: &str, address: &str) -> Answer {
        let target = address.strip_prefix(app::ORIGIN).unwrap_or_else(|| panic!("not ours: '{address}'"));
        self.manage(role, Call::get(target)).await
    }

    /// What is refused without an effect on an operation for whoever has the role `least`. With it, it works: on
    /// the resource `dev` where `on_dev`, and otherwise on the installation.
    pub(super) async fn takes_managers_from(&self, least: &str, on_dev: bool, call: &Call) {
        let (audited, rows) = (self.app.audit_log().await.len(), self.rows().await);
        let ask = |call: Call| self.app.call(call);
        ask(call.clone()).await.expect_denied("CredentialsMissing");
        let own = self.resources.key("dev", trunkline_web::KeySlot::Primary);
        ask(call.clone().signed(&own)).await.expect_error(403, "Forbidden");
        for role in ["owner", "owner:1", "sms-sender"] {
            ask(call.clone().bearer(&format!("app:data:{role}"))).await.expect_denied("AudienceInvalid");
        }
        for role in ["none", "sms-sender"] {
            self.manage(role, call.clone()).await.expect_error(403, "Forbidden");
        }
        for role in ["reader", "contributor"].into_iter().take_while(|role| *role != least) {
            self.manage(role, call.clone()).await.expect_error(403, "Forbidden");
            self.manage(&format!("{role}:1"), call.clone()).await.expect_error(403, "Forbidden");
        }
        for role in ["reader", "contributor"].into_iter().take_while(|role| *role != least) {
            ask(call.clone().bearer(role)).await.expect_error(403, "Forbidden");
        }
        if on_dev {
            self.manage("owner:2", call.clone()).await.expect_error(403, "Forbidden");
        }
        assert_eq!(self.app.audit_log().await.len(), audited, "a refused call left a row");
        assert_eq!(self.rows().await, rows, "a refused call changed something");
        let role = if on_dev { format!("{least}:1") } else { least.to_owned() };
        let allowed = self.manage(&role, call.clone()).await;
        assert!(allowed.status < 300, "{}", allowed.body);
    }

    /// Other subscriptions, resources and versions are refused with the codes of ARM.
    pub(super) async fn refuses_wrong_places(&self, call: &dyn Fn(String) -> Call, good: &str) {
        let (audited, rows) = (self.app.audit_log().await.len(), self.rows().await);
        let ask = |target: String| self.manage("owner", call(target));
        let own = SUBSCRIPTION.to_string();
        if good.contains(&own) {
            let elsewhere = good.replace(&own, "2dee53b4-368b-45b4-ab52-8493fb117652");
            ask(elsewhere).await.expect_error(404, "SubscriptionNotFound");
            ask(good.replace(&own, "x")).await.expect_error(400, "InvalidSubscriptionId");
        }
        let old = good.replace(VERSION, "2017-06-15-preview");
        ask(old).await.expect_error(400, "UnsupportedApiVersionValue");
        let none = good.replace(&format!("api-version={VERSION}"), "");
        ask(none).await.expect_error(400, "MissingApiVersionParameter");
        assert_eq!(self.app.audit_log().await.len(), audited, "a refused call left a row");
        assert_eq!(self.rows().await, rows, "a refused call changed something");
    }

    /// What stands under `home` is refused where there is no such resource, topic, or name.
    pub(super) async fn refuses_wrong_homes(&self, home: Home, call: &dyn Fn(String) -> Call, good: &str) {
        self.refuses_wrong_places(call, good).await;
        let ask = |target: String| self.manage("owner", call(target));
        ask(good.replace("/Main/", "/Nowhere/")).await.expect_error(404, "ResourceNotFound");
        match home {
            Home::Resource => {
                // There is one of that name, but in another group.
                ask(good.replace("/dev/", "/other/")).await.expect_error(404, "ResourceNotFound");
                self.manage("owner", call(good.replace("/dev/", "/none/"))).await.expect(404);
            }
            Home::SystemTopic => {
                ask(good.replace("topic-1", "topic-2")).await.expect_error(404, "ResourceNotFound");
            }
        }
    }
}

/// The names that no subscription can have.
pub(super) const BAD_NAMES: [&str; 5] = ["ab", "a_b", "a.b", "%C3%A9tude", "hook%00"];

/// Where a subscription of `dev` is, for `changes`.
pub(super) fn place(home: Home, name: &str) -> Place {
    Place {
        resource: resource(1),
        resource_name: "dev".to_owned(),
        system_topic: home.system_topic(),
        name: name.to_owned(),
    }
}

/// Waits for the wake-up of a change.
pub(super) async fn woken(receiver: &mut WakeReceiver) {
    let wake = tokio::time::timeout(std::time::Duration::from_secs(10), receiver.next()).await;
    assert!(matches!(wake, Ok(Some(_))), "no wake-up came");
}
