//! The service behind the whole pipeline and a listener, with two resources and users that exist only in memory.
//!
//! Users have numbers: user 1 of `dev` is `8:acs:DEV_…1`, and connects with a token that says so.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_calling_wire::{IceServer, Role};
use trunkline_kernel::identifier::Identifier;
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{ResourceId, Secret, Timestamp};
use trunkline_media::MediaHandle;
use trunkline_store::Slice;
use trunkline_tasks::Tasks;
use trunkline_testkit::realtime::{Origin, listen};
use trunkline_testkit::{FixedOperators, FixedResources, SignallingClient, TestApp, TestStore, app};
use trunkline_web::ports::{FindUsers, HeldToken, PortFuture, VerifyBearer};
use trunkline_web::{ApiError, Principal, ResourceView};
use uuid::Uuid;

use crate::rules::{Input, P};
use crate::{CallingService, FindRooms, Metrics, Parts, RelayCredentials, RoomPlace, RoomRefusal, Settings};

pub(super) const SLICES: &[Slice] = &[trunkline_web::SLICE, crate::SLICE];

pub(super) const ADA: u32 = 1;
pub(super) const BOB: u32 = 2;
pub(super) const EVE: u32 = 3;

/// The group call of tests.
pub(super) const GROUP: &str = "29228d3e-040e-4656-a70e-890ab4e173e5";

/// How long a test waits for what must happen. Long: the machine may be busy.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// The raw id of a user of the resource whose id follows from `resource`.
pub(super) fn raw_id_in(resource: u128, number: u32) -> String {
    let user = Uuid::from_u128((4 << 76) | (8 << 60) | u128::from(number));
    Identifier::acs_user(ResourceId(Uuid::from_u128(resource)), user).raw_id()
}

/// The raw id of a user of `dev`.
pub(super) fn raw_id(number: u32) -> String {
    raw_id_in(1, number)
}

/// A token of that user with those scopes.
pub(super) fn token(raw_id: &str, scopes: &str) -> String {
    format!("user~{scopes}~{raw_id}")
}

/// Users and their tokens. Users 1 to 99 of both resources are there.
#[derive(Debug)]
pub(super) struct FakeUsers {
    /// Users whose first generation of tokens ended.
    revoked: Mutex<BTreeSet<String>>,
    /// When tokens end.
    pub(super) expires: Mutex<Timestamp>,
}

impl Default for FakeUsers {
    fn default() -> Self {
        Self { revoked: Mutex::default(), expires: Mutex::new(Timestamp::from_seconds(i64::from(u32::MAX))) }
    }
}

impl FakeUsers {
    /// Revokes the tokens of a user, and tells nobody.
    pub(super) fn revoke(&self, raw_id: &str) {
        self.revoked.lock().unwrap().insert(raw_id.to_owned());
    }

    fn generation(&self, raw_id: &str) -> i64 {
        if self.revoked.lock().unwrap().contains(raw_id) { 2 } else { 1 }
    }
}

impl FindUsers for FakeUsers {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        let resource = resource.0.as_u128();
        let is_user = |raw_id: &String| (1..100).any(|number| raw_id_in(resource, number) == *raw_id);
        let known = raw_ids.iter().map(is_user).collect();
        Box::pin(async move { Ok(known) })
    }

    fn still_good(&self, _: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>> {
        let is_good = |token: &HeldToken| token.generation == self.generation(&token.raw_id);
        let good = tokens.iter().map(is_good).collect();
        Box::pin(async move { Ok(good) })
    }
}

impl VerifyBearer for FakeUsers {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        resource: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        let principal = (|| {
            let Some((scopes, raw_id)) = token.strip_prefix("user~").and_then(|rest| rest.split_once('~'))
            else {
                return Ok(None);
            };
            let owner = Identifier::parse(raw_id).as_acs_user().map(|(owner, _)| owner);
            if owner.is_some_and(|owner| resource.is_none_or(|resource| resource.id != owner)) {
                return Err(ApiError::denied("TokenOfAnotherResource", "The token is of another resource."));
            }
            Ok(Some(Principal::User {
                raw_id: raw_id.into(),
                scopes: scopes.split(',').map(str::to_owned).collect(),
                expires: *self.expires.lock().unwrap(),
                generation: self.generation(raw_id),
                access_key: None,
            }))
        })();
        Box::pin(async move { principal })
    }
}

