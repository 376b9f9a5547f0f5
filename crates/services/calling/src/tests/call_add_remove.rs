//! `call.add`, `call.remove`: people are called in and removed.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, raw_id, text};

on_both_engines!(SLICES; a_third_is_called_into_a_call_of_two, somebody_is_removed, what_cannot_be_is_refused);

async fn a_third_is_called_into_a_call_of_two(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, leg) = world.pair().await;
    let mut eve = world.connect(EVE).await;
    let reply = ada.ok("call.add", json!({ "leg": "a-1", "to": [raw_id(EVE)] })).await;
    assert_eq!(reply["added"], json!([{ "p": 3, "user": raw_id(EVE) }]));
    for (client, leg) in [(&mut ada, "a-1"), (&mut bob, leg.as_str())] {
        let call = client.until(|message| message["t"] == "call" && message["kind"] == "group").await;
        assert_eq!(call["leg"], leg);
    }
    let ring = eve.next_of("ring").await;
    assert_eq!((&ring["kind"], &ring["from"]["user"]), (&json!("group"), &json!(raw_id(ADA))));
}

async fn somebody_is_removed(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    ada.ok("call.remove", json!({ "leg": "g-1", "p": 2 })).await;
    let over = bob.next_of("leg.over").await;
    assert_eq!(
        (&over["reason"]["code"], &over["reason"]["subCode"], &over["by"]),
        (&json!(0), &json!(5300), &json!(1))
    );
    let gone = ada.until(|message| message["gone"] == json!([2])).await;
    assert_eq!(gone["set"][0]["reason"]["subCode"], 5300);
    // Somebody who only rings is removed as well.
    let mut eve = world.connect(EVE).await;
    let added = ada.ok("call.add", json!({ "leg": "g-1", "to": [raw_id(EVE)] })).await;
    eve.next_of("ring").await;
    ada.ok("call.remove", json!({ "leg": "g-1", "p": added["added"][0]["p"] })).await;
    assert_eq!(eve.next_of("ring.over").await["reason"]["subCode"], 5300);
}

async fn what_cannot_be_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    assert_eq!(ada.refused("call.remove", json!({ "leg": "g-1", "p": 7 })).await, "unknownParticipant");
    assert_eq!(ada.refused("call.add", json!({ "leg": "g-1", "to": [] })).await, "malformed");
    assert_eq!(ada.refused("call.add", json!({ "leg": "g-1", "to": [raw_id(100)] })).await, "noEndpoint");
    assert_eq!(ada.refused("call.dtmf", json!({ "leg": "g-1", "tone": "1" })).await, "notNow");
    assert_eq!(text(&ada.welcome["user"]), raw_id(ADA));
}
