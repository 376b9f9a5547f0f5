//! What bounds clients, and which node they belong to.

use serde_json::json;
use trunkline_testkit::realtime::listen;
use trunkline_testkit::{SignallingClient, TestStore, on_both_engines};

use super::harness::{ADA, SLICES, World, raw_id, token};

on_both_engines!(SLICES;
    people_rung_in_a_minute_are_bounded,
    a_node_is_full,
    wishes_have_a_rate,
    another_node_sends_clients_to_the_one_that_has_the_resource,
);

async fn people_rung_in_a_minute_are_bounded(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    let everybody: Vec<String> = (2..100).map(raw_id).collect();
    for number in 1..=3 {
        ada.ok("call.start", json!({ "leg": format!("a-{number}"), "to": everybody })).await;
        ada.next_of("leg.over").await;
        ada.acknowledge().await;
    }
    let fourth = json!({ "leg": "a-4", "to": everybody });
    assert_eq!(ada.refused("call.start", fourth).await, "rateLimited");
    // Fewer are still allowed.
    ada.ok("call.start", json!({ "leg": "a-5", "to": [raw_id(2)] })).await;
}

async fn a_node_is_full(store: TestStore) {
    let media = trunkline_media::MediaHandle::closed();
    let world = World::with(store, media, |settings| settings.sessions_max = 1).await;
    let first = world.connect(ADA).await;
    let bye = world.connect_as(2, json!({})).await.map(drop).expect_err("there is no room");
    assert_eq!((&bye["code"], &bye["retry"]), (&json!(4429), &json!(true)));
    first.leave().await;
    world.until(|world| world.metrics.sessions.get() == 0).await;
    world.connect(2).await;
}

async fn wishes_have_a_rate(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(ada.request("media.want", json!({ "leg": "g-1", "want": [] })).await);
        if ids.len() % 10 == 0 {
            for id in ids.drain(..) {
                assert_eq!(ada.reply_of(&id).await["t"], "ok");
            }
        }
    }
    assert_eq!(ada.refused("media.want", json!({ "leg": "g-1", "want": [] })).await, "rateLimited");
}

async fn another_node_sends_clients_to_the_one_that_has_the_resource(store: TestStore) {
    let world = World::new(store).await;
    let _here = world.connect(ADA).await;
    let other = world.second_node().await;
    let origin = listen(&other, &world.tasks).await;
    let token = token(&raw_id(ADA), "voip");
    let redirect = SignallingClient::connect(&origin, &world.tasks, &token, json!({})).await;
    let redirect = redirect.map(drop).expect_err("the resource is elsewhere");
    let resource = world.resources.view("dev").id;
    let url = format!("wss://localhost:8443/calling/signalling?resource={resource}");
    assert_eq!(redirect, json!({ "t": "redirect", "url": url }));
}
