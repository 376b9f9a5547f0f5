//! `call.text`, `text`: something is said in writing.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World};

on_both_engines!(SLICES; text_reaches_everybody, text_is_short);

async fn text_reaches_everybody(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.ok("call.text", json!({ "leg": "g-2", "text": "Hel", "final": false, "seq": 4 })).await;
    for client in [&mut ada, &mut bob] {
        let said = client.next_of("text").await;
        assert_eq!(
            (&said["p"], &said["text"], &said["final"], &said["seq"]),
            (&json!(2), &json!("Hel"), &json!(false), &json!(4))
        );
        assert!(said["at"].is_i64());
    }
}

async fn text_is_short(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    let text = |chars: usize| json!({ "leg": "g-1", "text": "é".repeat(chars), "final": true, "seq": 1 });
    ada.ok("call.text", text(2000)).await;
    assert_eq!(ada.refused("call.text", text(2001)).await, "malformed");
}
