//! Rows, events and usage of calls, in one transaction each; and what the events are published as.

use serde_json::{Value, json};
use trunkline_catalogue::Publication;
use trunkline_kernel::Timestamp;
use trunkline_store::{Event, StoreError, params};
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, GROUP, SLICES, World, raw_id};
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    a_call_of_two_leaves_rows_events_and_minutes,
    a_group_tells_who_came_and_went,
    a_call_nobody_took_has_no_minutes,
    the_echo_test_tells_nobody_and_counts_who_calls_it,
    what_is_published_is_read_when_it_is_published,
);

/// The kinds of the events so far, without `calling.`, and the participants they are about.
async fn told(world: &World) -> Vec<(String, i64)> {
    let of = |event: &Value| {
        let kind = event["kind"].as_str().unwrap().strip_prefix("calling.").unwrap().to_owned();
        (kind, event["payload"]["p"].as_i64().unwrap())
    };
    world.app.events().await.iter().map(of).collect()
}

/// What the events so far are published as.
async fn published(world: &World) -> Vec<Publication> {
    let mut found = Vec::new();
    for (index, event) in world.app.events().await.iter().enumerate() {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let event = Event {
            sequence: index as u64 + 1,
            resource: text("resource"),
            kind: text("kind"),
            subject: text("subject"),
            payload: event["payload"].to_string(),
            created_at: Timestamp::from_seconds(7),
        };
        found.extend(world.calling.expand(&event).await.expect("rows can be read"));
    }
    found
}

fn data(published: &Publication) -> Value {
    serde_json::from_str(&published.data).expect("data is JSON")
}

async fn legs(world: &World) -> Vec<(i64, String, Option<i64>, Option<i64>)> {
    let sql = "SELECT p, raw_id, over_at - connected_at, end_code FROM calling_legs ORDER BY call, p";
    let read: Result<_, StoreError> = world
        .app
        .store
        .read(move |tx| {
            let rows = tx.query_all(sql, params![])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).collect()
        })
        .await;
    read.expect("legs can be read")
}

async fn usage(world: &World) -> Vec<(String, String, i64)> {
    let sql =
        "SELECT operation, meter, CAST(SUM(quantity) AS INTEGER) FROM web_usage GROUP BY operation, meter";
    let read: Result<_, StoreError> = world
        .app
        .store
        .read(move |tx| {
            let rows = tx.query_all(sql, params![])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
        })
        .await;
    read.expect("usage can be read")
}

fn named(kinds: &[(&str, i64)]) -> Vec<(String, i64)> {
    kinds.iter().map(|(kind, p)| ((*kind).to_owned(), *p)).collect()
}

async fn a_call_of_two_leaves_rows_events_and_minutes(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _) = world.pair().await;
    // In steps: a client that is silent for half a minute is gone.
    for seconds in [21, 20, 20] {
        world.app.clock().advance(std::time::Duration::from_secs(seconds));
        ada.ping().await;
        bob.ping().await;
    }
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    bob.until(|message| message["t"] == "leg.over").await;

    let kinds = [
        ("call_started", 0),
        ("incoming_call", 2),
        ("participant_added", 1),
        ("participant_added", 2),
        ("participant_removed", 1),
        ("participant_removed", 2),
        ("call_ended", 0),
    ];
    assert_eq!(told(&world).await, named(&kinds));
    let lasted = Some(61_000_000);
    assert_eq!(legs(&world).await, [(1, raw_id(ADA), lasted, Some(0)), (2, raw_id(BOB), lasted, Some(0))]);
    let minutes = ("Calling_Start".to_owned(), "calling.participant_minutes".to_owned(), 4);
    assert_eq!(usage(&world).await, [minutes], "each begun minute of each");

    let published = published(&world).await;
    let types: Vec<&str> = published.iter().map(|one| one.event_type.rsplit('.').next().unwrap()).collect();
    assert_eq!(
        types,
        [
            "CallStarted",
            "IncomingCall",
            "CallParticipantAdded",
            "CallParticipantAdded",
            "CallParticipantRemoved",
            "CallParticipantRemoved",
            "CallEnded"
        ]
    );
    let (started, ended) = (data(&published[0]), data(&published[6]));
    assert_eq!(started["startedBy"]["communicationIdentifier"]["rawId"], raw_id(ADA));
    assert_eq!((&started["isTwoParty"], &started["isRoomsCall"]), (&json!(true), &json!(false)));
    assert_eq!(started.get("group"), None);
    assert_eq!((&ended["callDurationInSeconds"], &ended["reason"]["code"]), (&json!(61.0), &json!(0)));
    assert_eq!(ended["endedBy"]["communicationIdentifier"]["rawId"], raw_id(ADA));
    assert_eq!(
        (&ended["endedBy"]["type"], &ended["endedBy"]["name"]),
        (&json!("Participant"), &json!("Ada"))
    );
    assert_eq!(ended["serverCallId"], started["serverCallId"]);
    assert_eq!(ended["correlationId"], started["correlationId"]);
    let incoming = data(&published[1]);
    assert_eq!(
        (&incoming["from"]["rawId"], &incoming["to"]["rawId"]),
        (&json!(raw_id(ADA)), &json!(raw_id(BOB)))
    );
    assert_eq!(incoming["callerDisplayName"], "Ada");
    let context = incoming["incomingCallContext"].as_str().expect("a text");
    let open = |resource: &str| world.calling.incoming_leg(world.resources.view(resource).id, context);
    let leg = open("dev").expect("it was made for this resource");
    assert_eq!((leg.call.starts_with("c-"), leg.participant), (true, 2));
    assert_eq!(open("other"), Err(crate::BadContext));
    assert_eq!(published[1].subject, format!("/caller/{}/recipient/{}", raw_id(ADA), raw_id(BOB)));
    let added = data(&published[3]);
    assert_eq!(
        (&added["user"]["communicationIdentifier"]["rawId"], &added["displayName"]),
        (&json!(raw_id(BOB)), &json!("Bob"))
    );
    assert!(added["userAgent"].as_str().is_some_and(|agent| !agent.is_empty()));
}

