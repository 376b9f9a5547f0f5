//! `Events_List`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::arm::{SLICES, World};
use super::operators::{CALL_ENDED, DEV, SMS};

on_both_engines!(SLICES;
    published_events_are_listed_oldest_first,
    events_are_told_apart_by_time_and_type,
    events_are_listed_in_pages,
    wrong_questions_are_refused,
    readers_may_look,
);

fn target(query: &str) -> String {
    format!("{DEV}/events{query}")
}

async fn subjects(world: &World, query: &str) -> Vec<String> {
    let answer = world.look(target(query)).await.expect(200);
    subjects_of(&answer.body)
}

fn subjects_of(body: &Value) -> Vec<String> {
    let value = body["value"].as_array().expect("a list");
    value.iter().map(|event| event["subject"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn published_events_are_listed_oldest_first(store: TestStore) {
    let world = World::new(store).await;
    assert_eq!(world.look(target("")).await.expect(200).body, json!({ "value": [] }));
    world.publish(1, SMS, "a").await;
    world.publish(2, SMS, "of another resource").await;
    world.publish(1, CALL_ENDED, "b").await;
    let answer = world.look(target("")).await.expect(200);
    assert_eq!(subjects_of(&answer.body), ["a", "b"]);
    let first = &answer.body["value"][0];
    assert_eq!((&first["type"], &first["publishedOn"]), (&json!(SMS), &json!(world.now())));
    assert_eq!(first["data"], trunkline_catalogue::find(SMS).expect("known").sample_data());
    assert!(first["sequence"].is_u64() && first["id"].is_string(), "{first}");
}

async fn events_are_told_apart_by_time_and_type(store: TestStore) {
    let world = World::new(store).await;
    for (subject, name) in [("a", SMS), ("b", CALL_ENDED), ("c", SMS)] {
        world.publish(1, name, subject).await;
        world.app.clock().advance(Duration::from_mins(1));
    }
    assert_eq!(subjects(&world, "?from=2m").await, ["b", "c"]);
    assert_eq!(subjects(&world, "?to=90s").await, ["a", "b"]);
    assert_eq!(subjects(&world, "?from=2m&to=1m").await, ["b"]);
    assert_eq!(subjects(&world, &format!("?type={SMS}")).await, ["a", "c"]);
    assert_eq!(subjects(&world, &format!("?type={SMS}&type={CALL_ENDED}")).await, ["a", "b", "c"]);
    assert_eq!(subjects(&world, "?from=10s").await, [""; 0]);
}

async fn events_are_listed_in_pages(store: TestStore) {
    let world = World::new(store).await;
    for subject in ["a", "b", "c", "d", "e"] {
        world.publish(1, SMS, subject).await;
    }
    let mut next = target("?maxPageSize=2");
    let mut seen = Vec::new();
    while !next.is_empty() {
        let page = world.look(next).await.expect(200);
        seen.extend(subjects_of(&page.body));
        let link = page.body["nextLink"].as_str().and_then(|link| link.strip_prefix(app::ORIGIN));
        next = link.unwrap_or_default().to_owned();
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

async fn wrong_questions_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for (query, at_fault) in [
        ("?type=Microsoft.Other", "type"),
        ("?from=x", "from"),
        ("?to=x", "to"),
        ("?maxPageSize=0", "maxPageSize"),
    ] {
        world.look(target(query)).await.expect_invalid(at_fault);
    }
    world.refuses_unknown_resources(&|target| Call::get(target), &target("")).await;
}

async fn readers_may_look(store: TestStore) {
    World::new(store).await.takes_operators_from("reader", &Call::get(target(""))).await;
}
