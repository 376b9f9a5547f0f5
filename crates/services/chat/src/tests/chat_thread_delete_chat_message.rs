//! `ChatThread_DeleteChatMessage`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at, text};

on_both_engines!(SLICES;
    what_a_message_said_is_gone,
    deleting_again_changes_nothing,
    only_the_sender_deletes,
    strangers_delete_nothing,
);

fn path(thread: &str, id: &str) -> String {
    at(thread, &format!("/messages/{id}"))
}

async fn what_a_message_said_is_gone(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let body = json!({ "content": "canary", "metadata": { "a": "canary" } });
    let sent = world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
    let id = text(&sent.body["id"]);
    let later = world.send(BOB, &thread, "later").await;
    assert_eq!(world.app.count("chat_words").await, 2);
    world.call(ADA, Call::delete(path(&thread, &id))).await.expect(204);
    let messages = world.messages(BOB, &thread).await;
    assert_eq!((&messages[0]["id"], &messages[1]["id"]), (&json!(id), &json!(later)));
    assert!(!serde_json::to_string(&messages).expect("JSON").contains("canary"));
    assert_eq!(world.app.count("chat_messages WHERE body = 'canary' OR metadata LIKE '%canary%'").await, 0);
    assert_eq!(world.app.count("chat_words").await, 1);
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.message_deleted"));
}

async fn deleting_again_changes_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    world.call(ADA, Call::delete(path(&thread, &id))).await.expect(204);
    let (before, events) = (world.messages(ADA, &thread).await, world.app.events().await);
    world.advance_ms(1000);
    world.call(ADA, Call::delete(path(&thread, &id))).await.expect(204);
    assert_eq!((world.messages(ADA, &thread).await, world.app.events().await), (before, events));
}

async fn only_the_sender_deletes(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "x").await;
    world.call(ADA, Call::delete(path(&thread, &id))).await.expect_error(403, "Forbidden");
    let told = text(&world.messages(ADA, &thread).await[1]["id"]);
    world.call(ADA, Call::delete(path(&thread, &told))).await.expect_invalid("chatMessageId");
    for unknown in ["5", "abc"] {
        world.call(ADA, Call::delete(path(&thread, unknown))).await.expect_error(404, "NotFound");
    }
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, Call::delete(path(&thread, &id))).await.expect_error(403, "Forbidden");
    assert_eq!(world.message(ADA, &thread, &id).await["content"]["message"], json!("x"));
}

async fn strangers_delete_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::delete(path(&thread, &id));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
