//! `call.hangUp`, `leg.over`: a leg ends.

use std::time::Duration;

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World};

on_both_engines!(SLICES;
    hanging_up_ends_a_call_of_two,
    leaving_a_group_leaves_the_others,
    ending_it_for_everyone,
    a_page_that_is_closed_has_left,
    a_session_that_is_away_is_shown_and_comes_back,
    a_session_that_stays_away_ends_its_legs,
    a_token_that_ends_ends_the_leg,
    a_token_that_ends_may_leave_calls_alone,
);

async fn hanging_up_ends_a_call_of_two(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, leg) = world.pair().await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    let own = ada.next_of("leg.over").await;
    assert_eq!((&own["reason"]["code"], &own["by"]), (&json!(0), &json!(1)));
    let other = bob.next_of("leg.over").await;
    assert_eq!((&other["leg"], &other["reason"]["code"], &other["by"]), (&json!(leg), &json!(0), &json!(1)));
    assert_eq!(other["reason"]["categories"], json!(["Success"]));
    assert_eq!(ada.refused("call.hangUp", json!({ "leg": "a-1" })).await, "unknownCall");
    world.until(|world| world.metrics.calls.get() == 0).await;
}

async fn leaving_a_group_leaves_the_others(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _eve) =
        (world.joined(ADA, 1).await, world.joined(BOB, 2).await, world.joined(EVE, 3).await);
    bob.ok("call.hangUp", json!({ "leg": "g-2" })).await;
    bob.next_of("leg.over").await;
    let gone = ada.until(|message| message["t"] == "participants" && message["gone"] == json!([2])).await;
    assert_eq!(
        (&gone["set"][0]["state"], &gone["set"][0]["reason"]["code"]),
        (&json!("disconnected"), &json!(0))
    );
    assert_eq!(world.metrics.calls.get(), 1);
}

async fn ending_it_for_everyone(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, mut eve) =
        (world.joined(ADA, 1).await, world.joined(BOB, 2).await, world.joined(EVE, 3).await);
    ada.ok("call.hangUp", json!({ "leg": "g-1", "forEveryone": true })).await;
    for (client, sub_code) in [(&mut ada, 0), (&mut bob, 4097), (&mut eve, 4097)] {
        let over = client.next_of("leg.over").await;
        assert_eq!((&over["reason"]["code"], &over["reason"]["subCode"]), (&json!(0), &json!(sub_code)));
    }
    world.until(|world| world.metrics.calls.get() == 0).await;
}

async fn a_page_that_is_closed_has_left(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.leave().await;
    let gone = ada.until(|message| message["t"] == "participants" && message["gone"] == json!([2])).await;
    assert_eq!(gone["set"][0]["reason"]["subCode"], 4521);
}

async fn a_session_that_is_away_is_shown_and_comes_back(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.cut();
    world.until(|world| world.metrics.sockets.get() == 1).await;
    world.advance(Duration::from_secs(3));
    ada.until(|message| message["set"][0]["state"] == "reconnecting").await;
    let resumed = bob.resume().await.expect("it goes on");
    assert_eq!(resumed["resumeFor_s"], 120);
    ada.until(|message| message["set"][0]["state"] == "connected").await;
}

async fn a_session_that_stays_away_ends_its_legs(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.cut();
    world.until(|world| world.metrics.sockets.get() == 1).await;
    for _ in 0..4 {
        world.advance_with(&mut ada, Duration::from_secs(29)).await;
    }
    assert_eq!(world.metrics.sessions.get(), 2);
    world.advance(Duration::from_secs(4));
    let gone = ada.until(|message| message["gone"] == json!([2])).await;
    let reason = &gone["set"][0]["reason"];
    assert_eq!((&reason["code"], &reason["subCode"]), (&json!(410), &json!(301_005)));
    assert_eq!(world.metrics.sessions.get(), 1);
    assert_eq!(bob.resume().await.expect_err("it is gone")["code"], 4410);
}

async fn a_token_that_ends_ends_the_leg(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    let now = trunkline_kernel::Clock::now(&**world.app.clock());
    *world.users.expires.lock().unwrap() = now.plus(Duration::from_secs(20));
    let mut bob = world.joined(BOB, 2).await;
    world.advance(Duration::from_secs(20));
    assert_eq!(bob.socket().close_code().await, Some(4401));
    let gone = ada.until(|message| message["gone"] == json!([2])).await;
    assert_eq!(gone["set"][0]["reason"]["code"], 401);
}

async fn a_token_that_ends_may_leave_calls_alone(store: TestStore) {
    let keep = |settings: &mut crate::Settings| settings.on_token_end = crate::OnTokenEnd::Keep;
    let world = World::with(store, trunkline_media::MediaHandle::closed(), keep).await;
    let now = trunkline_kernel::Clock::now(&**world.app.clock());
    *world.users.expires.lock().unwrap() = now.plus(Duration::from_secs(20));
    let mut ada = world.joined(ADA, 1).await;
    world.advance(Duration::from_secs(20));
    ada.ok("call.mute", json!({ "leg": "g-1", "muted": true })).await;
    let join = json!({ "leg": "a-2", "locator": { "groupId": "00000000-0000-4000-8000-000000000001" } });
    assert_eq!(ada.refused("call.join", join).await, "notAllowed");
}
