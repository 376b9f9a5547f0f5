//! `call.mute`, `call.muteOthers`, `muted`: microphones are switched.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World};
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    muting_oneself_is_shown,
    one_or_all_others_are_muted,
    an_attendee_mutes_nobody,
    nobody_unknown_is_muted,
);

async fn muting_oneself_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, leg) = world.pair().await;
    for is_muted in [true, false] {
        bob.ok("call.mute", json!({ "leg": leg, "muted": is_muted })).await;
        let shown = ada
            .until(|message| message["t"] == "participants" && message["set"][0]["muted"] == is_muted)
            .await;
        assert_eq!(shown["set"][0]["p"], 2);
    }
}

async fn one_or_all_others_are_muted(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, mut eve) =
        (world.joined(ADA, 1).await, world.joined(BOB, 2).await, world.joined(EVE, 3).await);
    ada.ok("call.muteOthers", json!({ "leg": "g-1", "p": 2 })).await;
    let muted = bob.next_of("muted").await;
    assert_eq!((&muted["leg"], &muted["by"]), (&json!("g-2"), &json!(1)));
    let shown = eve.until(|message| message["set"][0]["muted"] == true).await;
    assert_eq!((&shown["set"][0]["p"], &shown["set"][0]["serverMuted"]), (&json!(2), &json!(true)));
    ada.ok("call.muteOthers", json!({ "leg": "g-1" })).await;
    assert_eq!(eve.next_of("muted").await["by"], 1);
    bob.ok("call.mute", json!({ "leg": "g-2", "muted": false })).await;
    eve.until(|message| message["set"][0]["p"] == 2 && message["set"][0]["muted"] == false).await;
}

async fn an_attendee_mutes_nobody(store: TestStore) {
    let world = World::new(store).await;
    let mut bob = world.connect(BOB).await;
    bob.ok("call.join", json!({ "leg": "b", "locator": { "roomId": "open" } })).await;
    world.news("b", Input::MediaUp { p: P(1) });
    bob.until(|message| message["state"] == "connected").await;
    let reply = bob.ask("call.muteOthers", json!({ "leg": "b" })).await;
    assert_eq!(
        (&reply["name"], &reply["code"], &reply["subCode"]),
        (&json!("notAllowed"), &json!(403), &json!(10_124))
    );
}

async fn nobody_unknown_is_muted(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    assert_eq!(ada.refused("call.muteOthers", json!({ "leg": "g-1", "p": 7 })).await, "unknownParticipant");
    assert_eq!(ada.refused("call.mute", json!({ "leg": "g-1" })).await, "malformed");
}
