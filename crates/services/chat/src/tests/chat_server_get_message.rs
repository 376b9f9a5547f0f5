//! `ChatServer_GetMessage`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at};
use super::server_calls::server_at;

on_both_engines!(SLICES;
    any_message_is_shown,
    what_is_not_there_is_not_found,
    other_credentials_see_nothing,
);

async fn any_message_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "hello").await;
    let path = server_at(&thread, &format!("/messages/{id}"));
    let shown = world.serve(Call::get(&path)).await.expect(200).body;
    assert_eq!(shown, world.message(ADA, &thread, &id).await);
    world.call(BOB, Call::delete(at(&thread, &format!("/messages/{id}")))).await.expect(204);
    let tombstone = world.serve(Call::get(&path)).await.expect(200).body;
    assert_eq!(tombstone["content"], json!({ "message": "" }));
    assert!(tombstone["deletedOn"].is_string());
}

async fn what_is_not_there_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    for id in ["5", "x", "-1"] {
        let path = server_at(&thread, &format!("/messages/{id}"));
        let answer = world.serve(Call::get(path)).await.expect_error(404, "NotFound");
        assert_eq!(answer.body["error"]["target"], json!("chatMessageId"));
    }
    let path = server_at("19:unknown@thread.v2", "/messages/5");
    let answer = world.serve(Call::get(path)).await.expect_error(404, "NotFound");
    assert_eq!(answer.body["error"]["target"], json!("chatThreadId"));
}

async fn other_credentials_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::get(server_at(&thread, &format!("/messages/{id}")));
    world.refuses_other_resources(&call, false).await;
}
