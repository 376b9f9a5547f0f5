//! `ChatThread_UploadChatImage`.

use image::ImageFormat;
use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use std::time::Duration;

use super::harness::{ADA, BOB, SLICES, World, at, text, url};
use crate::ChatError;
use crate::api::images::{self, UNUSED_IMAGES_MAX};
use crate::picture::tests::sample;
use crate::rows::ThreadNumber;

on_both_engines!(SLICES;
    an_image_is_shown_by_the_message_it_is_attached_to,
    an_image_is_attached_once_and_by_its_uploader,
    an_edit_replaces_images,
    what_is_no_image_is_refused,
    images_are_bounded,
    unused_images_are_bounded,
    an_upload_that_is_given_up_leaves_nothing_after_a_day,
    an_image_erased_while_it_is_put_leaves_no_file,
    strangers_upload_nothing,
);

/// Uploads a plain PNG.
pub(super) async fn upload(world: &World, number: u32, thread: &str) -> Answer {
    let png = sample(ImageFormat::Png, 400, 100);
    let call = Call::post(at(thread, "/images")).body("application/octet-stream", png);
    world.call(number, call.header("image-filename", "lunch.png")).await
}

/// Uploads one and sends it; returns the ids of image and message.
pub(super) async fn send(world: &World, number: u32, thread: &str) -> (String, String) {
    let image = text(&upload(world, number, thread).await.expect(201).body["id"]);
    let body = json!({ "content": "", "attachments": [{ "id": image, "attachmentType": "image" }] });
    let sent = world.call(number, Call::post(at(thread, "/messages")).json(&body)).await.expect(201);
    world.advance_ms(1000);
    (image, text(&sent.body["id"]))
}

async fn an_image_is_shown_by_the_message_it_is_attached_to(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let uploaded = upload(&world, ADA, &thread).await.expect(201);
    let image = text(&uploaded.body["id"]);
    assert_eq!(uploaded.body, json!({ "id": image, "attachmentType": "image", "name": "lunch.png" }));
    assert_eq!(uploaded.header("location"), format!("{}/images/{image}/views/original", url(&thread)));
    let body = json!({
        "content": format!("<p>look</p><img id=\"{image}\">"), "type": "html",
        "attachments": [{ "id": image, "attachmentType": "image" }],
    });
    let sent = world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
    let message = world.message(BOB, &thread, &text(&sent.body["id"])).await;
    let address = format!("{}/images/{image}/views", url(&thread));
    let content = json!({
        "message": format!("<p>look</p><img id=\"{image}\">"),
        "attachments": [{
            "id": image, "attachmentType": "image", "name": "lunch.png",
            "url": format!("{address}/original?api-version=2024-03-07"),
            "previewUrl": format!("{address}/small?api-version=2024-03-07"),
        }],
    });
    assert_eq!(message["content"], content);
    let old =
        format!("{}?api-version=2021-09-07", at(&thread, "/messages").split('?').next().expect("a path"));
    let old = world.call(BOB, Call::get(old)).await.expect(200);
    assert_eq!(old.body["value"][0]["content"].get("attachments"), None);
}

async fn an_image_is_attached_once_and_by_its_uploader(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[BOB]).await);
    let image = text(&upload(&world, ADA, &thread).await.expect(201).body["id"]);
    let body = json!({ "content": "x", "attachments": [{ "id": image, "attachmentType": "image" }] });
    let send = |number: u32, thread: &str| {
        let call = Call::post(at(thread, "/messages")).json(&body);
        world.call(number, call)
    };
    send(BOB, &thread).await.expect_invalid("attachments");
    send(ADA, &other).await.expect_invalid("attachments");
    send(ADA, &thread).await.expect(201);
    send(ADA, &thread).await.expect_invalid("attachments");
    assert_eq!(world.app.count("chat_messages").await, 5);
}

async fn an_edit_replaces_images(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (first, message) = send(&world, ADA, &thread).await;
    let second = text(&upload(&world, ADA, &thread).await.expect(201).body["id"]);
    let path = at(&thread, &format!("/messages/{message}"));
    let body = json!({ "attachments": [{ "id": second, "attachmentType": "image" }] });
    world.call(ADA, Call::new("PATCH", path.clone()).json(&body)).await.expect(204);
    let shown = world.message(BOB, &thread, &message).await;
    let ids: Vec<&Value> = shown["content"]["attachments"]
        .as_array()
        .expect("images")
        .iter()
        .map(|attachment| &attachment["id"])
        .collect();
    assert_eq!(ids, [&json!(second)]);
    let gone = Call::get(at(&thread, &format!("/images/{first}/views/original")));
    world.call(ADA, gone).await.expect_error(404, "NotFound");
    // Without text an image must be left.
    let bare = json!({ "content": "", "attachments": [] });
    world.call(ADA, Call::new("PATCH", path.clone()).json(&bare)).await.expect_invalid("content");
    let bare = json!({ "content": "text", "attachments": [] });
    world.call(ADA, Call::new("PATCH", path).json(&bare)).await.expect(204);
    assert_eq!(world.message(BOB, &thread, &message).await["content"], json!({ "message": "text" }));
}

