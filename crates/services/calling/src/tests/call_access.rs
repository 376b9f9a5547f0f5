//! `call.access`: microphones and cameras are forbidden.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World};

on_both_engines!(SLICES; a_microphone_is_forbidden_and_allowed);

async fn a_microphone_is_forbidden_and_allowed(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    ada.ok("call.access", json!({ "leg": "g-1", "audio": false, "p": [2] })).await;
    let own = bob.until(|message| message["t"] == "leg").await;
    assert!(!own["capabilities"].as_array().expect("a list").contains(&json!("unmuteMic")));
    ada.until(|message| message["set"][0]["p"] == 2 && message["set"][0]["forbidden"] == json!(["audio"]))
        .await;
    assert_eq!(bob.refused("call.mute", json!({ "leg": "g-2", "muted": false })).await, "notAllowed");
    ada.ok("call.access", json!({ "leg": "g-1", "audio": true, "p": [2] })).await;
    bob.until(|message| message["t"] == "leg").await;
    bob.ok("call.mute", json!({ "leg": "g-2", "muted": false })).await;
}
