//! `call.hold`, `call.resume`: a call is held.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, GROUP, SLICES, World};

on_both_engines!(SLICES; holding_and_going_on, nothing_is_held_before_it_is_connected);

async fn holding_and_going_on(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _) = world.pair().await;
    ada.ok("call.hold", json!({ "leg": "a-1" })).await;
    ada.until(|message| message["t"] == "leg" && message["state"] == "hold").await;
    bob.until(|message| message["t"] == "leg" && message["state"] == "remoteHold").await;
    ada.ok("call.resume", json!({ "leg": "a-1" })).await;
    ada.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
    bob.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
}

async fn nothing_is_held_before_it_is_connected(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    ada.ok("call.join", json!({ "leg": "a", "locator": { "groupId": GROUP } })).await;
    assert_eq!(ada.refused("call.hold", json!({ "leg": "a" })).await, "notNow");
}
