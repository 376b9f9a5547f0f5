//! The server was away: calls go on, and clients come back into them. And which node has a resource.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, GROUP, SLICES, World, text};
use crate::registry::Owner;
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    a_group_goes_on_where_it_was,
    a_call_that_rang_rings_again,
    whoever_does_not_come_back_is_out,
    one_node_has_a_resource,
    two_first_joiners_make_one_call,
);

async fn a_group_goes_on_where_it_was(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    let joined = ada.ok("call.join", json!({ "leg": "a", "locator": { "groupId": GROUP } })).await;
    world.news("a", Input::MediaUp { p: P(1) });
    let _bob = world.joined(BOB, 2).await;

    let world = world.restart().await;
    let mut ada = world.connect(ADA).await;
    assert_eq!(world.metrics.calls.get(), 1, "the call runs before anybody is welcome");
    let rejoin = json!({ "leg": "a", "legToken": joined["legToken"], "muted": true });
    let back = ada.ok("call.rejoin", rejoin).await;
    assert_eq!((&back["call"], &back["p"]), (&joined["call"], &json!(1)));
    assert_eq!(back["serverCallId"], joined["serverCallId"]);
    world.news("a", Input::MediaUp { p: P(1) });
    let others = ada.until(|message| message["t"] == "participants").await;
    assert_eq!((&others["set"][0]["p"], &others["set"][0]["state"]), (&json!(2), &json!("reconnecting")));
    let third = world.joined(7, 3).await;
    drop(third);
    assert_eq!(world.app.count("calling_calls").await, 1, "the id leads to the same call");
}

async fn a_call_that_rang_rings_again(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    let started = ada.ok("call.start", json!({ "leg": "a", "to": [super::harness::raw_id(BOB)] })).await;
    let rang = bob.next_of("ring").await;

    let world = world.restart().await;
    let mut bob = world.connect(BOB).await;
    let rings = bob.next_of("ring").await;
    assert_eq!(
        (&rings["leg"], &rings["call"], &rings["until"]),
        (&rang["leg"], &rang["call"], &rang["until"])
    );
    let mut ada = world.connect(ADA).await;
    ada.ok("call.rejoin", json!({ "leg": "a", "legToken": started["legToken"] })).await;
    bob.ok("call.accept", json!({ "leg": rings["leg"] })).await;
    world.news("a", Input::MediaUp { p: P(1) });
    world.news("a", Input::MediaUp { p: P(2) });
    for client in [&mut ada, &mut bob] {
        client.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
    }
}

async fn whoever_does_not_come_back_is_out(store: TestStore) {
    let world = World::new(store).await;
    let (_ada, _bob, leg) = world.pair().await;
    let world = world.restart().await;
    let mut bob = world.connect(BOB).await;
    let rejoin = json!({ "leg": leg, "legToken": "any" });
    // The call answers: it waits for its people from now on.
    assert_eq!(bob.refused("call.rejoin", rejoin.clone()).await, "notAllowed");
    world.advance(Duration::from_secs(121));
    world.until(|world| world.metrics.calls.get() == 0).await;
    let mut bob = world.connect(BOB).await;
    assert_eq!(bob.refused("call.rejoin", rejoin).await, "unknownCall");
    let kinds: Vec<String> = world.app.events().await.iter().map(|event| text(&event["kind"])).collect();
    assert_eq!(kinds.last().map(String::as_str), Some("calling.call_ended"));
    assert_eq!(kinds.iter().filter(|kind| *kind == "calling.participant_removed").count(), 2);
}

async fn one_node_has_a_resource(store: TestStore) {
    let world = World::new(store).await;
    let resource = world.resources.view("dev");
    assert_eq!(world.calling.registry.own(Arc::clone(&resource)).await.unwrap(), Owner::Here);
    let other = world.node("node-2").await;
    let elsewhere = other.registry.own(Arc::clone(&resource)).await.unwrap();
    assert_eq!(elsewhere, Owner::There { url: trunkline_testkit::app::ORIGIN.to_owned() });

    // The first renews, the second does not get it.
    world.app.clock().advance(Duration::from_secs(15));
    world.calling.registry.renew(false).await.unwrap();
    world.app.clock().advance(Duration::from_secs(15));
    assert!(matches!(other.registry.own(Arc::clone(&resource)).await.unwrap(), Owner::There { .. }));

    // The first is gone: after the lease the second has it, and its calls.
    world.app.clock().advance(Duration::from_secs(21));
    assert_eq!(other.registry.own(Arc::clone(&resource)).await.unwrap(), Owner::Here);
    world.calling.registry.renew(false).await.unwrap();
    assert!(matches!(world.calling.registry.own(resource).await.unwrap(), Owner::There { .. }));
}

async fn two_first_joiners_make_one_call(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    let locator = json!({ "groupId": GROUP });
    let (first, second) = (
        ada.request("call.join", json!({ "leg": "a", "locator": locator })).await,
        bob.request("call.join", json!({ "leg": "b", "locator": locator })).await,
    );
    let (first, second) = (ada.reply_of(&first).await, bob.reply_of(&second).await);
    assert_eq!(first["call"], second["call"]);
    assert_ne!(first["p"], second["p"]);
    assert_eq!((world.app.count("calling_calls").await, world.app.count("calling_legs").await), (1, 2));
}
