//! `ChatThread_DeleteChatImage`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::chat_thread_upload_chat_image::{send, upload};
use super::harness::{ADA, BOB, SLICES, World, at, text};

on_both_engines!(SLICES;
    an_unused_image_is_gone,
    a_message_loses_its_image,
    only_the_uploader_deletes,
    strangers_delete_nothing,
);

fn path(thread: &str, id: &str) -> String {
    at(thread, &format!("/images/{id}"))
}

async fn an_unused_image_is_gone(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = text(&upload(&world, ADA, &thread).await.expect(201).body["id"]);
    world.call(ADA, Call::delete(path(&thread, &id))).await.expect(204);
    let see = Call::get(at(&thread, &format!("/images/{id}/view/original")));
    world.call(ADA, see).await.expect_error(404, "NotFound");
    world.call(ADA, Call::delete(path(&thread, &id))).await.expect_error(404, "NotFound");
    let body = json!({ "content": "x", "attachments": [{ "id": id, "attachmentType": "image" }] });
    let send = Call::post(at(&thread, "/messages")).json(&body);
    world.call(ADA, send).await.expect_invalid("attachments");
    assert_eq!(world.event_kinds().await.len(), 1);
    // Its files go at once, and soon what the database's log holds of its name.
    for key in ["images", "log/%"] {
        let job = format!("jobs WHERE kind = 'chat.erase' AND key LIKE '{key}'");
        assert_eq!(world.app.count(&job).await, 1, "{key}");
    }
}

async fn a_message_loses_its_image(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (id, message) = send(&world, ADA, &thread).await;
    world.call(ADA, Call::delete(path(&thread, &id))).await.expect(204);
    let shown = world.message(BOB, &thread, &message).await;
    assert_eq!(shown["content"], json!({ "message": "" }));
    assert!(shown["editedOn"].is_string());
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.message_edited"));
}

async fn only_the_uploader_deletes(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (sent, _) = send(&world, ADA, &thread).await;
    let unused = text(&upload(&world, ADA, &thread).await.expect(201).body["id"]);
    world.call(BOB, Call::delete(path(&thread, &sent))).await.expect_error(403, "Forbidden");
    world.call(BOB, Call::delete(path(&thread, &unused))).await.expect_error(404, "NotFound");
    world.call(ADA, Call::delete(path(&thread, "unknown"))).await.expect_error(404, "NotFound");
    assert_eq!(world.app.count("chat_images WHERE is_discarded = 0").await, 2);
}

async fn strangers_delete_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (id, _) = send(&world, ADA, &thread).await;
    let call = Call::delete(path(&thread, &id));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
}
