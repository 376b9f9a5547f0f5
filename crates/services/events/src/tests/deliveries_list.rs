//! `Deliveries_List`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_delivery::{Answer as Result_, AttemptRow, Detail, Outcome, Position, SubscriptionKey};
use trunkline_store::{Key, StoreError};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::arm::{Home, SLICES, World};
use super::operators::{DEV, SMS, web_hook};
use crate::envelope::event_id;
use crate::rows;

on_both_engines!(SLICES;
    attempts_are_listed_newest_first,
    attempts_are_told_apart_by_every_filter,
    attempts_are_found_by_the_id_of_their_event,
    attempts_are_followed,
    attempts_are_listed_in_pages,
    wrong_questions_are_refused,
    readers_may_look,
);

/// An attempt that ended now, with the event of that sequence; the subscription is put in by [`log`].
pub(super) fn attempt(world: &World, sequence: u64, outcome: Outcome) -> AttemptRow {
    let status = match outcome {
        Outcome::Delivered => Some(200),
        Outcome::Busy => Some(503),
        _ => None,
    };
    AttemptRow {
        subscription: SubscriptionKey(0),
        at: world.now(),
        answer: Result_ { outcome, status, took: Duration::from_micros(12_500), detail: Detail("") },
        tries: 0,
        deliveries: vec![Position { sequence, ordinal: 0 }],
        next: None,
        is_late: false,
    }
}

/// Writes attempts of a subscription of `dev` into the log.
pub(super) async fn log(world: &World, name: &str, attempts: &[AttemptRow]) {
    let number = world.row(Home::Resource, name).await.expect("a subscription").subscription.number;
    let of_it = |row: &AttemptRow| AttemptRow { subscription: SubscriptionKey(number), ..row.clone() };
    let attempts: Vec<_> = attempts.iter().map(of_it).collect();
    let write = move |tx: &mut trunkline_store::Tx<'_>| rows::insert_attempts(tx, &attempts);
    let written: Result<(), StoreError> = world.app.store.write(Key::system("test"), write).await;
    written.expect("written");
}

fn target(query: &str) -> String {
    format!("{DEV}/deliveries{query}")
}

/// The first sequence of each attempt.
fn sequences(answer: &Answer) -> Vec<u64> {
    let value = answer.body["value"].as_array().expect("a list");
    value.iter().map(|attempt| attempt["sequence"].as_u64().expect("a number")).collect()
}

/// Two subscriptions with attempts at sequences 1 to 4, a minute apart; 3 and 4 failed, 2 and 4 are of `two`.
async fn world(store: TestStore) -> World {
    let world = World::new(store).await;
    for name in ["one", "two"] {
        world.subscribed(name, &web_hook("https://app.example/")).await;
    }
    for (sequence, name, outcome) in [
        (1, "one", Outcome::Delivered),
        (2, "two", Outcome::Delivered),
        (3, "one", Outcome::Busy),
        (4, "two", Outcome::TimedOut),
    ] {
        log(&world, name, &[attempt(&world, sequence, outcome)]).await;
        world.app.clock().advance(Duration::from_mins(1));
    }
    world
}

async fn attempts_are_listed_newest_first(store: TestStore) {
    let world = World::new(store).await;
    assert_eq!(world.look(target("")).await.expect(200).body, json!({ "value": [] }));
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    let at = world.now();
    let next = at.plus(Duration::from_secs(10));
    let busy = AttemptRow {
        tries: 2,
        deliveries: (7..207).map(|sequence| Position { sequence, ordinal: 0 }).collect(),
        next: Some(next),
        is_late: true,
        answer: Result_ { detail: Detail("tls"), ..attempt(&world, 7, Outcome::Busy).answer },
        ..attempt(&world, 7, Outcome::Busy)
    };
    log(&world, "hook", &[busy]).await;
    let answer = world.look(target("")).await.expect(200);
    let mut shown = answer.body["value"][0].clone();
    let ids = shown["eventIds"].take();
    assert_eq!(ids.as_array().map(Vec::len), Some(100), "as many as can be read");
    let first = event_id(world.service.installation, Position { sequence: 7, ordinal: 0 });
    assert_eq!(ids[0], json!(first));
    let id = shown["id"].take();
    assert!(id.is_i64(), "{id}");
    let expected = json!({
        "id": null, "subscription": "hook", "at": at, "outcome": "Busy", "status": 503, "durationMs": 12.5,
        "attempt": 3, "eventIds": null, "sequence": 7, "eventCount": 200, "nextAttemptOn": next, "isLate": true,
        "detail": "tls",
    });
    assert_eq!(shown, expected);
}

