//! `call.join`: a call is joined by its locator.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, GROUP, SLICES, World, raw_id, text};
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    a_group_call_is_made_and_joined,
    group_ids_belong_to_a_resource_and_are_guids_in_any_form,
    one_user_is_in_it_twice,
    a_room_gives_the_role,
    what_cannot_be_joined_is_refused,
    a_call_has_as_many_as_it_may_have,
);

async fn a_group_call_is_made_and_joined(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    assert_eq!(ada.next_of("participants").await["set"], json!([]));
    let mut bob = world.joined(BOB, 2).await;
    let everybody = bob.next_of("participants").await;
    assert_eq!(everybody["set"][0]["user"], raw_id(ADA));
    assert_eq!(everybody["leg"], "g-2");
    let new = ada
        .until(|message| message["t"] == "participants" && message["set"][0]["state"] == "connected")
        .await;
    assert_eq!((&new["set"][0]["p"], &new["leg"], &new["gone"]), (&json!(2), &json!("g-1"), &json!([])));
    let call = ada.until(|message| message["t"] == "call" && message["count"] == 2).await;
    assert_eq!(
        (&call["kind"], &call["spotlight"], &call["recording"]),
        (&json!("group"), &json!([]), &json!(false))
    );
}

async fn group_ids_belong_to_a_resource_and_are_guids_in_any_form(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    let first = ada.ok("call.join", json!({ "leg": "a", "locator": { "groupId": GROUP } })).await;
    let second =
        bob.ok("call.join", json!({ "leg": "b", "locator": { "groupId": GROUP.to_uppercase() } })).await;
    assert_eq!((&first["call"], &first["kind"]), (&second["call"], &json!("group")));
    let other = json!({ "leg": "c", "locator": { "groupId": "00000000-0000-4000-8000-000000000001" } });
    assert_ne!(bob.ok("call.join", other).await["call"], first["call"]);
}

async fn one_user_is_in_it_twice(store: TestStore) {
    let world = World::new(store).await;
    let (mut one, mut two) = (world.connect(ADA).await, world.connect(ADA).await);
    let join = |leg: &str| json!({ "leg": leg, "locator": { "groupId": GROUP } });
    assert_eq!(one.ok("call.join", join("one")).await["p"], 1);
    assert_eq!(two.ok("call.join", join("two")).await["p"], 2);
}

async fn a_room_gives_the_role(store: TestStore) {
    let world = World::new(store).await;
    let join = |leg: &str| json!({ "leg": leg, "locator": { "roomId": "open" } });
    for (number, leg, p, role, can) in [(ADA, "a", 1, "Presenter", true), (BOB, "b", 2, "Attendee", false)] {
        let mut client = world.connect(number).await;
        assert_eq!(client.ok("call.join", join(leg)).await["kind"], "room");
        world.news(leg, Input::MediaUp { p: P(p) });
        let shown = client.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
        assert_eq!(shown["role"], role);
        let capabilities = shown["capabilities"].as_array().expect("a list");
        assert_eq!(capabilities.contains(&json!("shareScreen")), can, "{role}");
    }
}

async fn what_cannot_be_joined_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    for (locator, name, sub_code) in [
        (json!({}), "malformed", 0),
        (json!({ "groupId": "no guid" }), "malformed", 0),
        (json!({ "groupId": GROUP, "roomId": "open" }), "malformed", 0),
        (json!({ "roomId": "none" }), "roomNotFound", 5732),
        (json!({ "roomId": "private" }), "roomNotInvited", 5828),
        (json!({ "roomId": "closed" }), "roomNotOpen", 5829),
        (json!({ "meetingLink": "https://meet.example/1" }), "noEndpoint", 5751),
        (json!({ "meetingId": "1", "passcode": "2" }), "noEndpoint", 5751),
    ] {
        let reply = ada.ask("call.join", json!({ "leg": "a", "locator": locator })).await;
        assert_eq!((&reply["name"], &reply["subCode"]), (&json!(name), &json!(sub_code)), "{locator}");
    }
    assert_eq!(world.app.count("calling_calls").await, 0);
}

async fn a_call_has_as_many_as_it_may_have(store: TestStore) {
    let media = trunkline_media::MediaHandle::closed();
    let world = World::with(store, media, |settings| settings.participants_max = 2).await;
    let (mut ada, mut bob, mut eve) =
        (world.connect(ADA).await, world.connect(BOB).await, world.connect(EVE).await);
    let join = |leg: &str| json!({ "leg": leg, "locator": { "groupId": GROUP } });
    ada.ok("call.join", join("a")).await;
    bob.ok("call.join", join("b")).await;
    assert_eq!(eve.refused("call.join", join("c")).await, "limitReached");
    bob.ok("call.hangUp", json!({ "leg": "b" })).await;
    let over = bob.next_of("leg.over").await;
    assert_eq!(text(&over["leg"]), "b");
    eve.ok("call.join", join("c")).await;
}