async fn what_is_no_image_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    for (bytes, status, code) in [
        (b"hello".to_vec(), 415, "UnsupportedImageType"),
        (Vec::new(), 415, "UnsupportedImageType"),
        (b"<svg onload=alert(1)>".to_vec(), 415, "UnsupportedImageType"),
        (sample(ImageFormat::Png, 10, 10)[..40].to_vec(), 400, "ImageBroken"),
    ] {
        let call = Call::post(at(&thread, "/images")).body("image/png", bytes);
        world.call(ADA, call).await.expect_error(status, code);
    }
    let png = sample(ImageFormat::Png, 10, 10);
    let long = Call::post(at(&thread, "/images")).body("image/png", png);
    let long = long.header("image-filename", "x".repeat(257));
    world.call(ADA, long).await.expect_invalid("image-filename");
    assert_eq!(world.app.count("chat_images").await, 0);
    assert_eq!(world.chat.blobs.list("", 10).await.expect("blobs").len(), 0);
}

async fn images_are_bounded(store: TestStore) {
    let bounds = |settings: &mut crate::Settings| {
        settings.image_bytes_max = 2000;
        settings.image_pixels_max = 10_000;
    };
    let world = World::with(store, LimitSet::Generous, bounds).await;
    let thread = world.thread(ADA, &[]).await;
    let ask = |bytes: Vec<u8>| {
        world.call(ADA, Call::post(at(&thread, "/images")).body("application/octet-stream", bytes))
    };
    ask(sample(ImageFormat::Bmp, 100, 100)).await.expect_error(413, "ImageSizeExceeded");
    ask(sample(ImageFormat::Png, 101, 100)).await.expect_error(400, "ImageTooManyPixels");
    ask(sample(ImageFormat::Png, 100, 100)).await.expect(201);
    let huge = vec![0; crate::operations::images::UPLOAD_BYTES_MAX + 1];
    ask(huge).await.expect_error(413, "RequestBodyTooLarge");
    assert_eq!(world.app.count("chat_images").await, 1);
}

async fn unused_images_are_bounded(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[]).await);
    let png = sample(ImageFormat::Png, 10, 10);
    let ask = |number: u32, thread: &str| {
        let call = Call::post(at(thread, "/images")).body("application/octet-stream", png.clone());
        world.call(number, call)
    };
    let mut last = String::new();
    for _ in 0..UNUSED_IMAGES_MAX {
        last = text(&ask(ADA, &thread).await.expect(201).body["id"]);
    }
    for thread in [&thread, &other] {
        ask(ADA, thread).await.expect_error(429, "TooManyUnusedImages");
    }
    ask(BOB, &thread).await.expect(201);
    // One that is sent, or deleted, makes room.
    let body = json!({ "content": "x", "attachments": [{ "id": last, "attachmentType": "image" }] });
    world.call(ADA, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
    last = text(&ask(ADA, &other).await.expect(201).body["id"]);
    ask(ADA, &other).await.expect_error(429, "TooManyUnusedImages");
    world.call(ADA, Call::delete(at(&other, &format!("/images/{last}")))).await.expect(204);
    ask(ADA, &other).await.expect(201);
}

async fn an_upload_that_is_given_up_leaves_nothing_after_a_day(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    // A client goes away at one moment or another.
    for number in 0..20 {
        let _ = tokio::time::timeout(Duration::from_micros(400 * number), upload(&world, ADA, &thread)).await;
    }
    upload(&world, ADA, &thread).await.expect(201);
    assert!(world.chat.tasks.stop(Duration::from_mins(1)).await, "what was begun is ended");
    world.app.clock().advance(Duration::from_hours(25));
    world.chat.purge().await.expect("housekeeping");
    assert_eq!(world.app.count("chat_images").await, 0);
    assert_eq!(world.chat.blobs.list("", 100).await.expect("blobs").len(), 0);
}

async fn an_image_erased_while_it_is_put_leaves_no_file(store: TestStore) {
    let world = World::new(store).await;
    let png = bytes::Bytes::from(sample(ImageFormat::Png, 10, 10));
    let put = images::put(&world.chat, ThreadNumber(1), "erased", png.clone(), Some(png)).await;
    assert!(matches!(put, Err(ChatError::ImageNotFound)), "{put:?}");
    assert_eq!(world.chat.blobs.list("", 10).await.expect("blobs").len(), 0);
}

async fn strangers_upload_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let png = sample(ImageFormat::Png, 10, 10);
    let call = Call::post(at(&thread, "/images")).body("application/octet-stream", png);
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
    assert_eq!(world.app.count("chat_images").await, 0);
    assert_eq!(world.chat.blobs.list("", 10).await.expect("blobs").len(), 0);
}
