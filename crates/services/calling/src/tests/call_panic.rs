//! A call whose task panics: nobody goes on ringing for nothing, and everybody comes back into the same call.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, raw_id, text};
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    a_call_that_panicked_rings_anew_and_goes_on,
    a_call_that_panics_again_and_again_rests,
);

async fn a_call_that_panicked_rings_anew_and_goes_on(store: TestStore) {
    let world = World::new(store).await;
    let dev = world.resources.view("dev").id;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    let started = ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let leg = bob.next_of("ring").await["leg"].clone();
    world.calling.registry.panic_in(dev, &"a-1".into());
    let over = bob.next_of("ring.over").await;
    assert_eq!((&over["leg"], &over["reason"]["subCode"]), (&leg, &json!(7000)));
    let ring = bob.next_of("ring").await;
    assert_eq!((&ring["leg"], &ring["call"]), (&leg, &started["call"]));

    let rejoin = json!({ "leg": "a-1", "legToken": started["legToken"] });
    assert_eq!(ada.ok("call.rejoin", rejoin).await["call"], started["call"]);
    bob.ok("call.accept", json!({ "leg": leg })).await;
    world.news("a-1", Input::MediaUp { p: P(1) });
    world.news(&text(&leg), Input::MediaUp { p: P(2) });
    for client in [&mut ada, &mut bob] {
        client.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
    }
    assert_eq!((world.metrics.calls.get(), world.app.count("calling_calls").await), (1, 1));
}

async fn a_call_that_panics_again_and_again_rests(store: TestStore) {
    let world = World::new(store).await;
    let dev = world.resources.view("dev").id;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    for _ in 0..4 {
        bob.next_of("ring").await;
        world.calling.registry.panic_in(dev, &"a-1".into());
        bob.next_of("ring.over").await;
    }
    world.until(|world| world.metrics.calls.get() == 0).await;
    // A device that comes now is not rung by a call that does not run.
    let mut late = world.connect(BOB).await;
    late.ok("call.join", json!({ "leg": "b", "locator": { "groupId": super::harness::GROUP } })).await;
    assert_eq!(late.next().await.expect("the next message")["t"], "leg");
    assert_eq!(ada.refused("call.mute", json!({ "leg": "a-1", "muted": true })).await, "unknownCall");
}
