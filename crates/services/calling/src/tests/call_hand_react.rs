//! `call.hand`, `call.react`, `reaction`: signs.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World};

on_both_engines!(SLICES; hands_go_up_in_order_and_down, reactions_reach_everybody, reactions_have_a_rate);

async fn hands_go_up_in_order_and_down(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.ok("call.hand", json!({ "leg": "g-2", "raised": true })).await;
    let first = ada.until(|message| message["set"][0]["hand"].is_u64()).await["set"][0]["hand"].clone();
    ada.ok("call.hand", json!({ "leg": "g-1", "raised": true })).await;
    // One is told of one's own hand too: somebody else may have lowered it.
    let own = bob.until(|message| message["set"][0]["hand"].is_u64()).await;
    assert_eq!((&own["set"][0]["p"], &own["set"][0]["hand"]), (&json!(2), &first));
    let second = bob.until(|message| message["set"][0]["p"] == 1).await["set"][0]["hand"].clone();
    assert!(first.as_u64() < second.as_u64(), "{first} {second}");
    ada.ok("call.hand", json!({ "leg": "g-1", "raised": false, "p": [2] })).await;
    ada.until(|message| message["set"][0]["p"] == 2 && message["set"][0].get("hand").is_none()).await;
    assert_eq!(
        ada.refused("call.hand", json!({ "leg": "g-1", "raised": true, "p": [2] })).await,
        "notAllowed"
    );
    let many = vec![2; 351];
    assert_eq!(
        ada.refused("call.hand", json!({ "leg": "g-1", "raised": false, "p": many })).await,
        "malformed"
    );
}

async fn reactions_reach_everybody(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.ok("call.react", json!({ "leg": "g-2", "reaction": "heart" })).await;
    for (client, leg) in [(&mut ada, "g-1"), (&mut bob, "g-2")] {
        let reaction = client.next_of("reaction").await;
        assert_eq!(
            (&reaction["leg"], &reaction["p"], &reaction["reaction"]),
            (&json!(leg), &json!(2), &json!("heart"))
        );
    }
    assert_eq!(ada.refused("call.react", json!({ "leg": "g-1", "reaction": "yawn" })).await, "malformed");
}

async fn reactions_have_a_rate(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    for _ in 0..10 {
        ada.ok("call.react", json!({ "leg": "g-1", "reaction": "like" })).await;
    }
    assert_eq!(ada.refused("call.react", json!({ "leg": "g-1", "reaction": "like" })).await, "rateLimited");
    world.advance(std::time::Duration::from_millis(500));
    ada.ok("call.react", json!({ "leg": "g-1", "reaction": "like" })).await;
}
