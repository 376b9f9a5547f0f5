//! What no client of ours says: in the legs of others, out of order, about people of other calls.

use serde_json::{Value, json};
use trunkline_media::MediaHandle;
use trunkline_testkit::{SignallingClient, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, raw_id, text};
use crate::OnTokenEnd;
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    nobody_acts_in_the_leg_of_another,
    what_comes_out_of_its_order_changes_nothing,
    people_of_other_calls_cannot_be_named,
    a_token_revoked_in_a_call_ends_the_leg,
    a_token_revoked_in_a_call_leaves_the_call_alone_where_calls_outlive_tokens,
);

/// Everything that is said in a leg, with what belongs to it.
fn said_in(leg: &str) -> Vec<(&'static str, Value)> {
    let said = [
        ("ring.seen", json!({})),
        ("call.accept", json!({})),
        ("call.reject", json!({})),
        ("call.rejoin", json!({ "legToken": "guessed" })),
        ("call.hangUp", json!({})),
        ("call.hangUp", json!({ "forEveryone": true })),
        ("call.add", json!({ "to": [raw_id(9)] })),
        ("call.remove", json!({ "p": 1 })),
        ("call.mute", json!({ "muted": true })),
        ("call.muteOthers", json!({})),
        ("call.hold", json!({})),
        ("call.resume", json!({})),
        ("call.hand", json!({ "raised": true })),
        ("call.react", json!({ "reaction": "like" })),
        ("call.spotlight", json!({ "add": [1] })),
        ("call.text", json!({ "text": "me", "seq": 1 })),
        ("call.access", json!({ "audio": false })),
        ("call.admit", json!({ "all": true })),
        ("call.refuse", json!({ "all": true })),
        ("call.dtmf", json!({ "tone": "1" })),
        ("media.offer", json!({ "sdp": "v=0" })),
        ("media.sources", json!({ "camera": null })),
        ("media.want", json!({ "want": [] })),
    ];
    said.into_iter()
        .map(|(kind, mut fields)| {
            fields["leg"] = json!(leg);
            (kind, fields)
        })
        .collect()
}

async fn nobody_acts_in_the_leg_of_another(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _) = world.pair().await;
    // What comes after it is not of the beginning of the call.
    ada.ok("call.text", json!({ "leg": "a-1", "text": "begun", "seq": 1 })).await;
    bob.until(|message| message["text"] == "begun").await;
    let mut eve = world.connect(EVE).await;
    let mut ada_elsewhere = world.connect(ADA).await;
    for (who, client) in [("eve", &mut eve), ("bob", &mut bob), ("another device", &mut ada_elsewhere)] {
        for (kind, fields) in said_in("a-1") {
            // A device of the same user may come back into the leg, with the leg's token.
            let expected =
                if who == "another device" && kind == "call.rejoin" { "notAllowed" } else { "unknownCall" };
            assert_eq!(client.refused(kind, fields).await, expected, "{kind} by {who}");
        }
    }
    // Both are still in, as they were.
    ada.ok("call.text", json!({ "leg": "a-1", "text": "still here", "seq": 2 })).await;
    bob.until(|message| {
        let is_change = matches!(message["t"].as_str(), Some("leg.over" | "call.over" | "call" | "lobby"));
        assert!(!is_change && message["gone"].as_array().is_none_or(Vec::is_empty), "{message}");
        for shown in message["set"].as_array().into_iter().flatten() {
            assert!(shown["hand"].is_null() && shown["muted"] != true && shown["hold"] != true, "{shown}");
        }
        message["t"] == "text" && message["text"] == "still here"
    })
    .await;
}

