//! `ChatThread_GetChatMessage`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at, date, identifier};

on_both_engines!(SLICES;
    a_deleted_message_stays_as_a_tombstone,
    what_is_no_message_is_not_found,
    strangers_see_nothing,
);

async fn a_deleted_message_stays_as_a_tombstone(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let sent = world.now();
    let id = world.send(ADA, &thread, "secret").await;
    let path = at(&thread, &format!("/messages/{id}"));
    let (deleted, version) = (world.now(), world.now_ms().to_string());
    world.call(ADA, Call::delete(path)).await.expect(204);
    let expected = json!({
        "id": id, "type": "text", "sequenceId": "4", "version": version, "createdOn": date(sent),
        "content": { "message": "" }, "senderDisplayName": "", "deletedOn": date(deleted),
        "senderCommunicationIdentifier": identifier(ADA),
    });
    assert_eq!(world.message(BOB, &thread, &id).await, expected);
}

async fn what_is_no_message_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[]).await, world.thread(ADA, &[]).await);
    let id = world.send(ADA, &thread, "x").await;
    for (thread, id) in [
        (&*thread, "1"),
        (&thread, "abc"),
        (&thread, "-5"),
        (&thread, "99999999999999999999"),
        (&thread, "%F0%9F%98%80"),
        (&other, &id),
        ("19:unknown@thread.v2", &id),
    ] {
        let call = Call::get(at(thread, &format!("/messages/{id}")));
        world.call(ADA, call).await.expect_error(404, "NotFound");
    }
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::get(at(&thread, &format!("/messages/{id}")));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