/// Rooms: `open` with everybody as attendee but Ada as presenter, `closed`, and `private` with nobody.
pub(super) struct FakeRooms;

impl FindRooms for FakeRooms {
    fn admit<'a>(
        &'a self,
        _: ResourceId,
        room: &'a str,
        raw_id: &'a str,
        _: Timestamp,
    ) -> PortFuture<'a, Result<RoomPlace, RoomRefusal>> {
        let role = if raw_id == self::raw_id(ADA) { Role::Presenter } else { Role::Attendee };
        let place = match room {
            "open" => Ok(RoomPlace { role }),
            "closed" => Err(RoomRefusal::NotOpen),
            "private" => Err(RoomRefusal::NotInvited),
            _ => Err(RoomRefusal::NotFound),
        };
        Box::pin(async move { Ok(place) })
    }
}

/// One relay.
pub(super) struct FakeRelays;

impl RelayCredentials for FakeRelays {
    fn issue(&self, _: ResourceId, who: &str, ttl: Duration, now: Timestamp) -> Vec<IceServer> {
        vec![IceServer {
            urls: vec!["turn:relay.example:3478".to_owned()],
            username: Some(format!("{}:{who}", now.plus(ttl).as_seconds())),
            credential: Some("secret".to_owned()),
        }]
    }
}

/// A running service.
pub(super) struct World {
    pub(super) app: Arc<TestApp>,
    pub(super) calling: Arc<CallingService>,
    pub(super) users: Arc<FakeUsers>,
    pub(super) resources: Arc<FixedResources>,
    pub(super) metrics: Metrics,
    pub(super) origin: Origin,
    pub(super) tasks: Tasks,
}

impl World {
    pub(super) async fn new(store: TestStore) -> Self {
        Self::with(store, MediaHandle::closed(), |_| ()).await
    }

    /// With media, and settings that `change` changes.
    pub(super) async fn with(
        store: TestStore,
        media: MediaHandle,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let users = Arc::new(FakeUsers::default());
        let (resources, metrics, tasks) =
            (Arc::new(FixedResources::default()), Metrics::default(), Tasks::new());
        let mut settings = Settings { node_url: app::ORIGIN.to_owned(), ..Settings::default() };
        change(&mut settings);
        let parts = parts(&store, &users, &resources, "node-1", (media, settings, &tasks, &metrics));
        let calling = CallingService::open(parts).await.expect("a new database takes the service");
        tasks.spawn("calling", Arc::clone(&calling).run(tasks.shutdown()));
        let app = Arc::new(TestApp::new(
            store,
            calling.routes(),
            Arc::clone(&resources) as _,
            vec![Arc::clone(&users) as _, Arc::new(FixedOperators)],
            app::settings(LimitSet::Generous),
        ));
        let origin = listen(&app, &tasks).await;
        Self { app, calling, users, resources, metrics, origin, tasks }
    }

    /// Another node over the same database.
    pub(super) async fn second_node(&self) -> Arc<TestApp> {
        let settings = Settings { node_url: "https://node2.example".to_owned(), ..Settings::default() };
        let rest = (MediaHandle::closed(), settings, &self.tasks, &Metrics::default());
        let parts = parts(&self.app.store, &self.users, &self.resources, "node-2", rest);
        let calling = CallingService::open(parts).await.expect("the database takes another node");
        let bearers: Vec<Arc<dyn VerifyBearer>> = vec![Arc::clone(&self.users) as _];
        let settings = app::settings(LimitSet::Generous);
        // What is around the service has its own.
        let store = TestStore::ephemeral(&[trunkline_web::SLICE]).await;
        Arc::new(TestApp::new(store, calling.routes(), Arc::clone(&self.resources) as _, bearers, settings))
    }

