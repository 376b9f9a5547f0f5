//! `ring`, `ring.seen`, `call.accept`, `call.reject`: somebody is called.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, raw_id, text};

on_both_engines!(SLICES;
    every_device_rings_and_the_first_takes_the_call,
    a_device_that_comes_later_rings_too,
    declining_on_one_device_declines_on_all,
    busy_is_told,
    giving_up_stops_the_ringing,
    strangers_take_nothing,
    a_client_that_takes_no_calls_is_not_rung,
);

async fn every_device_rings_and_the_first_takes_the_call(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut one, mut two) =
        (world.connect(ADA).await, world.connect(BOB).await, world.connect(BOB).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let leg = text(&one.next_of("ring").await["leg"]);
    assert_eq!(text(&two.next_of("ring").await["leg"]), leg);
    two.ok("call.accept", json!({ "leg": leg })).await;
    let over = one.next_of("ring.over").await;
    assert_eq!(
        (&over["leg"], &over["reason"]["code"], &over["reason"]["subCode"]),
        (&json!(leg), &json!(487), &json!(10_003))
    );
    assert_eq!(one.refused("call.accept", json!({ "leg": leg })).await, "notNow");
    assert_eq!(one.refused("call.hangUp", json!({ "leg": leg })).await, "notNow");
}

async fn a_device_that_comes_later_rings_too(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, _one) = (world.connect(ADA).await, world.connect(BOB).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let mut two = world.connect(BOB).await;
    let leg = text(&two.next_of("ring").await["leg"]);
    two.ok("call.accept", json!({ "leg": leg })).await;
}

async fn declining_on_one_device_declines_on_all(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut one, mut two) =
        (world.connect(ADA).await, world.connect(BOB).await, world.connect(BOB).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let leg = text(&one.next_of("ring").await["leg"]);
    one.ok("call.reject", json!({ "leg": leg })).await;
    for client in [&mut one, &mut two] {
        assert_eq!(client.next_of("ring.over").await["reason"]["code"], 603);
    }
    let over = ada.next_of("leg.over").await;
    assert_eq!((&over["leg"], &over["reason"]["code"]), (&json!("a-1"), &json!(603)));
    assert_eq!(two.refused("call.accept", json!({ "leg": leg })).await, "unknownCall");
}

async fn busy_is_told(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let leg = text(&bob.next_of("ring").await["leg"]);
    bob.ok("call.reject", json!({ "leg": leg, "busy": true })).await;
    assert_eq!(ada.next_of("leg.over").await["reason"]["code"], 486);
}

async fn giving_up_stops_the_ringing(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    bob.next_of("ring").await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    let reason = bob.next_of("ring.over").await["reason"].clone();
    assert_eq!((&reason["code"], &reason["subCode"]), (&json!(487), &json!(0)));
    // Whoever comes now is not rung any more.
    let mut late = world.connect(BOB).await;
    assert_eq!(late.ask("call.hold", json!({ "leg": "none" })).await["n"], 1);
}

async fn strangers_take_nothing(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, mut eve) =
        (world.connect(ADA).await, world.connect(BOB).await, world.connect(EVE).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let leg = text(&bob.next_of("ring").await["leg"]);
    for kind in ["call.accept", "call.reject", "ring.seen"] {
        assert_eq!(eve.refused(kind, json!({ "leg": leg })).await, "unknownCall", "{kind}");
    }
}

async fn a_client_that_takes_no_calls_is_not_rung(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut rung) = (world.connect(ADA).await, world.connect(BOB).await);
    let mut silent = world.connect_as(BOB, json!({ "wants": [] })).await.expect("the session opens");
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    rung.next_of("ring").await;
    // The first thing it is told is the reply.
    assert_eq!(silent.ask("call.hold", json!({ "leg": "none" })).await["n"], 1);
}
