//! `call.spotlight`: people are shown large.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World};

on_both_engines!(SLICES; people_come_into_the_spotlight_and_leave_it);

async fn people_come_into_the_spotlight_and_leave_it(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    ada.ok("call.spotlight", json!({ "leg": "g-1", "add": [2, 1] })).await;
    bob.until(|message| message["t"] == "call" && message["spotlight"] == json!([2, 1])).await;
    bob.ok("call.spotlight", json!({ "leg": "g-2", "remove": [2] })).await;
    ada.until(|message| message["t"] == "call" && message["spotlight"] == json!([1])).await;
    ada.ok("call.spotlight", json!({ "leg": "g-1", "clear": true })).await;
    bob.until(|message| message["t"] == "call" && message["spotlight"] == json!([])).await;
    assert_eq!(
        ada.refused("call.spotlight", json!({ "leg": "g-1", "add": [9] })).await,
        "unknownParticipant"
    );
}
