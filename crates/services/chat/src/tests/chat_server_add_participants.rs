//! `ChatServer_AddParticipants`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, date, participant, raw_id, text};
use super::live::{Live, next};
use super::server_calls::{expect_conflict, import_at, server_at, thread_from_elsewhere};

on_both_engines!(SLICES;
    whoever_is_added_takes_part,
    the_added_and_the_others_are_told,
    who_cannot_take_part_is_listed,
    participants_are_bounded,
    nobody_is_added_while_a_thread_is_imported,
    other_credentials_add_nobody,
);

async fn add(world: &World, thread: &str, people: &[Value]) -> Answer {
    let body = json!({ "participants": people });
    world.serve(Call::post(server_at(thread, "/participants/:add")).json(&body)).await
}

async fn whoever_is_added_takes_part(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.send(ADA, &thread, "hidden").await;
    let mut bob = participant(BOB);
    bob["shareHistoryTime"] = json!(date(world.now()));
    let added = add(&world, &thread, &[bob]).await.expect(201);
    assert_eq!(added.body, json!({}));
    assert_eq!(world.participants(BOB, &thread).await.len(), 2);
    let seen: Vec<_> =
        world.messages(BOB, &thread).await.iter().map(|message| text(&message["type"])).collect();
    assert_eq!(seen, ["participantAdded"]);
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.participants_added"));
    let detail = json!({ "participants": [raw_id(BOB)] });
    assert_eq!(world.audited().await, [("ChatServer_AddParticipants".to_owned(), thread, detail)]);
}

async fn the_added_and_the_others_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let thread = live.world.thread(ADA, &[]).await;
    let (mut ada, mut eve) = (live.connect(ADA, "ada-1").await, live.connect(EVE, "eve-1").await);
    add(&live.world, &thread, &[participant(EVE)]).await.expect(201);
    assert_eq!(next(&mut ada).await.event_id, 260);
    assert_eq!((next(&mut eve).await.event_id, next(&mut eve).await.event_id), (257, 260));
}

async fn who_cannot_take_part_is_listed(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let events = world.app.events().await;
    let answer = add(&world, &thread, &[participant(500)]).await.expect(201);
    assert_eq!(answer.body["invalidParticipants"][0]["target"], json!(raw_id(500)));
    assert_eq!((world.app.events().await, world.audited().await), (events, vec![]));
}

async fn participants_are_bounded(store: TestStore) {
    let world = World::with(store, LimitSet::Generous, |settings| settings.participants_max = 2).await;
    let thread = world.thread(ADA, &[]).await;
    let many = add(&world, &thread, &[participant(BOB), participant(EVE)]).await;
    many.expect_error(400, "ThreadParticipantLimitExceeded");
    add(&world, &thread, &vec![participant(BOB); 201]).await.expect_invalid("participants");
    add(&world, "19:unknown@thread.v2", &[participant(BOB)]).await.expect_error(404, "NotFound");
    assert_eq!((world.participants(ADA, &thread).await.len(), world.audited().await.len()), (1, 0));
}

async fn nobody_is_added_while_a_thread_is_imported(store: TestStore) {
    let world = World::new(store).await;
    let id = "19:imported@thread.v2";
    let import = Call::new("PUT", import_at(id, "")).json(&thread_from_elsewhere(&[]));
    world.serve(import).await.expect(200);
    expect_conflict(add(&world, id, &[participant(ADA)]).await, "ChatThreadImporting");
}

async fn other_credentials_add_nobody(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let body = json!({ "participants": [participant(BOB)] });
    let call = Call::post(server_at(&thread, "/participants/:add")).json(&body);
    world.refuses_other_resources(&call, true).await;
}
