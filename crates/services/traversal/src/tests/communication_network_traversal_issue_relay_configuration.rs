//! `CommunicationNetworkTraversal_IssueRelayConfiguration`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, ResourceId, Secret, Timestamp};
use trunkline_store::Slice;
use trunkline_testkit::{
    Answer, Call, FixedDirectory, FixedOperators, FixedResources, TestApp, TestStore, app, on_both_engines,
};
use trunkline_web::KeySlot;
use trunkline_web::ports::{FindUsers, HeldToken, PortFuture};

use crate::{IssueCredentials, Parts, RelayCredential, TraversalService};

const SLICES: &[Slice] = &[trunkline_web::SLICE];
const PATH: &str = "/networkTraversal/:issueRelayConfiguration?api-version=2022-03-01-preview";
const USER: &str = "8:acs:00000000-0000-0000-0000-000000000001_alice";
const DAYS_2: Duration = Duration::from_hours(48);

on_both_engines!(SLICES;
    a_configuration_says_where_with_what_and_until_when,
    a_user_must_be_of_the_resource,
    lifetimes_and_routes_are_checked,
    strangers_are_refused,
    api_versions_are_checked,
    without_a_relay_there_is_none,
);

/// Knows one user of one resource.
struct OneUser;

impl FindUsers for OneUser {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        let is_known = move |id: String| id == USER && resource.to_string().ends_with("01");
        Box::pin(async move { Ok(raw_ids.into_iter().map(is_known).collect()) })
    }

    fn still_good(&self, _: ResourceId, _: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>> {
        unreachable!("nobody stays connected here")
    }
}

/// Issues what it is asked for as text.
struct Written {
    is_on: bool,
}

impl IssueCredentials for Written {
    fn issue(
        &self,
        resource: ResourceId,
        who: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Option<RelayCredential> {
        self.is_on.then(|| RelayCredential {
            urls: vec!["turn:relay.test:3478?transport=udp".to_owned()],
            username: format!("{}:{resource}.{who}", now.plus(ttl).as_seconds()),
            password: Secret::new("password".to_owned()),
        })
    }
}

struct World {
    app: TestApp,
    resources: Arc<FixedResources>,
}

impl World {
    fn new(store: TestStore, is_on: bool) -> Self {
        let service =
            TraversalService::new(Parts { users: Arc::new(OneUser), relay: Arc::new(Written { is_on }) });
        let resources = Arc::new(FixedResources::default());
        let bearers: Vec<Arc<dyn trunkline_web::ports::VerifyBearer>> =
            vec![Arc::new(FixedOperators), Arc::new(FixedDirectory)];
        let settings = app::settings(LimitSet::Generous);
        let app = TestApp::new(store, service.routes(), Arc::clone(&resources) as _, bearers, settings);
        Self { app, resources }
    }

    async fn ask(&self, body: Value) -> Answer {
        self.call(Call::post(PATH).json(&body)).await
    }

    async fn call(&self, call: Call) -> Answer {
        self.app.call(call.signed(&self.resources.key("dev", KeySlot::Primary))).await
    }

    fn ends(&self, ttl: Duration) -> Timestamp {
        self.app.clock().now().truncate_to_second().plus(ttl)
    }
}

fn server(world: &World, who: &str, ttl: Duration, route: &str) -> Value {
    let ends = world.ends(ttl).as_seconds();
    json!({
        "urls": ["turn:relay.test:3478?transport=udp"],
        "username": format!("{ends}:00000000-0000-0000-0000-000000000001.{who}"),
        "credential": "password",
        "routeType": route,
    })
}

async fn a_configuration_says_where_with_what_and_until_when(store: TestStore) {
    let world = World::new(store, true);
    world.app.clock().advance(Duration::from_micros(1_234_567));
    let ttl = Duration::from_hours(1);
    let both = world.ask(json!({ "id": USER, "ttl": 3_600 })).await.expect(200);
    let expected = json!({
        "expiresOn": world.ends(ttl).to_rfc3339(),
        "iceServers": [server(&world, USER, ttl, "any"), server(&world, USER, ttl, "nearest")],
    });
    assert_eq!(both.body, expected);
    for route in ["any", "nearest"] {
        let one = world.ask(json!({ "routeType": route })).await.expect(200);
        assert_eq!(one.body["iceServers"], json!([server(&world, "application", DAYS_2, route)]));
    }
    // The body may be left out.
    let bare = world.call(Call::post(PATH)).await.expect(200);
    assert_eq!(bare.body["expiresOn"], world.ends(DAYS_2).to_rfc3339());
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    assert_eq!(world.app.audit_log().await.len(), 0);
}

async fn a_user_must_be_of_the_resource(store: TestStore) {
    let world = World::new(store, true);
    for id in ["", "alice", "8:acs:00000000-0000-0000-0000-000000000001_bob", "4:+4930123"] {
        world.ask(json!({ "id": id })).await.expect_invalid("id");
    }
    let key = world.resources.key("other", KeySlot::Primary);
    let call = Call::post(PATH).host(app::OTHER_HOST).json(&json!({ "id": USER })).signed(&key);
    world.app.call(call).await.expect_invalid("id");
}

async fn lifetimes_and_routes_are_checked(store: TestStore) {
    let world = World::new(store, true);
    for (ttl, lasts) in [(0, 0), (1, 1), (172_800, 172_800), (172_801, 172_800), (i32::MAX, 172_800)] {
        let answer = world.ask(json!({ "ttl": ttl })).await.expect(200);
        assert_eq!(answer.body["expiresOn"], world.ends(Duration::from_secs(lasts)).to_rfc3339(), "{ttl}");
    }
    for ttl in [-1, i32::MIN] {
        world.ask(json!({ "ttl": ttl })).await.expect_invalid("ttl");
    }
    for bad in [json!({ "routeType": "fastest" }), json!({ "ttl": "60" }), json!([]), json!({ "id": 7 })] {
        world.ask(bad).await.expect_invalid("body");
    }
}

async fn strangers_are_refused(store: TestStore) {
    let world = World::new(store, true);
    let call = Call::post(PATH).json(&json!({}));
    let ask = |call: Call| world.app.call(call);
    ask(call.clone()).await.expect_denied("CredentialsMissing");
    ask(call.clone().signed(&[1; 64])).await.expect_denied("SignatureMismatch");
    let foreign = world.resources.key("other", KeySlot::Primary);
    ask(call.clone().signed(&foreign)).await.expect_denied("SignatureMismatch");
    ask(call.clone().bearer("owner")).await.expect_error(403, "Forbidden");
    ask(call.clone().bearer("nonsense")).await.expect_denied("TokenUnknown");
    ask(call.clone().bearer("app:data:reader")).await.expect_error(403, "Forbidden");
    ask(call.bearer("app:data:contributor")).await.expect(200);
}

async fn api_versions_are_checked(store: TestStore) {
    let world = World::new(store, true);
    let path = PATH.split('?').next().expect("a path");
    world.call(Call::post(path)).await.expect_error(400, "MissingApiVersionParameter");
    for old in ["2020-01-01", "banana"] {
        let call = Call::post(format!("{path}?api-version={old}"));
        world.call(call).await.expect_error(400, "UnsupportedApiVersionValue");
    }
}

async fn without_a_relay_there_is_none(store: TestStore) {
    let world = World::new(store, false);
    world.ask(json!({})).await.expect_error(503, "ServiceUnavailable");
}
