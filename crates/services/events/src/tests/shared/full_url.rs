//! The whole address of a subscription's web hook.

use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use crate::tests::arm::{Home, World, hook};

pub(crate) async fn contributors_see_it_with_its_query(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/events?code=hush")).await.expect(201);
    let audited = world.app.audit_log().await.len();
    let call = Call::post(home.at("hook-1", "/getFullUrl"));
    let answer = world.manage(home.changer(), call.clone()).await.expect(200);
    assert_eq!(answer.body, json!({ "endpointUrl": "https://example.org/events?code=hush" }));
    assert_eq!(world.app.audit_log().await.len(), audited, "nothing changes");
    world.takes_managers_from("contributor", true, &call).await;
}

pub(crate) async fn unknown_ones_are_not_found(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let call = Call::post(home.at("hook-1", "/getFullUrl"));
    world.manage(home.changer(), call).await.expect_error(404, "ResourceNotFound");
}

pub(crate) async fn a_subject_of_nats_has_none(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.to_nats(home, "nats-1").await;
    let call = Call::post(home.at("nats-1", "/getFullUrl"));
    world.manage(home.changer(), call).await.expect_error(400, "InvalidRequest");
    let shown = world.get(home, "nats-1").await.expect(200).body;
    assert_eq!(
        shown["properties"]["destination"],
        json!({ "endpointType": "NatsSubject", "properties": { "subject": "a.b" } })
    );
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.refuses_wrong_homes(home, &Call::post, &home.at("hook-1", "/getFullUrl")).await;
}
