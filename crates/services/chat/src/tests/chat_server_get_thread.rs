//! `ChatServer_GetThread`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at};
use super::server_calls::server_at;

on_both_engines!(SLICES; any_thread_is_shown, what_is_not_there_is_not_found, other_credentials_see_nothing);

async fn any_thread_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let shown = world.serve(Call::get(server_at(&thread, ""))).await.expect(200).body;
    assert_eq!((&shown["id"], &shown["topic"]), (&json!(thread), &json!("Lunch")));
    assert_eq!((&shown["participantCount"], &shown["isImporting"]), (&json!(2), &json!(false)));
    world.remove(ADA, &thread, BOB).await;
    world.remove(ADA, &thread, ADA).await;
    let shown = world.serve(Call::get(server_at(&thread, ""))).await.expect(200).body;
    assert_eq!(shown["participantCount"], json!(0));
}

async fn what_is_not_there_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.call(ADA, Call::delete(at(&thread, ""))).await.expect(204);
    for id in [thread.as_str(), "19:unknown@thread.v2", "19:a b", &"x".repeat(201)] {
        let answer = world.serve(Call::get(server_at(id, ""))).await.expect_error(404, "NotFound");
        assert_eq!(answer.body["error"]["innererror"]["code"], json!("ChatThreadNotFound"), "{id}");
    }
}

async fn other_credentials_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.refuses_other_resources(&Call::get(server_at(&thread, "")), false).await;
}
