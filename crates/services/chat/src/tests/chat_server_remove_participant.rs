//! `ChatServer_RemoveParticipant`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, identifier, raw_id};
use super::live::{Live, next};
use super::server_calls::server_at;

on_both_engines!(SLICES;
    whoever_is_removed_is_out,
    the_removed_and_the_others_are_told,
    who_is_not_there_changes_nothing,
    bad_requests_are_refused,
    other_credentials_remove_nobody,
);

async fn remove(world: &World, thread: &str, who: &Value) -> Answer {
    world.serve(Call::post(server_at(thread, "/participants/:remove")).json(who)).await
}

async fn whoever_is_removed_is_out(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    remove(&world, &thread, &identifier(BOB)).await.expect(204);
    let body = json!({ "content": "x" });
    let refused = world.call(BOB, Call::post(at(&thread, "/messages")).json(&body)).await;
    refused.expect_error(403, "Forbidden");
    assert_eq!(world.participants(ADA, &thread).await.len(), 1);
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.participants_removed"));
    let detail = json!({ "participant": raw_id(BOB) });
    assert_eq!(world.audited().await, [("ChatServer_RemoveParticipant".to_owned(), thread, detail)]);
}

async fn the_removed_and_the_others_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let thread = live.world.thread(ADA, &[BOB]).await;
    let (mut ada, mut bob) = (live.connect(ADA, "ada-1").await, live.connect(BOB, "bob-1").await);
    remove(&live.world, &thread, &identifier(BOB)).await.expect(204);
    assert_eq!((next(&mut ada).await.event_id, next(&mut bob).await.event_id), (261, 261));
}

async fn who_is_not_there_changes_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let events = world.app.events().await;
    remove(&world, &thread, &identifier(EVE)).await.expect(204);
    assert_eq!((world.app.events().await, world.audited().await), (events, vec![]));
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    remove(&world, &thread, &json!({})).await.expect_invalid("body");
    remove(&world, "19:unknown@thread.v2", &identifier(ADA)).await.expect_error(404, "NotFound");
    assert_eq!((world.participants(ADA, &thread).await.len(), world.audited().await.len()), (1, 0));
}

async fn other_credentials_remove_nobody(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let call = Call::post(server_at(&thread, "/participants/:remove")).json(&identifier(BOB));
    world.refuses_other_resources(&call, true).await;
    assert_eq!(world.participants(ADA, &thread).await.len(), 2);
}
