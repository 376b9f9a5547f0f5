//! `ChatThread_AddChatParticipants`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, identifier, participant, raw_id};

on_both_engines!(SLICES;
    the_thread_tells_who_came,
    who_is_there_gets_a_new_name_and_nobody_is_told,
    who_was_removed_starts_anew,
    who_cannot_take_part_is_listed,
    participants_are_bounded,
    strangers_add_nobody,
);

async fn add(world: &World, number: u32, thread: &str, people: &[Value]) -> Answer {
    let body = json!({ "participants": people });
    world.call(number, Call::post(at(thread, "/participants/:add")).json(&body)).await
}

async fn the_thread_tells_who_came(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let mut bob = participant(BOB);
    bob["displayName"] = json!("Bob");
    bob["metadata"] = json!({ "role": "guest" });
    let added = add(&world, ADA, &thread, &[bob, participant(EVE)]).await.expect(201);
    assert_eq!(added.body, json!({}));
    let newest = world.messages(EVE, &thread).await.remove(0);
    assert_eq!((&newest["type"], &newest["sequenceId"]), (&json!("participantAdded"), &json!("3")));
    let content = json!({
        "initiatorCommunicationIdentifier": identifier(ADA),
        "participants": [
            {
                "communicationIdentifier": identifier(BOB), "displayName": "Bob",
                "shareHistoryTime": "1970-01-01T00:00:00.000Z", "metadata": { "role": "guest" },
            },
            { "communicationIdentifier": identifier(EVE), "shareHistoryTime": "1970-01-01T00:00:00.000Z" },
        ],
    });
    assert_eq!(newest["content"], content);
    assert_eq!(newest.get("senderCommunicationIdentifier"), None);
    assert_eq!(world.participants(BOB, &thread).await.len(), 3);
    let event = world.app.events().await.pop().expect("an event");
    assert_eq!((&event["kind"], &event["payload"]["change"]), (&json!("chat.participants_added"), &json!(3)));
}

async fn who_is_there_gets_a_new_name_and_nobody_is_told(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut bob = participant(BOB);
    bob["displayName"] = json!("Robert");
    assert_eq!(add(&world, ADA, &thread, &[bob]).await.expect(201).body, json!({}));
    assert_eq!(world.participants(ADA, &thread).await[1]["displayName"], json!("Robert"));
    assert_eq!(world.messages(ADA, &thread).await.len(), 2);
    assert_eq!(world.event_kinds().await.len(), 1);
    add(&world, ADA, &thread, &[participant(BOB)]).await.expect(201);
    assert_eq!(world.participants(ADA, &thread).await[1]["displayName"], json!("Robert"));
}

async fn who_was_removed_starts_anew(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "before").await;
    world.remove(ADA, &thread, BOB).await;
    let while_away = world.send(ADA, &thread, "away").await;
    world.add(ADA, &thread, BOB, "2026-01-01T00:00:00Z").await;
    let person = world.participants(BOB, &thread).await.pop().expect("somebody");
    assert_eq!(person["shareHistoryTime"], json!("2026-01-01T00:00:00.000Z"));
    assert_eq!(world.message(BOB, &thread, &while_away).await["content"]["message"], json!("away"));
    world.send(BOB, &thread, "back").await;
}

async fn who_cannot_take_part_is_listed(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let stranger = json!({ "communicationIdentifier": { "phoneNumber": { "value": "+14255550123" } } });
    let added = add(&world, ADA, &thread, &[participant(500), participant(BOB), stranger]).await.expect(201);
    let expected = json!({ "invalidParticipants": [
        { "code": "404", "message": "Not found", "target": raw_id(500) },
        { "code": "403", "message": "Permissions check failed", "target": "4:+14255550123" },
    ] });
    assert_eq!(added.body, expected);
    assert_eq!(world.participants(BOB, &thread).await.len(), 2);
    let nobody = add(&world, ADA, &thread, &[participant(500)]).await.expect(201);
    assert_eq!(nobody.body["invalidParticipants"].as_array().map(Vec::len), Some(1));
    assert_eq!(world.event_kinds().await.len(), 2);
}

async fn participants_are_bounded(store: TestStore) {
    let world = World::with(store, LimitSet::Generous, |settings| settings.participants_max = 3).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let both = [participant(EVE), participant(4)];
    add(&world, ADA, &thread, &both).await.expect_error(400, "ThreadParticipantLimitExceeded");
    assert_eq!(world.participants(ADA, &thread).await.len(), 2);
    add(&world, ADA, &thread, &[participant(BOB), participant(EVE)]).await.expect(201);
    let many: Vec<Value> = (0..201).map(participant).collect();
    add(&world, ADA, &thread, &many).await.expect_invalid("participants");
    let bad = Call::post(at(&thread, "/participants/:add")).json(&json!({}));
    world.call(ADA, bad).await.expect_invalid("body");
    assert_eq!(add(&world, ADA, &thread, &[]).await.expect(201).body, json!({}));
}

async fn strangers_add_nobody(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let body = json!({ "participants": [participant(98)] });
    let call = Call::post(at(&thread, "/participants/:add")).json(&body);
    world.refuses_others(&call, &["chat", "chat.join"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
    assert_eq!(world.participants(ADA, &thread).await.len(), 1);
}