    /// A client of a user of `dev` that may place calls and takes them.
    pub(super) async fn connect(&self, number: u32) -> SignallingClient {
        self.connect_as(number, json!({})).await.expect("the session opens")
    }

    /// The same, with another hello; what the server says when it opens no session.
    pub(super) async fn connect_as(&self, number: u32, hello: Value) -> Result<SignallingClient, Value> {
        let token = token(&raw_id(number), "voip");
        SignallingClient::connect(&self.origin, &self.tasks, &token, hello).await
    }

    /// Moves the clock and has the service look.
    pub(super) fn advance(&self, by: Duration) {
        self.app.clock().advance(by);
        self.calling.look_at_sessions();
        self.calling.registry.poke();
    }

    /// Moves the clock while a client shows that it is there.
    pub(super) async fn advance_with(&self, client: &mut SignallingClient, by: Duration) {
        self.advance(by);
        client.ping().await;
    }

    /// Has something happen to the call of a leg of `dev`, as its media would.
    pub(super) fn news(&self, leg: &str, input: Input) {
        self.calling.registry.news_of(self.resources.view("dev").id, &leg.into(), input);
    }

    /// Another node takes `dev` while this one believes to have it still.
    pub(super) async fn taken_by_another_node(&self) {
        let sql =
            "UPDATE calling_owners SET node = 'node-2', url = 'https://node2.example', epoch = epoch + 1";
        let taken: Result<u64, trunkline_store::StoreError> = self
            .app
            .store
            .store()
            .write(trunkline_store::Key::system("test"), move |tx| tx.execute(sql, &[]))
            .await;
        assert_eq!(taken.expect("the row is there"), 1);
    }

    /// A call of Ada to Bob, in which both are: their clients, with legs `a-1` and the one that rang.
    pub(super) async fn pair(&self) -> (SignallingClient, SignallingClient, String) {
        let (mut ada, mut bob) = (self.connect(ADA).await, self.connect(BOB).await);
        ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)], "displayName": "Ada" })).await;
        let leg = text(&bob.next_of("ring").await["leg"]);
        bob.ok("call.accept", json!({ "leg": leg, "displayName": "Bob" })).await;
        self.news("a-1", Input::MediaUp { p: P(1) });
        self.news(&leg, Input::MediaUp { p: P(2) });
        for client in [&mut ada, &mut bob] {
            client.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
        }
        (ada, bob, leg)
    }

    /// A user joins the group call of tests with leg `g-NUMBER` as participant `p`, and is in it.
    pub(super) async fn joined(&self, number: u32, p: u32) -> SignallingClient {
        let mut client = self.connect(number).await;
        let leg = format!("g-{number}");
        let join =
            json!({ "leg": leg, "locator": { "groupId": GROUP }, "displayName": format!("User {number}") });
        assert_eq!(client.ok("call.join", join).await["p"], p);
        self.news(&leg, Input::MediaUp { p: P(p) });
        client.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
        client
    }

    /// Waits until a condition holds.
    pub(super) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let wait = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("the condition holds in time");
    }
}

fn parts(
    store: &TestStore,
    users: &Arc<FakeUsers>,
    resources: &Arc<FixedResources>,
    node: &str,
    (media, settings, tasks, metrics): (MediaHandle, Settings, &Tasks, &Metrics),
) -> Parts {
    Parts {
        store: store.store().clone(),
        clock: Arc::clone(store.clock()) as _,
        entropy: Arc::clone(store.entropy()) as _,
        users: Arc::clone(users) as _,
        rooms: Arc::new(FakeRooms),
        relay: Arc::new(FakeRelays),
        tokens: Arc::clone(users) as _,
        resources: Arc::clone(resources) as _,
        spend: None,
        media,
        tasks: tasks.clone(),
        node: node.to_owned(),
        settings,
        secret: Secret::new(b"secret of tests".to_vec()),
        metrics: metrics.clone(),
    }
}

/// JSON text.
pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
