//! `call.start`: a call is placed.

use serde_json::json;
use trunkline_testkit::{SignallingClient, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, GROUP, SLICES, World, raw_id, raw_id_in, text, token};
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    two_talk,
    several_are_called,
    the_echo_test_answers,
    nobody_is_there,
    what_cannot_be_is_refused,
    a_token_that_only_joins_places_no_call,
    a_leg_is_one_leg,
    calls_of_a_user_are_bounded,
    media_that_cannot_be_set_up_refuses_the_call,
);

async fn two_talk(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    let context = json!({ "userToUser": "hello", "xHeaders": [{ "key": "X-a", "value": "b" }] });
    let start = json!({
        "leg": "a-1", "to": [raw_id(BOB)], "displayName": "Ada", "muted": true, "customContext": context,
        "sources": { "camera": { "width": 640, "height": 360 } },
    });
    let reply = ada.ok("call.start", start).await;
    assert_eq!((&reply["leg"], &reply["p"], &reply["kind"]), (&json!("a-1"), &json!(1), &json!("oneToOne")));
    assert!(text(&reply["call"]).starts_with("c-"));
    assert_eq!(text(&reply["legToken"]).len(), 43);
    assert_eq!(reply.get("answer"), None);
    let leg = ada.next_of("leg").await;
    assert_eq!(
        (&leg["leg"], &leg["state"], &leg["role"]),
        (&json!("a-1"), &json!("connecting"), &json!("Unknown"))
    );
    assert_eq!(leg["capabilities"].as_array().map(Vec::len), Some(16));

    let ring = bob.next_of("ring").await;
    assert_eq!(ring["call"], reply["call"]);
    assert_eq!(ring["from"], json!({ "user": raw_id(ADA), "name": "Ada" }));
    assert_eq!((&ring["kind"], &ring["customContext"]), (&json!("oneToOne"), &context));
    assert_eq!(ring["sources"], json!(["audio", "camera"]));
    let bobs = text(&ring["leg"]);
    bob.say("ring.seen", json!({ "leg": bobs })).await;
    let ringing = ada.until(|message| message["t"] == "leg" && message["state"] == "ringing").await;
    assert_eq!(ringing["leg"], "a-1");

    let taken = bob.ok("call.accept", json!({ "leg": bobs, "displayName": "Bob" })).await;
    assert_eq!((&taken["call"], &taken["p"]), (&reply["call"], &json!(2)));
    world.news("a-1", Input::MediaUp { p: P(1) });
    world.news("a-1", Input::MediaUp { p: P(2) });
    let connected = ada.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
    assert!(connected["at"].is_i64());
    let other = bob.until(|message| message["t"] == "participants").await;
    let shown = &other["set"][0];
    assert_eq!(
        (&shown["p"], &shown["user"], &shown["name"]),
        (&json!(1), &json!(raw_id(ADA)), &json!("Ada"))
    );
    assert_eq!((&shown["kind"], &shown["muted"]), (&json!("user"), &json!(true)));
    assert_eq!(shown["sources"]["camera"], json!({ "width": 640, "height": 360 }));
    assert_eq!(world.metrics.calls.get(), 1);
}

async fn several_are_called(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, mut eve) =
        (world.connect(ADA).await, world.connect(BOB).await, world.connect(EVE).await);
    let reply = ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB), raw_id(EVE)] })).await;
    assert_eq!(reply["kind"], "group");
    for client in [&mut bob, &mut eve] {
        let ring = client.next_of("ring").await;
        assert_eq!((&ring["call"], &ring["kind"]), (&reply["call"], &json!("group")));
    }
}

async fn the_echo_test_answers(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    for (leg, to) in [("e-1", "8:echo123"), ("e-2", "echo123")] {
        let reply = ada.ok("call.start", json!({ "leg": leg, "to": [to] })).await;
        assert_eq!(reply["kind"], "echo");
        world.news(leg, Input::MediaUp { p: P(1) });
        ada.until(|message| message["leg"] == leg && message["state"] == "connected").await;
        ada.ok("call.hangUp", json!({ "leg": leg })).await;
        assert_eq!(ada.next_of("leg.over").await["reason"]["code"], 0);
    }
    // Nobody else is told of it.
    assert!(world.app.events().await.is_empty());
}

async fn nobody_is_there(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let reason = ada.next_of("leg.over").await["reason"].clone();
    assert_eq!((&reason["code"], &reason["subCode"]), (&json!(480), &json!(10_037)));
    assert_eq!(reason["categories"], json!(["ExpectedError"]));
    // Somebody who takes no calls is known and cannot be reached.
    let _silent = world.connect_as(BOB, json!({ "wants": [] })).await.expect("the session opens");
    ada.ok("call.start", json!({ "leg": "a-2", "to": [raw_id(BOB)] })).await;
    let over = ada.next_of("leg.over").await;
    assert_eq!((&over["leg"], &over["reason"]["subCode"]), (&json!("a-2"), &json!(10_076)));
    world.until(|world| world.metrics.calls.get() == 0).await;
}

