//! `ChatThread_GetChatThreadProperties`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at, date, identifier};

on_both_engines!(SLICES;
    participants_see_the_thread,
    ids_come_encoded_or_plain,
    others_see_nothing,
    removed_participants_see_nothing,
);

async fn participants_see_the_thread(store: TestStore) {
    let world = World::new(store).await;
    let made = world.now();
    let id = world.thread(ADA, &[BOB]).await;
    let shown = world.call(BOB, Call::get(at(&id, ""))).await.expect(200);
    let expected = json!({
        "id": id, "topic": "Lunch", "createdOn": date(made),
        "createdByCommunicationIdentifier": identifier(ADA), "retentionPolicy": { "kind": "none" },
    });
    assert_eq!(shown.body, expected);
}

async fn ids_come_encoded_or_plain(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[]).await;
    for path in [id.clone(), id.replace(':', "%3A"), id.replace('@', "%40"), id.replace(':', "%3a")] {
        let call = Call::get(format!("/chat/threads/{path}?api-version=2025-03-15"));
        assert_eq!(world.call(ADA, call).await.expect(200).body["id"], json!(id));
    }
}

async fn others_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[BOB]).await;
    world.refuses_others(&Call::get(at(&id, "")), &["chat", "chat.join", "chat.join.limited"]).await;
    let unknown = Call::get(at("19:unknown@thread.v2", ""));
    world.call(ADA, unknown).await.expect_error(404, "NotFound");
}

async fn removed_participants_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &id, BOB).await;
    world.call(BOB, Call::get(at(&id, ""))).await.expect_error(403, "Forbidden");
    world.add(ADA, &id, BOB, "1970-01-01T00:00:00Z").await;
    world.call(BOB, Call::get(at(&id, ""))).await.expect(200);
}