async fn attempts_are_told_apart_by_every_filter(store: TestStore) {
    let world = world(store).await;
    for (query, expected) in [
        ("", vec![4, 3, 2, 1]),
        ("?subscription=ONE", vec![3, 1]),
        ("?outcome=failed", vec![4, 3]),
        ("?outcome=timedout", vec![4]),
        ("?outcome=Delivered&subscription=two", vec![2]),
        ("?event=3", vec![3]),
        ("?event=99", vec![]),
        ("?from=150s", vec![4, 3]),
        ("?to=150s", vec![2, 1]),
        ("?from=3m&to=2m", vec![2]),
    ] {
        assert_eq!(sequences(&world.look(target(query)).await.expect(200)), expected, "{query}");
    }
    let other = world.look("/trunkline/resources/other/deliveries").await.expect(200);
    assert_eq!(other.body, json!({ "value": [] }));
}

async fn attempts_are_found_by_the_id_of_their_event(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    world.publish(1, SMS, "first").await;
    world.publish(2, SMS, "of another resource").await;
    let events = world.look(format!("{DEV}/events")).await.expect(200).body["value"].clone();
    let (id, sequence) = (events[0]["id"].as_str().expect("an id"), events[0]["sequence"].as_u64());
    log(&world, "hook", &[attempt(&world, sequence.expect("a number"), Outcome::Delivered)]).await;
    let found = world.look(target(&format!("?event={id}"))).await.expect(200);
    assert_eq!(found.body["value"][0]["eventIds"], json!([id]));
    let foreign = event_id(
        world.service.installation,
        Position { sequence: sequence.map_or(0, |one| one + 1), ordinal: 0 },
    );
    let none = world.look(target(&format!("?event={foreign}"))).await.expect(200);
    assert_eq!(none.body, json!({ "value": [] }));
}

async fn attempts_are_followed(store: TestStore) {
    let world = world(store).await;
    let all = world.look(target("?after=0")).await.expect(200);
    assert_eq!(sequences(&all), [1, 2, 3, 4], "the oldest first");
    let second: &Value = &all.body["value"][1]["id"];
    let rest = world.look(target(&format!("?after={second}"))).await.expect(200);
    assert_eq!(sequences(&rest), [3, 4]);
    let cut = world.look(target("?after=0&maxPageSize=2")).await.expect(200);
    assert_eq!((sequences(&cut), cut.body.get("nextLink")), (vec![1, 2], None));
}

async fn attempts_are_listed_in_pages(store: TestStore) {
    let world = world(store).await;
    let mut next = target("?maxPageSize=3");
    let mut seen = Vec::new();
    while !next.is_empty() {
        let page = world.look(next).await.expect(200);
        seen.extend(sequences(&page));
        let link = page.body["nextLink"].as_str().and_then(|link| link.strip_prefix(app::ORIGIN));
        next = link.unwrap_or_default().to_owned();
    }
    assert_eq!(seen, [4, 3, 2, 1]);
}

async fn wrong_questions_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for (query, at_fault) in [
        ("?outcome=late", "outcome"),
        ("?event=x", "event"),
        ("?from=yesterday", "from"),
        ("?to=5", "to"),
        ("?after=-1", "after"),
        ("?maxPageSize=0", "maxPageSize"),
    ] {
        world.look(target(query)).await.expect_invalid(at_fault);
    }
    world.look(target("?subscription=none")).await.expect_error(404, "NotFound");
    world.refuses_unknown_resources(&|target| Call::get(target), &target("")).await;
}

async fn readers_may_look(store: TestStore) {
    World::new(store).await.takes_operators_from("reader", &Call::get(target(""))).await;
}
