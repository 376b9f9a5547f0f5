//! `ChatThread_RemoveChatParticipant`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, identifier, raw_id};

on_both_engines!(SLICES;
    the_thread_tells_who_went,
    who_is_not_there_is_removed_in_silence,
    everybody_may_leave,
    bad_requests_remove_nobody,
    strangers_remove_nobody,
);

async fn remove(world: &World, number: u32, thread: &str, body: &Value) -> Answer {
    world.call(number, Call::post(at(thread, "/participants/:remove")).json(body)).await
}

async fn the_thread_tells_who_went(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    remove(&world, EVE, &thread, &json!({ "rawId": raw_id(BOB) })).await.expect(204);
    let newest = world.messages(ADA, &thread).await.remove(0);
    assert_eq!(newest["type"], json!("participantRemoved"));
    let content = json!({
        "initiatorCommunicationIdentifier": identifier(EVE),
        "participants": [
            { "communicationIdentifier": identifier(BOB), "shareHistoryTime": "1970-01-01T00:00:00.000Z" },
        ],
    });
    assert_eq!(newest["content"], content);
    assert_eq!(world.participants(ADA, &thread).await.len(), 2);
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.participants_removed"));
}

async fn who_is_not_there_is_removed_in_silence(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &thread, BOB).await;
    let (messages, events) = (world.messages(ADA, &thread).await, world.app.events().await);
    for raw_id in [raw_id(BOB), raw_id(EVE), raw_id(500), "4:+1".to_owned()] {
        remove(&world, ADA, &thread, &json!({ "rawId": raw_id })).await.expect(204);
    }
    assert_eq!((world.messages(ADA, &thread).await, world.app.events().await), (messages, events));
}

async fn everybody_may_leave(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &thread, ADA).await;
    assert_eq!(world.participants(BOB, &thread).await.len(), 1);
    world.remove(BOB, &thread, BOB).await;
    remove(&world, BOB, &thread, &identifier(BOB)).await.expect_error(403, "Forbidden");
    assert_eq!(world.messages(BOB, &thread).await[0]["type"], json!("participantRemoved"));
}

async fn bad_requests_remove_nobody(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let two = json!({ "communicationUser": { "id": raw_id(BOB) }, "phoneNumber": { "value": "+1" } });
    for body in [json!({}), json!([]), two, json!({ "rawId": 1 })] {
        remove(&world, ADA, &thread, &body).await.expect_invalid("body");
    }
    assert_eq!(world.participants(ADA, &thread).await.len(), 2);
}

async fn strangers_remove_nobody(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let call = Call::post(at(&thread, "/participants/:remove")).json(&identifier(BOB));
    world.refuses_others(&call, &["chat", "chat.join"]).await;
    assert_eq!(world.participants(ADA, &thread).await.len(), 2);
}
