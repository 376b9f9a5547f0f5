//! `ChatThread_SendChatReadReceipt`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, identifier, text};

on_both_engines!(SLICES;
    the_newest_message_read_counts,
    own_and_system_messages_can_be_read,
    large_threads_keep_none_under_acs_limits,
    acs_limits_apply_to_each_user_in_a_thread,
    bad_requests_are_refused,
    strangers_read_nothing,
);

async fn read(world: &World, number: u32, thread: &str, id: &str) -> Answer {
    let call = Call::post(at(thread, "/readReceipts")).json(&json!({ "chatMessageId": id }));
    world.call(number, call).await
}

async fn receipts(world: &World, number: u32, thread: &str) -> Value {
    world.call(number, Call::get(at(thread, "/readReceipts"))).await.expect(200).body
}

async fn the_newest_message_read_counts(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let first = world.send(ADA, &thread, "1").await;
    let second = world.send(ADA, &thread, "2").await;
    assert_eq!(receipts(&world, ADA, &thread).await, json!({ "value": [] }));
    let answer = read(&world, BOB, &thread, &first).await.expect(200);
    assert!(answer.bytes.is_empty());
    world.advance_ms(1000);
    let now = world.now();
    read(&world, BOB, &thread, &second).await.expect(200);
    let expected = json!({ "value": [{
        "senderCommunicationIdentifier": identifier(BOB), "chatMessageId": second, "readOn": date(now),
    }] });
    assert_eq!(receipts(&world, ADA, &thread).await, expected);
    world.advance_ms(1000);
    for id in [&first, &second] {
        read(&world, BOB, &thread, id).await.expect(200);
    }
    assert_eq!(receipts(&world, ADA, &thread).await, expected);
    // Receipts are no events and no messages.
    assert_eq!(world.event_kinds().await.len(), 3);
    assert_eq!(world.messages(ADA, &thread).await[0]["sequenceId"], json!("4"));
}

async fn own_and_system_messages_can_be_read(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let told = text(&world.messages(ADA, &thread).await[0]["id"]);
    read(&world, ADA, &thread, &told).await.expect(200);
    let own = world.send(ADA, &thread, "x").await;
    read(&world, ADA, &thread, &own).await.expect(200);
    assert_eq!(receipts(&world, ADA, &thread).await["value"][0]["chatMessageId"], json!(own));
}

async fn large_threads_keep_none_under_acs_limits(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let twenty: Vec<u32> = (2..21).collect();
    let thread = world.thread(ADA, &twenty).await;
    let id = world.send(ADA, &thread, "x").await;
    read(&world, BOB, &thread, &id).await.expect(200);
    assert_eq!(receipts(&world, ADA, &thread).await["value"].as_array().map(Vec::len), Some(1));
    world.add(ADA, &thread, 30, "1970-01-01T00:00:00Z").await;
    read(&world, EVE, &thread, &id).await.expect(200);
    assert_eq!(receipts(&world, ADA, &thread).await["value"].as_array().map(Vec::len), Some(1));
}

async fn acs_limits_apply_to_each_user_in_a_thread(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    for _ in 0..10 {
        read(&world, BOB, &thread, &id).await.expect(200);
    }
    read(&world, BOB, &thread, &id).await.expect_error(429, "TooManyRequests");
    read(&world, ADA, &thread, &id).await.expect(200);
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    for unknown in ["5", "abc", ""] {
        read(&world, BOB, &thread, unknown).await.expect_error(404, "NotFound");
    }
    let empty = Call::post(at(&thread, "/readReceipts")).json(&json!({}));
    world.call(BOB, empty).await.expect_invalid("body");
    let since = world.now().plus(std::time::Duration::from_secs(5));
    let hidden = world.send(ADA, &thread, "x").await;
    world.add(ADA, &thread, EVE, &date(since)).await;
    read(&world, EVE, &thread, &hidden).await.expect_error(404, "NotFound");
}

async fn strangers_read_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    let post = Call::post(at(&thread, "/readReceipts")).json(&json!({ "chatMessageId": id }));
    world.refuses_others(&post, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, post).await.expect_error(403, "Forbidden");
}