async fn what_cannot_be_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    let start = |to: serde_json::Value| json!({ "leg": "a-1", "to": to });
    for (message, name) in [
        (start(json!([])), "malformed"),
        (start(json!([raw_id(ADA)])), "malformed"),
        (start(json!([raw_id(BOB), raw_id(BOB)])), "malformed"),
        (start(json!([raw_id(BOB), "8:echo123"])), "noEndpoint"),
        (start(json!([raw_id(100)])), "noEndpoint"),
        (start(json!([raw_id_in(2, BOB)])), "noEndpoint"),
        (start(json!(["4:+4912345"])), "noEndpoint"),
        (start(json!(vec![raw_id(BOB); 351])), "malformed"),
        (start(json!(["8:acs:\0"])), "malformed"),
        (json!({ "leg": "a-1", "to": [raw_id(BOB)], "displayName": "\0" }), "malformed"),
        (start(json!(["8:acs:".to_owned() + &"x".repeat(300)])), "malformed"),
        (json!({ "leg": "not an id", "to": [raw_id(BOB)] }), "malformed"),
        (json!({ "leg": "a-1", "to": raw_id(BOB) }), "malformed"),
        (json!({ "leg": "a-1", "to": [raw_id(BOB)], "displayName": "x".repeat(257) }), "malformed"),
        (
            json!({ "leg": "a-1", "to": [raw_id(BOB)], "sources": { "camera": { "width": 0, "height": 1 } } }),
            "malformed",
        ),
        (
            json!({ "leg": "a-1", "to": [raw_id(BOB)], "customContext": { "userToUser": "x".repeat(1025) } }),
            "malformed",
        ),
    ] {
        assert_eq!(ada.refused("call.start", message.clone()).await, name, "{message}");
    }
    assert_eq!(world.metrics.calls.get(), 0);
    assert_eq!(world.app.count("calling_calls").await, 0);
}

async fn a_token_that_only_joins_places_no_call(store: TestStore) {
    let world = World::new(store).await;
    let token = token(&raw_id(ADA), "voip.join");
    let opened = SignallingClient::connect(&world.origin, &world.tasks, &token, json!({})).await;
    let mut ada = opened.expect("the session opens");
    let start = json!({ "leg": "a-1", "to": [raw_id(BOB)] });
    assert_eq!(ada.refused("call.start", start).await, "notAllowed");
    ada.ok("call.join", json!({ "leg": "a-1", "locator": { "groupId": GROUP } })).await;
    assert_eq!(ada.refused("call.add", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await, "notAllowed");
}

async fn a_leg_is_one_leg(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut eve) = (world.connect(ADA).await, world.connect(EVE).await);
    let join = json!({ "leg": "a-1", "locator": { "groupId": GROUP } });
    ada.ok("call.join", join.clone()).await;
    assert_eq!(ada.refused("call.join", join.clone()).await, "notAllowed");
    assert_eq!(eve.refused("call.join", join).await, "notAllowed");
    for kind in ["call.hangUp", "call.hold", "ring.seen", "call.reject"] {
        assert_eq!(eve.refused(kind, json!({ "leg": "a-1" })).await, "unknownCall", "{kind}");
    }
    assert_eq!(eve.refused("call.accept", json!({ "leg": "a-1" })).await, "unknownCall");
    assert_eq!(
        eve.refused("call.rejoin", json!({ "leg": "a-1", "legToken": "stolen" })).await,
        "unknownCall"
    );
}

async fn calls_of_a_user_are_bounded(store: TestStore) {
    let world =
        World::with(store, trunkline_media::MediaHandle::closed(), |settings| settings.calls_per_user = 2)
            .await;
    let mut ada = world.connect(ADA).await;
    let join = |number: u32| json!({ "leg": format!("a-{number}"), "locator": { "groupId": uuid::Uuid::from_u128(number.into()) } });
    ada.ok("call.join", join(1)).await;
    ada.ok("call.join", join(2)).await;
    assert_eq!(ada.refused("call.join", join(3)).await, "limitReached");
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    ada.ok("call.join", join(3)).await;
    // Somebody who is rung is in no call by that.
    ada.ok("call.hangUp", json!({ "leg": "a-2" })).await;
    let mut bob = world.connect(BOB).await;
    bob.ok("call.start", json!({ "leg": "b-1", "to": [raw_id(ADA)] })).await;
    ada.next_of("ring").await;
    ada.ok("call.join", join(4)).await;
}

async fn media_that_cannot_be_set_up_refuses_the_call(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, _bob) = (world.connect(ADA).await, world.connect(BOB).await);
    let start = json!({ "leg": "a-1", "to": [raw_id(BOB)], "offer": { "sdp": "v=0" } });
    // There are no media threads here.
    assert_eq!(ada.refused("call.start", start).await, "unavailable");
    assert_eq!(world.app.count("calling_calls").await, 0);
    world.until(|world| world.metrics.calls.get() == 0).await;
}
