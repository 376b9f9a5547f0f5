//! `ChatThread_UpdateChatMessage`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at, date, text};

on_both_engines!(SLICES;
    an_edit_gives_a_new_version_and_place,
    metadata_is_merged,
    html_is_cleaned_again,
    only_the_sender_edits,
    what_cannot_be_edited_is_refused,
    bad_patches_change_nothing,
    strangers_edit_nothing,
);

async fn patch(world: &World, number: u32, thread: &str, id: &str, body: &Value) -> Answer {
    let call = Call::new("PATCH", at(thread, &format!("/messages/{id}")));
    world.call(number, call.body("application/merge-patch+json", body.to_string())).await
}

async fn an_edit_gives_a_new_version_and_place(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let created = world.now();
    let id = world.send(ADA, &thread, "first").await;
    let later = world.send(BOB, &thread, "second").await;
    let (edited, version) = (world.now(), world.now_ms().to_string());
    patch(&world, ADA, &thread, &id, &json!({ "content": "edited" })).await.expect(204);
    let messages = world.messages(BOB, &thread).await;
    let ids: Vec<_> = messages.iter().take(2).map(|message| text(&message["id"])).collect();
    assert_eq!(ids, [id.clone(), later]);
    let message = &messages[0];
    assert_eq!(message["content"], json!({ "message": "edited" }));
    assert_eq!((&message["sequenceId"], &message["version"]), (&json!("5"), &json!(version)));
    assert_eq!(message["createdOn"], json!(date(created)));
    assert_eq!(message["editedOn"], json!(date(edited)));
    assert_eq!(message["type"], json!("text"));
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.message_edited"));
}

async fn metadata_is_merged(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let body = json!({ "content": "x", "metadata": { "keep": "1", "change": "2", "null": "3" } });
    let sent = world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
    let id = text(&sent.body["id"]);
    let change = json!({ "metadata": { "change": "y", "null": null, "add": "z" } });
    patch(&world, ADA, &thread, &id, &change).await.expect(204);
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!(message["metadata"], json!({ "keep": "1", "change": "y", "add": "z" }));
    assert_eq!(message["content"], json!({ "message": "x" }));
    let version = message["version"].clone();
    patch(&world, ADA, &thread, &id, &json!({})).await.expect(204);
    assert_eq!(world.message(ADA, &thread, &id).await["version"], version);
    patch(&world, ADA, &thread, &id, &json!({ "metadata": null })).await.expect(204);
    assert_eq!(world.message(ADA, &thread, &id).await.get("metadata"), None);
}

async fn html_is_cleaned_again(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let body = json!({ "content": "<b>x</b>", "type": "html" });
    let sent = world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
    let id = text(&sent.body["id"]);
    let change = json!({ "content": "<i onclick=z>y</i><script>z</script>" });
    patch(&world, ADA, &thread, &id, &change).await.expect(204);
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!((&message["type"], &message["content"]["message"]), (&json!("html"), &json!("<i>y</i>")));
    // A text stays one, whatever it looks like.
    let plain = world.send(ADA, &thread, "x").await;
    patch(&world, ADA, &thread, &plain, &json!({ "content": "<script>" })).await.expect(204);
    assert_eq!(world.message(ADA, &thread, &plain).await["content"]["message"], json!("<script>"));
}

async fn only_the_sender_edits(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "x").await;
    let refused = patch(&world, ADA, &thread, &id, &json!({ "content": "y" })).await;
    let refused = refused.expect_error(403, "Forbidden");
    assert_eq!(refused.body["error"]["innererror"]["code"], json!("NotTheSender"));
    world.remove(ADA, &thread, BOB).await;
    patch(&world, BOB, &thread, &id, &json!({ "content": "y" })).await.expect_error(403, "Forbidden");
    assert_eq!(world.message(ADA, &thread, &id).await["content"]["message"], json!("x"));
}

async fn what_cannot_be_edited_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let told = text(&world.messages(ADA, &thread).await[0]["id"]);
    patch(&world, ADA, &thread, &told, &json!({ "content": "y" })).await.expect_invalid("chatMessageId");
    let id = world.send(ADA, &thread, "x").await;
    world.call(ADA, Call::delete(at(&thread, &format!("/messages/{id}")))).await.expect(204);
    patch(&world, ADA, &thread, &id, &json!({ "content": "y" })).await.expect_invalid("chatMessageId");
    patch(&world, ADA, &thread, "5", &json!({ "content": "y" })).await.expect_error(404, "NotFound");
}

async fn bad_patches_change_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let before = world.message(ADA, &thread, &id).await;
    for (body, target) in [
        (json!({ "content": null }), "content"),
        (json!({ "content": " " }), "content"),
        (json!({ "content": 1 }), "body"),
        (json!({ "metadata": { "a": "x".repeat(8192) } }), "metadata"),
        (json!({ "attachments": [{ "id": "x", "attachmentType": "image" }] }), "attachments"),
    ] {
        patch(&world, ADA, &thread, &id, &body).await.expect_invalid(target);
    }
    let large = json!({ "content": "x".repeat(28 * 1024 + 1) });
    patch(&world, ADA, &thread, &id, &large).await.expect_error(413, "MessageSizeExceeded");
    assert_eq!(world.message(ADA, &thread, &id).await, before);
}

async fn strangers_edit_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::new("PATCH", at(&thread, &format!("/messages/{id}"))).json(&json!({ "content": "y" }));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
