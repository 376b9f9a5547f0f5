//! `ChatThread_SendTypingNotification`.

use std::time::Duration;

use serde_json::json;
use trunkline_kernel::limits::LimitSet;
use trunkline_store::Wake;
use trunkline_store::wakes::WakeReceiver;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, raw_id};
use crate::notify::Typing;
use crate::rows::{PersonNumber, ThreadNumber};

/// Where every node listens.
const TYPING_TOPIC: &str = "chat.typing";

on_both_engines!(SLICES;
    every_node_is_told_and_nothing_is_kept,
    a_body_is_not_needed,
    large_threads_are_quiet_under_acs_limits,
    acs_limits_apply_to_each_user_and_thread,
    bad_requests_are_refused,
    strangers_tell_nothing,
);

async fn told(receiver: &mut WakeReceiver) -> Typing {
    match tokio::time::timeout(Duration::from_secs(10), receiver.next()).await {
        Ok(Some(Wake::Payload(payload))) => serde_json::from_str(&payload).expect("JSON"),
        other => panic!("nobody was told: {other:?}"),
    }
}

fn typing(name: &str, at_ms: i64) -> Typing {
    let (thread, person) = (ThreadNumber(1), PersonNumber(2));
    Typing { thread, person, raw_id: raw_id(BOB), name: name.to_owned(), at_ms }
}

async fn every_node_is_told_and_nothing_is_kept(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut receiver = world.app.store.wakes().subscribe(TYPING_TOPIC);
    let (before, now) = (world.messages(ADA, &thread).await, world.now_ms());
    let body = json!({ "senderDisplayName": "Bob the Second" });
    let answer = world.call(BOB, Call::post(at(&thread, "/typing")).json(&body)).await.expect(200);
    assert!(answer.bytes.is_empty());
    assert_eq!(told(&mut receiver).await, typing("Bob the Second", now));
    assert_eq!(world.messages(ADA, &thread).await, before);
    assert_eq!(world.event_kinds().await.len(), 1);
}

async fn a_body_is_not_needed(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut receiver = world.app.store.wakes().subscribe(TYPING_TOPIC);
    let now = world.now_ms();
    let target = at(&thread, "/typing");
    for call in [Call::post(target.clone()), Call::post(target).json(&json!({}))] {
        world.call(BOB, call).await.expect(200);
        assert_eq!(told(&mut receiver).await, typing("", now));
    }
}

async fn large_threads_are_quiet_under_acs_limits(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let twenty: Vec<u32> = (2..=21).collect();
    let (large, small) = (world.thread(ADA, &twenty).await, world.thread(ADA, &[]).await);
    let mut receiver = world.app.store.wakes().subscribe(TYPING_TOPIC);
    world.call(ADA, Call::post(at(&large, "/typing"))).await.expect(200);
    world.call(ADA, Call::post(at(&small, "/typing"))).await.expect(200);
    assert_eq!(told(&mut receiver).await.thread, ThreadNumber(2));
}

async fn acs_limits_apply_to_each_user_and_thread(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    let write = |number: u32| world.call(number, Call::post(at(&thread, "/typing")));
    for number in [ADA, BOB] {
        for _ in 0..5 {
            write(number).await.expect(200);
        }
        write(number).await.expect_error(429, "TooManyRequests");
    }
    // Ten of the thread are used up, too.
    write(EVE).await.expect_error(429, "TooManyRequests");
    world.advance_ms(10_000);
    write(EVE).await.expect(200);
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let long = json!({ "senderDisplayName": "x".repeat(257) });
    let call = Call::post(at(&thread, "/typing")).json(&long);
    world.call(ADA, call).await.expect_invalid("senderDisplayName");
    let array = Call::post(at(&thread, "/typing")).json(&json!([]));
    world.call(ADA, array).await.expect_invalid("body");
}

async fn strangers_tell_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let call = Call::post(at(&thread, "/typing")).json(&json!({}));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
}
