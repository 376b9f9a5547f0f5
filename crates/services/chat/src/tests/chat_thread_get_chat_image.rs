//! `ChatThread_GetChatImage`.

use image::ImageFormat;
use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::chat_thread_upload_chat_image::{send, upload};
use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, text};
use crate::picture::tests::sample;

on_both_engines!(SLICES;
    both_views_are_shown,
    an_unused_image_is_its_uploaders,
    an_image_is_seen_with_its_message,
    deleted_messages_take_their_images_along,
    what_is_no_image_is_not_found,
    strangers_see_nothing,
);

fn path(thread: &str, id: &str, view: &str) -> String {
    at(thread, &format!("/images/{id}/{view}"))
}

/// Both addresses show the views of an image of 400 by 100 pixels.
pub(super) async fn expect_both_views(world: &World, original: String, small: String) {
    let shown = world.call(BOB, Call::get(original)).await.expect(200);
    assert_eq!(shown.bytes, sample(ImageFormat::Png, 400, 100));
    assert_eq!(shown.header("content-type"), "image/png");
    assert_eq!(shown.header("content-disposition"), "inline; filename*=UTF-8''lunch.png");
    assert_eq!(shown.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert_eq!(shown.header("cache-control"), "private, max-age=3600");
    let shown = world.call(BOB, Call::get(small)).await.expect(200);
    let small = image::load_from_memory(&shown.bytes).expect("an image");
    assert_eq!((small.width(), small.height()), (360, 90));
    assert_eq!(shown.header("content-type"), "image/jpeg");
}

async fn both_views_are_shown(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (id, _) = send(&world, ADA, &thread).await;
    let (original, small) = (path(&thread, &id, "view/original"), path(&thread, &id, "view/small"));
    expect_both_views(&world, original, small).await;
    for bad in ["view/large", "view/Small"] {
        let bad = Call::get(path(&thread, &id, bad));
        world.call(BOB, bad).await.expect_invalid("imageViewType");
    }
}

async fn an_unused_image_is_its_uploaders(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = text(&upload(&world, ADA, &thread).await.expect(201).body["id"]);
    world.call(ADA, Call::get(path(&thread, &id, "view/original"))).await.expect(200);
    let other = world.call(BOB, Call::get(path(&thread, &id, "view/original"))).await;
    other.expect_error(404, "NotFound");
}

async fn an_image_is_seen_with_its_message(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (before, _) = send(&world, ADA, &thread).await;
    let since = world.now();
    world.remove(ADA, &thread, BOB).await;
    let (after, _) = send(&world, ADA, &thread).await;
    world.add(ADA, &thread, EVE, &date(since)).await;
    let see = |number: u32, id: &str| world.call(number, Call::get(path(&thread, id, "view/small")));
    see(BOB, &before).await.expect(200);
    see(BOB, &after).await.expect_error(404, "NotFound");
    see(EVE, &after).await.expect(200);
    see(EVE, &before).await.expect_error(404, "NotFound");
}

async fn deleted_messages_take_their_images_along(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (id, message) = send(&world, ADA, &thread).await;
    world.call(ADA, Call::delete(at(&thread, &format!("/messages/{message}")))).await.expect(204);
    for number in [ADA, BOB] {
        let see = Call::get(path(&thread, &id, "view/original"));
        world.call(number, see).await.expect_error(404, "NotFound");
    }
    assert_eq!(world.message(BOB, &thread, &message).await["content"], json!({ "message": "" }));
}

async fn what_is_no_image_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[]).await, world.thread(ADA, &[]).await);
    let (id, _) = send(&world, ADA, &thread).await;
    for (thread, id) in [(&thread, "unknown"), (&thread, "..%2F..%2Fx"), (&other, &*id)] {
        let see = Call::get(path(thread, id, "view/original"));
        world.call(ADA, see).await.expect_error(404, "NotFound");
    }
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let (id, _) = send(&world, ADA, &thread).await;
    let call = Call::get(path(&thread, &id, "view/original"));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
