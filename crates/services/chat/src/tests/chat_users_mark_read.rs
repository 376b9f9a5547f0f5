//! `ChatUsers_MarkRead`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, identifier, own};
use super::live::{Live, expect_silence, next};

on_both_engines!(SLICES;
    everything_is_read_or_everything_up_to_a_message,
    others_are_told_as_of_a_receipt,
    large_threads_under_acs_limits_are_read_in_silence,
    bad_requests_are_refused,
    strangers_read_nothing,
);

async fn mark(world: &World, number: u32, thread: &str, body: &Value) {
    world.call(number, Call::post(own(thread, ":markRead")).json(body)).await.expect(204);
}

async fn unread(world: &World, number: u32) -> Value {
    world.call(number, Call::get("/trunkline/chat/unread")).await.expect(200).body["value"].clone()
}

async fn receipts(world: &World, thread: &str) -> Value {
    world.call(ADA, Call::get(at(thread, "/readReceipts"))).await.expect(200).body["value"].clone()
}

async fn everything_is_read_or_everything_up_to_a_message(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[BOB]).await);
    let first = world.send(ADA, &thread, "1").await;
    let second = world.send(ADA, &thread, "2").await;
    world.send(ADA, &other, "1").await;
    let now = date(world.now());
    mark(&world, BOB, &thread, &json!({ "chatMessageId": first })).await;
    let count = |thread: &str, count: u32| json!({ "chatThreadId": thread, "count": count, "isMore": false });
    assert_eq!(unread(&world, BOB).await, json!([count(&other, 1), count(&thread, 1)]));
    let receipt = |id: &str| json!([{ "senderCommunicationIdentifier": identifier(BOB), "chatMessageId": id, "readOn": now }]);
    assert_eq!(receipts(&world, &thread).await, receipt(&first));
    world.call(BOB, Call::post(own(&thread, ":markRead"))).await.expect(204);
    assert_eq!(unread(&world, BOB).await, json!([count(&other, 1)]));
    assert_eq!(receipts(&world, &thread).await, receipt(&second));
    // Nobody reads backwards.
    mark(&world, BOB, &thread, &json!({ "chatMessageId": first })).await;
    assert_eq!(receipts(&world, &thread).await, receipt(&second));
}

async fn others_are_told_as_of_a_receipt(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "1").await;
    let mut ada = live.connect(ADA, "ada-1").await;
    for _ in 0..2 {
        mark(world, BOB, &thread, &json!({})).await;
    }
    let told = next(&mut ada).await.body;
    assert_eq!((&told["eventId"], &told["messageId"]), (&json!(246), &json!(id)));
    expect_silence(&mut ada).await;
}

async fn large_threads_under_acs_limits_are_read_in_silence(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let twenty: Vec<u32> = (2..=21).collect();
    let thread = world.thread(ADA, &twenty).await;
    world.send(ADA, &thread, "1").await;
    mark(&world, BOB, &thread, &json!({})).await;
    assert_eq!(unread(&world, BOB).await, json!([]));
    assert_eq!(receipts(&world, &thread).await, json!([]));
    world.send(ADA, &thread, "2").await;
    assert_eq!(unread(&world, BOB).await[0]["count"], json!(1));
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let hidden = world.send(ADA, &thread, "x").await;
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    for (number, id) in [(BOB, "5"), (BOB, "abc"), (BOB, ""), (EVE, &*hidden)] {
        let call = Call::post(own(&thread, ":markRead")).json(&json!({ "chatMessageId": id }));
        world.call(number, call).await.expect_error(404, "NotFound");
    }
    let array = Call::post(own(&thread, ":markRead")).json(&json!([]));
    world.call(BOB, array).await.expect_invalid("body");
}

async fn strangers_read_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "x").await;
    let call = Call::post(own(&thread, ":markRead")).json(&json!({}));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
}
