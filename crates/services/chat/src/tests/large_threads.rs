//! Receipts and typing in threads of more than 20 people: a setting, with ACS's bound under its set of limits.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at, raw_id};
use super::live::{Live, expect_silence, next};

on_both_engines!(SLICES;
    large_threads_have_receipts_and_typing,
    the_bound_is_a_setting,
    acs_limits_bring_the_bound_of_acs,
);

async fn receipts(world: &World, thread: &str) -> usize {
    let answer = world.call(ADA, Call::get(at(thread, "/readReceipts"))).await.expect(200);
    answer.body["value"].as_array().expect("a page").len()
}

async fn read_and_type(world: &World, thread: &str, id: &str) {
    let read = json!({ "chatMessageId": id });
    world.call(BOB, Call::post(at(thread, "/readReceipts")).json(&read)).await.expect(200);
    world.call(BOB, Call::post(at(thread, "/typing"))).await.expect(200);
}

/// A thread of ADA, BOB and so many others.
async fn thread_of(world: &World, count: u32) -> String {
    world.thread(ADA, &(2..=count).collect::<Vec<_>>()).await
}

async fn large_threads_have_receipts_and_typing(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = thread_of(world, 40).await;
    let id = world.send(ADA, &thread, "x").await;
    let mut ada = live.connect(ADA, "ada-1").await;
    read_and_type(world, &thread, &id).await;
    let mut told: Vec<Value> = Vec::new();
    for _ in 0..2 {
        let body = next(&mut ada).await.body;
        assert_eq!(body["senderId"], json!(raw_id(BOB)));
        told.push(body["eventId"].clone());
    }
    // They come from two places, in either order.
    told.sort_by_key(Value::to_string);
    assert_eq!(told, [json!(245), json!(246)]);
    assert_eq!(receipts(world, &thread).await, 1);
}

async fn the_bound_is_a_setting(store: TestStore) {
    let live = Live::with(store, |settings| settings.receipts_max = Some(3)).await;
    let world = &live.world;
    let (small, large) = (thread_of(world, 3).await, thread_of(world, 4).await);
    let mut ada = live.connect(ADA, "ada-1").await;
    for (thread, expected) in [(&large, 0), (&small, 1)] {
        let id = world.send(ADA, thread, "x").await;
        read_and_type(world, thread, &id).await;
        assert_eq!(receipts(world, thread).await, expected);
    }
    let mut told: Vec<Value> = Vec::new();
    for _ in 0..4 {
        let body = next(&mut ada).await.body;
        told.push(json!([body["groupId"], body["eventId"]]));
    }
    expect_silence(&mut ada).await;
    let mut expected =
        vec![json!([large, 200]), json!([small, 200]), json!([small, 245]), json!([small, 246])];
    told.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(told, expected);
}

async fn acs_limits_bring_the_bound_of_acs(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    for (people, expected) in [(20, 1), (21, 0)] {
        let thread = thread_of(&world, people).await;
        let id = world.send(ADA, &thread, "x").await;
        read_and_type(&world, &thread, &id).await;
        assert_eq!(receipts(&world, &thread).await, expected, "{people} people");
    }
}
