//! `ChatServer_DeleteThread`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at};
use super::live::{Live, next};
use super::server_calls::{import_at, server_at, thread_from_elsewhere};

on_both_engines!(SLICES;
    it_is_gone_for_everybody,
    participants_are_told_at_once,
    one_that_is_being_imported_can_be_given_up,
    other_credentials_delete_nothing,
);

async fn it_is_gone_for_everybody(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(BOB, &thread, "x").await;
    world.serve(Call::delete(server_at(&thread, ""))).await.expect(204);
    world.call(ADA, Call::get(at(&thread, ""))).await.expect_error(404, "NotFound");
    world.serve(Call::get(server_at(&thread, ""))).await.expect_error(404, "NotFound");
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.thread_deleted"));
    assert_eq!(world.app.count("jobs WHERE kind = 'chat.erase'").await, 1);
    let row = ("ChatServer_DeleteThread".to_owned(), thread.clone(), json!({}));
    assert_eq!(world.audited().await, [row]);
    world.serve(Call::delete(server_at(&thread, ""))).await.expect_error(404, "NotFound");
    assert_eq!(world.audited().await.len(), 1);
}

async fn participants_are_told_at_once(store: TestStore) {
    let live = Live::new(store).await;
    let thread = live.world.thread(ADA, &[BOB]).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    live.world.serve(Call::delete(server_at(&thread, ""))).await.expect(204);
    let told = next(&mut bob).await.body;
    assert_eq!((&told["eventId"], &told["threadId"]), (&json!(259), &json!(thread)));
    assert_eq!(told["reason"], json!("deletedByUser"));
}

async fn one_that_is_being_imported_can_be_given_up(store: TestStore) {
    let world = World::new(store).await;
    let id = "19:imported@thread.v2";
    let import = Call::new("PUT", import_at(id, "")).json(&thread_from_elsewhere(&[]));
    world.serve(import.clone()).await.expect(200);
    world.serve(Call::delete(server_at(id, ""))).await.expect(204);
    // Not before it is erased can it come again.
    let taken = world.serve(import).await.expect_error(409, "Conflict");
    assert_eq!(taken.body["error"]["innererror"]["code"], json!("ChatThreadAlreadyExists"));
}

async fn other_credentials_delete_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.refuses_other_resources(&Call::delete(server_at(&thread, "")), true).await;
    let contributor = Call::delete(server_at(&thread, "")).bearer("app:data:contributor:1");
    world.app.call(contributor).await.expect(204);
    assert_eq!(world.app.audit_log().await[0].principal, "application:app:data:contributor:1");
}