async fn what_comes_out_of_its_order_changes_nothing(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    for (kind, fields) in said_in("a-1") {
        assert_eq!(ada.refused(kind, fields).await, "unknownCall", "{kind} before the call");
    }
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let leg = text(&bob.next_of("ring").await["leg"]);
    // Whoever calls does not take the call, and whoever is called does nothing in it yet.
    for (client, leg, kinds) in [
        (&mut ada, "a-1", &["call.accept", "call.reject"][..]),
        (&mut bob, &*leg, &["call.mute", "call.hold", "call.hand", "call.text", "call.add"][..]),
    ] {
        for (kind, fields) in said_in(leg).into_iter().filter(|(kind, _)| kinds.contains(kind)) {
            let name = client.refused(kind, fields).await;
            assert!(
                ["unknownCall", "notNow", "notAllowed"].contains(&&*name),
                "{kind} while it rings: {name}"
            );
        }
    }
    bob.ok("call.accept", json!({ "leg": leg })).await;
    for kind in ["call.accept", "call.reject"] {
        let name = bob.refused(kind, json!({ "leg": leg })).await;
        assert!(["unknownCall", "notNow", "notAllowed"].contains(&&*name), "{kind} once more: {name}");
    }
    world.news("a-1", Input::MediaUp { p: P(1) });
    world.news(&leg, Input::MediaUp { p: P(2) });
    ada.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    bob.next_of("leg.over").await;
    for (client, leg) in [(&mut ada, "a-1"), (&mut bob, &*leg)] {
        for (kind, fields) in said_in(leg) {
            assert_eq!(client.refused(kind, fields).await, "unknownCall", "{kind} after the call");
        }
    }
}

async fn people_of_other_calls_cannot_be_named(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, _bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    let mut eve = world.connect(EVE).await;
    let elsewhere = json!({ "groupId": "00000000-0000-4000-8000-000000000001" });
    eve.ok("call.join", json!({ "leg": "e", "locator": elsewhere })).await;
    world.news("e", Input::MediaUp { p: P(1) });
    eve.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
    // Participant 2 is in the other call, and there is none in this one.
    for (kind, fields) in [
        ("call.remove", json!({ "leg": "e", "p": 2 })),
        ("call.muteOthers", json!({ "leg": "e", "p": 2 })),
        ("call.hand", json!({ "leg": "e", "raised": false, "p": [2] })),
        ("call.spotlight", json!({ "leg": "e", "add": [2] })),
        ("call.access", json!({ "leg": "e", "audio": false, "p": [2] })),
        ("call.admit", json!({ "leg": "e", "p": [2] })),
        ("call.refuse", json!({ "leg": "e", "p": [2] })),
    ] {
        let reply = eve.ask(kind, fields).await;
        assert!(reply["t"] == "error" || reply["t"] == "ok", "{kind}: {reply}");
    }
    ada.ok("call.text", json!({ "leg": "g-1", "text": "quiet here", "seq": 1 })).await;
    let reply = ada.ask("call.hand", json!({ "leg": "g-1", "raised": true })).await;
    assert_eq!(reply["t"], "ok");
    let told = ada.until(|message| message["set"][0]["p"] == 1).await;
    assert_eq!(told["set"][0]["hand"], 1, "nothing was told before: {told}");
}

/// A call of Ada and Bob, in which Bob's token is revoked.
async fn revoked_in_a_call(world: &World) -> (SignallingClient, SignallingClient) {
    let (ada, bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    world.users.revoke(&raw_id(BOB));
    world.calling.check_user(world.resources.view("dev").id, &raw_id(BOB)).await;
    (ada, bob)
}

async fn a_token_revoked_in_a_call_ends_the_leg(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = revoked_in_a_call(&world).await;
    assert_eq!(bob.socket().close_code().await, Some(4401));
    let gone = ada.until(|message| message["gone"] == json!([2])).await;
    assert_eq!(gone["set"][0]["reason"]["code"], 401);
    assert_eq!(bob.resume().await.expect_err("it is gone")["code"], 4410);
}

async fn a_token_revoked_in_a_call_leaves_the_call_alone_where_calls_outlive_tokens(store: TestStore) {
    let keep = |settings: &mut crate::Settings| settings.on_token_end = OnTokenEnd::Keep;
    let world = World::with(store, MediaHandle::closed(), keep).await;
    let (mut ada, mut bob) = revoked_in_a_call(&world).await;
    bob.ok("call.text", json!({ "leg": "g-2", "text": "still here", "seq": 1 })).await;
    ada.until(|message| message["text"] == "still here").await;
    // He comes into no other call.
    assert_eq!(bob.refused("call.start", json!({ "leg": "b-2", "to": [raw_id(ADA)] })).await, "notAllowed");
}
