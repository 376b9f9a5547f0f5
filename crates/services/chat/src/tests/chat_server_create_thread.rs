//! `ChatServer_CreateThread`.

use serde_json::{Value, json};
use trunkline_kernel::ResourceId;
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};
use trunkline_web::context::encode;
use uuid::Uuid;

use super::harness::{ADA, BOB, SLICES, World, participant, raw_id, raw_id_in, text};
use super::live::{Live, next};
use super::server_calls::{THREADS, server_at};
use crate::rows::people::service_raw_id;

on_both_engines!(SLICES;
    the_named_are_in_it_and_the_application_is_not,
    who_cannot_take_part_is_listed,
    a_repeated_request_makes_one_thread,
    participants_are_told,
    bad_requests_make_nothing,
    other_credentials_make_nothing,
);

async fn create(world: &World, body: &Value) -> Answer {
    world.serve(Call::post(THREADS).json(body)).await
}

async fn the_named_are_in_it_and_the_application_is_not(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({
        "topic": "Support", "participants": [participant(BOB), participant(ADA)], "metadata": { "case": "7" },
        "retentionPolicy": { "kind": "threadCreationDate", "deleteThreadAfterDays": 60 },
    });
    let made = create(&world, &body).await.expect(201);
    let thread = &made.body["chatThread"];
    let id = text(&thread["id"]);
    let application = service_raw_id(ResourceId(Uuid::from_u128(1)));
    assert_eq!(thread["createdByCommunicationIdentifier"]["rawId"], json!(application));
    assert_eq!((&thread["topic"], &thread["metadata"]), (&json!("Support"), &json!({ "case": "7" })));
    assert_eq!(made.header("location"), format!("{}{THREADS}/{}", app::ORIGIN, encode(&id)));
    let people = world.participants(ADA, &id).await;
    let ids: Vec<_> = people.iter().map(|person| &person["communicationIdentifier"]["rawId"]).collect();
    assert_eq!(ids, [&json!(raw_id(BOB)), &json!(raw_id(ADA))]);
    assert_eq!(world.event_kinds().await, ["chat.thread_created"]);
    assert_eq!(world.app.count("jobs WHERE kind = 'chat.retention'").await, 1);
    let row = ("ChatServer_CreateThread".to_owned(), id, json!({ "participants": 2 }));
    assert_eq!(world.audited().await, [row]);
}

async fn who_cannot_take_part_is_listed(store: TestStore) {
    let world = World::new(store).await;
    let named = |raw_id: &str| json!({ "communicationIdentifier": { "rawId": raw_id } });
    let people = json!([participant(BOB), named(&raw_id(500)), named(&raw_id_in(2, BOB))]);
    let made = create(&world, &json!({ "topic": "x", "participants": people })).await.expect(201);
    let codes: Vec<_> = made.body["invalidParticipants"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (text(&one["target"]), text(&one["code"])))
        .collect();
    assert_eq!(codes, [(raw_id(500), "404".to_owned()), (raw_id_in(2, BOB), "403".to_owned())]);
    let id = text(&made.body["chatThread"]["id"]);
    assert_eq!(world.participants(BOB, &id).await.len(), 1);
}

async fn a_repeated_request_makes_one_thread(store: TestStore) {
    let world = World::new(store).await;
    let call = |topic: &str| {
        Call::post(THREADS).json(&json!({ "topic": topic })).header("repeatability-request-id", "one")
    };
    let first = world.serve(call("x")).await.expect(201).body;
    let second = world.serve(call("x")).await.expect(201).body;
    assert_eq!(first, second);
    world.serve(call("y")).await.expect_invalid("repeatability-request-id");
    assert_eq!((world.app.count("chat_threads").await, world.audited().await.len()), (1, 1));
    let id = text(&first["chatThread"]["id"]);
    world.serve(Call::delete(server_at(&id, ""))).await.expect(204);
    world.serve(call("x")).await.expect_error(404, "NotFound");
}

async fn participants_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    let body = json!({ "topic": "Support", "participants": [participant(BOB)] });
    let made = create(&live.world, &body).await.expect(201);
    let told = next(&mut bob).await.body;
    assert_eq!((&told["eventId"], &told["threadId"]), (&json!(257), &made.body["chatThread"]["id"]));
}

async fn bad_requests_make_nothing(store: TestStore) {
    let world = World::with(store, LimitSet::Generous, |settings| settings.participants_max = 2).await;
    for (body, target) in [
        (json!({ "topic": " " }), "topic"),
        (json!({}), "body"),
        (json!({ "topic": "x", "metadata": { "a": "x".repeat(1024) } }), "metadata"),
        (json!({ "topic": "x", "participants": vec![participant(ADA); 201] }), "participants"),
    ] {
        create(&world, &body).await.expect_invalid(target);
    }
    let days = json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": 0 });
    let bad = create(&world, &json!({ "topic": "x", "retentionPolicy": days })).await;
    bad.expect_invalid("retentionPolicy.deleteThreadAfterDays");
    let many: Vec<_> = (1..=3).map(participant).collect();
    let many = create(&world, &json!({ "topic": "x", "participants": many })).await;
    many.expect_error(400, "ThreadParticipantLimitExceeded");
    assert_eq!((world.app.count("chat_threads").await, world.audited().await.len()), (0, 0));
}

async fn other_credentials_make_nothing(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(THREADS).json(&json!({ "topic": "x" }));
    world.refuses_other_credentials(&call, true).await;
    assert_eq!(world.app.count("chat_threads").await, 0);
}
