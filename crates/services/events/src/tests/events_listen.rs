//! `Events_Listen`.

use std::time::Duration;

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World, arm_id};
use super::operators::{CALL_ENDED, DEV, SMS};

on_both_engines!(SLICES;
    what_is_published_while_somebody_waits_is_answered,
    whoever_names_the_last_event_misses_none,
    the_past_is_heard_from_a_time_on,
    events_come_in_the_envelope_that_is_asked_for,
    a_server_that_stops_lets_nobody_wait,
    wrong_questions_are_refused,
    readers_may_listen,
);

fn target(query: &str) -> String {
    format!("{DEV}/events/:listen{query}")
}

async fn what_is_published_while_somebody_waits_is_answered(store: TestStore) {
    let world = World::new(store).await;
    world.publish(1, SMS, "before").await;
    let call = target("");
    let (answer, ()) = tokio::join!(world.look(call), async {
        // Until the listener waits; what came before it began is not for it.
        while world.service.listeners.available_permits() == super::super::api::listen::LISTENERS_MAX {
            tokio::task::yield_now().await;
        }
        world.publish(1, SMS, "during").await;
    });
    let answer = answer.expect(200);
    assert_eq!(answer.body["value"][0]["subject"], "during");
    assert_eq!(answer.body["value"].as_array().map(Vec::len), Some(1));
}

async fn whoever_names_the_last_event_misses_none(store: TestStore) {
    let world = World::new(store).await;
    let start = world.look(target("?waitSeconds=0")).await.expect(200).body;
    assert_eq!(start["value"], json!([]));
    world.publish(1, SMS, "a").await;
    world.publish(2, SMS, "of another resource").await;
    world.publish(1, CALL_ENDED, "b").await;
    let next = format!("?after={}&waitSeconds=0", start["after"]);
    let found = world.look(target(&next)).await.expect(200).body;
    assert_eq!((&found["value"][0]["subject"], &found["value"][1]["subject"]), (&json!("a"), &json!("b")));
    let end = format!("?after={}&waitSeconds=0", found["after"]);
    let nothing = world.look(target(&end)).await.expect(200).body;
    assert_eq!(nothing, json!({ "value": [], "after": found["after"] }));
    let of_type = world.look(target(&format!("{next}&type={CALL_ENDED}"))).await.expect(200).body;
    assert_eq!(of_type["value"].as_array().map(Vec::len), Some(1));
}

async fn the_past_is_heard_from_a_time_on(store: TestStore) {
    let world = World::new(store).await;
    for subject in ["a", "b"] {
        world.publish(1, SMS, subject).await;
        world.app.clock().advance(Duration::from_mins(1));
    }
    let found = world.look(target("?from=1m&waitSeconds=0")).await.expect(200).body;
    assert_eq!(found["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["value"][0]["subject"], "b");
}

async fn events_come_in_the_envelope_that_is_asked_for(store: TestStore) {
    let world = World::new(store).await;
    world.publish(1, SMS, "a").await;
    let event_grid = world.look(target("?after=0&waitSeconds=0")).await.expect(200).body["value"][0].clone();
    assert_eq!(event_grid["topic"], json!(arm_id("Main", "dev")));
    assert_eq!((&event_grid["eventType"], &event_grid["metadataVersion"]), (&json!(SMS), &json!("1")));
    let query = "?after=0&waitSeconds=0&schema=CloudEventSchemaV1_0";
    let cloud_event = world.look(target(query)).await.expect(200).body["value"][0].clone();
    assert_eq!((&cloud_event["type"], &cloud_event["specversion"]), (&json!(SMS), &json!("1.0")));
    assert_eq!(cloud_event["id"], event_grid["id"]);
}

async fn a_server_that_stops_lets_nobody_wait(store: TestStore) {
    let world = World::new(store).await;
    let (answer, ()) = tokio::join!(world.look(target("")), async {
        while world.service.listeners.available_permits() == super::super::api::listen::LISTENERS_MAX {
            tokio::task::yield_now().await;
        }
        world.service.release_listeners();
    });
    assert_eq!(answer.expect(200).body["value"], json!([]));
    world.look(target("?waitSeconds=0")).await.expect_error(503, "ServiceUnavailable");
}

async fn wrong_questions_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for (query, at_fault) in [
        ("?after=x", "after"),
        ("?after=18446744073709551615", "after"),
        ("?from=x", "from"),
        ("?type=Microsoft.Other", "type"),
        ("?schema=XML", "schema"),
        ("?waitSeconds=26", "waitSeconds"),
        ("?waitSeconds=-1", "waitSeconds"),
    ] {
        world.look(target(query)).await.expect_invalid(at_fault);
    }
    let places = super::super::api::listen::LISTENERS_MAX;
    assert_eq!(world.service.listeners.available_permits(), places, "every place is free again");
    let listen = |target: String| Call::get(format!("{target}?waitSeconds=0"));
    world.refuses_unknown_resources(&listen, &target("")).await;
}

async fn readers_may_listen(store: TestStore) {
    let call = Call::get(target("?waitSeconds=0"));
    World::new(store).await.takes_operators_from("reader", &call).await;
}