async fn a_group_tells_who_came_and_went(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.ok("call.hangUp", json!({ "leg": format!("g-{BOB}") })).await;
    ada.ok("call.hangUp", json!({ "leg": format!("g-{ADA}"), "forEveryone": true })).await;
    ada.until(|message| message["t"] == "leg.over").await;
    let kinds = [
        ("call_started", 0),
        ("participant_added", 1),
        ("participant_added", 2),
        ("participant_removed", 2),
        ("participant_removed", 1),
        ("call_ended", 0),
    ];
    assert_eq!(told(&world).await, named(&kinds));
    let published = published(&world).await;
    assert_eq!(data(&published[0])["group"], json!({ "id": GROUP }));
    assert_eq!(data(&published[5])["reason"]["subCode"], 4097);
}

async fn a_call_nobody_took_has_no_minutes(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.connect(ADA).await, world.connect(BOB).await);
    ada.ok("call.start", json!({ "leg": "a-1", "to": [raw_id(BOB)] })).await;
    let leg = bob.next_of("ring").await["leg"].clone();
    bob.ok("call.reject", json!({ "leg": leg })).await;
    let over = ada.until(|message| message["t"] == "leg.over").await;
    assert_eq!(over["reason"]["code"], 603);
    assert_eq!(told(&world).await, named(&[("call_started", 0), ("incoming_call", 2), ("call_ended", 0)]));
    assert_eq!(usage(&world).await, []);
    let ended = data(&published(&world).await[2]);
    assert_eq!((&ended["callDurationInSeconds"], &ended["reason"]["code"]), (&json!(0.0), &json!(603)));
    assert_eq!(ended["endedBy"]["communicationIdentifier"]["rawId"], raw_id(BOB));
}

async fn the_echo_test_tells_nobody_and_counts_who_calls_it(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.connect(ADA).await;
    ada.ok("call.start", json!({ "leg": "a-1", "to": ["8:echo123"] })).await;
    world.news("a-1", Input::MediaUp { p: P(1) });
    ada.until(|message| message["state"] == "connected").await;
    world.app.clock().advance(std::time::Duration::from_secs(7));
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    ada.until(|message| message["t"] == "leg.over").await;
    assert_eq!(told(&world).await, []);
    let lasted: Vec<Option<i64>> = legs(&world).await.into_iter().map(|(_, _, lasted, _)| lasted).collect();
    assert_eq!(lasted, [Some(7_000_000); 2], "both were in it");
    assert_eq!(usage(&world).await.iter().map(|(_, _, minutes)| *minutes).collect::<Vec<_>>(), [1]);
    assert_eq!(world.app.count("calling_calls").await, 1);
}

async fn what_is_published_is_read_when_it_is_published(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _) = world.pair().await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    bob.until(|message| message["t"] == "leg.over").await;
    let resource = world.resources.view("dev").id;
    world.calling.forget_user(resource, &raw_id(ADA)).await.unwrap();
    let published = published(&world).await;
    assert_eq!(published.len(), 7, "that there was a call is told");
    let all: String = published.iter().map(|one| format!("{} {}", one.subject, one.data)).collect();
    assert!(!all.contains(&raw_id(ADA)) && !all.contains("\"Ada\"") && all.contains(&raw_id(BOB)));
}
