//! `Chat_DeleteChatThread`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at};

on_both_engines!(SLICES;
    a_deleted_thread_is_gone_for_everybody,
    strangers_delete_nothing,
    removed_participants_delete_nothing,
);

async fn a_deleted_thread_is_gone_for_everybody(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[BOB]).await;
    let message = world.send(BOB, &id, "x").await;
    world.call(BOB, Call::delete(at(&id, ""))).await.expect(204);
    let gone = world.app.events().await.last().expect("an event").clone();
    assert_eq!((gone["kind"].clone(), gone["subject"].clone()), (json!("chat.thread_deleted"), json!(id)));
    for number in [ADA, BOB, EVE] {
        for rest in ["", "/messages", "/participants", "/readReceipts", &format!("/messages/{message}")] {
            world.call(number, Call::get(at(&id, rest))).await.expect_error(404, "NotFound");
        }
    }
    let events = world.app.events().await;
    world.call(BOB, Call::delete(at(&id, ""))).await.expect_error(404, "NotFound");
    let send = Call::post(at(&id, "/messages")).json(&json!({ "content": "x" }));
    world.call(ADA, send).await.expect_error(404, "NotFound");
    assert_eq!(world.app.events().await, events);
}

async fn strangers_delete_nothing(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[BOB]).await;
    world.refuses_others(&Call::delete(at(&id, "")), &["chat"]).await;
    world.call(ADA, Call::get(at(&id, ""))).await.expect(200);
    for bad in ["19:unknown@thread.v2", "x", "19%3A%20%C3%A4"] {
        let call = Call::delete(format!("/chat/threads/{bad}?api-version=2025-03-15"));
        world.call(ADA, call).await.expect_error(404, "NotFound");
    }
}

async fn removed_participants_delete_nothing(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &id, BOB).await;
    world.call(BOB, Call::delete(at(&id, ""))).await.expect_error(403, "Forbidden");
    world.call(ADA, Call::delete(at(&id, ""))).await.expect(204);
}
