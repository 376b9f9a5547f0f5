//! `ChatServer_DeleteMessage`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, text};
use super::live::{Live, next};
use super::server_calls::server_at;

on_both_engines!(SLICES;
    what_anybody_said_is_gone,
    participants_are_told,
    deleting_again_changes_nothing,
    what_the_thread_says_stays,
    other_credentials_delete_nothing,
);

fn path(thread: &str, id: &str) -> String {
    server_at(thread, &format!("/messages/{id}"))
}

async fn what_anybody_said_is_gone(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "canary").await;
    world.serve(Call::delete(path(&thread, &id))).await.expect(204);
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!(message["content"], json!({ "message": "" }));
    assert_eq!(world.app.count("chat_messages WHERE body = 'canary'").await, 0);
    assert_eq!(world.app.count("chat_words").await, 0);
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.message_deleted"));
    let row = ("ChatServer_DeleteMessage".to_owned(), thread.clone(), json!({ "message": id }));
    assert_eq!(world.audited().await, [row]);
}

async fn participants_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let thread = live.world.thread(ADA, &[BOB]).await;
    let id = live.world.send(BOB, &thread, "bad word").await;
    let mut ada = live.connect(ADA, "ada-1").await;
    live.world.serve(Call::delete(path(&thread, &id))).await.expect(204);
    let told = next(&mut ada).await.body;
    assert_eq!((&told["eventId"], &told["messageId"]), (&json!(248), &json!(id)));
    assert_eq!(told.get("messageBody"), None);
}

async fn deleting_again_changes_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    world.serve(Call::delete(path(&thread, &id))).await.expect(204);
    let (before, events) = (world.messages(ADA, &thread).await, world.app.events().await);
    world.serve(Call::delete(path(&thread, &id))).await.expect(204);
    assert_eq!((world.messages(ADA, &thread).await, world.app.events().await), (before, events));
    assert_eq!(world.audited().await.len(), 1);
}

async fn what_the_thread_says_stays(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let told = text(&world.messages(ADA, &thread).await[0]["id"]);
    world.serve(Call::delete(path(&thread, &told))).await.expect_invalid("chatMessageId");
    for unknown in ["5", "x"] {
        world.serve(Call::delete(path(&thread, unknown))).await.expect_error(404, "NotFound");
    }
    assert_eq!((world.messages(ADA, &thread).await.len(), world.audited().await.len()), (2, 0));
}

async fn other_credentials_delete_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    world.refuses_other_resources(&Call::delete(path(&thread, &id)), true).await;
}
