//! `ChatServer_UpdateMessage`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, text};
use super::live::{Live, next};
use super::server_calls::server_at;

on_both_engines!(SLICES;
    what_somebody_said_is_replaced,
    participants_are_told,
    an_empty_patch_changes_nothing,
    what_cannot_be_changed_is_refused,
    other_credentials_change_nothing,
);

async fn patch(world: &World, thread: &str, id: &str, body: &Value) -> Answer {
    let call = Call::new("PATCH", server_at(thread, &format!("/messages/{id}")));
    world.serve(call.body("application/merge-patch+json", body.to_string())).await
}

async fn what_somebody_said_is_replaced(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "my card is canary").await;
    let change = json!({ "content": "[removed]", "metadata": { "moderated": "yes" } });
    patch(&world, &thread, &id, &change).await.expect(204);
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!(message["content"]["message"], json!("[removed]"));
    assert_eq!(message["metadata"], json!({ "moderated": "yes" }));
    assert_eq!(message["senderCommunicationIdentifier"], super::harness::identifier(BOB));
    assert!(message["editedOn"].is_string());
    assert_eq!(world.app.count("chat_messages WHERE body LIKE '%canary%'").await, 0);
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.message_edited"));
    // The log says which message, never what it said.
    let row = ("ChatServer_UpdateMessage".to_owned(), thread.clone(), json!({ "message": id }));
    assert_eq!(world.audited().await, [row]);
}

async fn participants_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let thread = live.world.thread(ADA, &[BOB]).await;
    let id = live.world.send(BOB, &thread, "bad word").await;
    let mut ada = live.connect(ADA, "ada-1").await;
    patch(&live.world, &thread, &id, &json!({ "content": "***" })).await.expect(204);
    let told = next(&mut ada).await.body;
    assert_eq!((&told["eventId"], &told["messageBody"]), (&json!(247), &json!("***")));
    assert_eq!(told["senderId"], json!(super::harness::raw_id(BOB)));
}

async fn an_empty_patch_changes_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let before = world.message(ADA, &thread, &id).await;
    patch(&world, &thread, &id, &json!({})).await.expect(204);
    assert_eq!(world.message(ADA, &thread, &id).await, before);
    assert_eq!(world.audited().await, []);
}

async fn what_cannot_be_changed_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let told = text(&world.messages(ADA, &thread).await[0]["id"]);
    let body = json!({ "content": "y" });
    patch(&world, &thread, &told, &body).await.expect_invalid("chatMessageId");
    let id = world.send(ADA, &thread, "x").await;
    for (bad, target) in [(json!({ "content": null }), "content"), (json!({ "content": " " }), "content")] {
        patch(&world, &thread, &id, &bad).await.expect_invalid(target);
    }
    let large = json!({ "content": "x".repeat(28 * 1024 + 1) });
    patch(&world, &thread, &id, &large).await.expect_error(413, "MessageSizeExceeded");
    world.serve(Call::delete(server_at(&thread, &format!("/messages/{id}")))).await.expect(204);
    patch(&world, &thread, &id, &body).await.expect_invalid("chatMessageId");
    for unknown in ["5", "x"] {
        patch(&world, &thread, unknown, &body).await.expect_error(404, "NotFound");
    }
}

async fn other_credentials_change_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::new("PATCH", server_at(&thread, &format!("/messages/{id}")));
    world.refuses_other_resources(&call.json(&json!({ "content": "y" })), true).await;
    assert_eq!(world.message(ADA, &thread, &id).await["content"]["message"], json!("x"));
}
