//! `ChatThread_GetChatImageByViews`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::chat_thread_get_chat_image::expect_both_views;
use super::chat_thread_upload_chat_image::send;
use super::harness::{ADA, BOB, SLICES, VERSION, World, at, text, url};

on_both_engines!(SLICES;
    addresses_of_attachments_are_followed_as_they_are,
    every_version_with_attachments_asks_for_them,
    what_is_no_view_or_no_image_is_refused,
    strangers_see_nothing,
);

/// The target of a request for an absolute address.
fn target(address: &str, thread: &str) -> String {
    let origin = url(thread).split("/chat/").next().expect("an origin").to_owned();
    address.strip_prefix(&origin).expect("an address of this server").to_owned()
}

async fn addresses_of_attachments_are_followed_as_they_are(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (_, message) = send(&world, ADA, &thread).await;
    let attachment = world.message(BOB, &thread, &message).await["content"]["attachments"][0].clone();
    let [original, small] = ["url", "previewUrl"].map(|name| target(&text(&attachment[name]), &thread));
    expect_both_views(&world, original, small).await;
}

async fn every_version_with_attachments_asks_for_them(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (id, _) = send(&world, ADA, &thread).await;
    for version in ["2024-03-07", "2024-06-05-preview", VERSION] {
        let see = format!("/chat/threads/{thread}/images/{id}/views/small?api-version={version}");
        world.call(BOB, Call::get(see)).await.expect(200);
    }
    let old = format!("/chat/threads/{thread}/images/{id}/views/small?api-version=2021-09-07");
    world.call(BOB, Call::get(old)).await.expect_error(400, "UnsupportedApiVersionValue");
}

async fn what_is_no_view_or_no_image_is_refused(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[]).await, world.thread(ADA, &[]).await);
    let (id, _) = send(&world, ADA, &thread).await;
    let large = Call::get(at(&thread, &format!("/images/{id}/views/large")));
    world.call(ADA, large).await.expect_invalid("imageViewType");
    for (thread, id) in [(&thread, "unknown"), (&thread, "..%2F..%2Fx"), (&other, &*id)] {
        let see = Call::get(at(thread, &format!("/images/{id}/views/original")));
        world.call(ADA, see).await.expect_error(404, "NotFound");
    }
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let (id, _) = send(&world, ADA, &thread).await;
    let call = Call::get(at(&thread, &format!("/images/{id}/views/original")));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
