//! `SystemTopics_Delete`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{Home, SLICES, World, hook, topic_id, versioned};

on_both_engines!(SLICES; it_is_gone, one_in_use_stays, none_is_no_error, contributors_of_the_installation_may,
    wrong_places_are_refused);

fn call() -> Call {
    Call::delete(versioned(&topic_id("topic-1")))
}

async fn it_is_gone(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    let answer = world.manage("contributor", call()).await.expect(200);
    assert_eq!(world.app.count("events_system_topics").await, 0);
    let (target, detail) = world.newest_of("SystemTopics_Delete", "contributor", &answer).await;
    assert_eq!((target.as_str(), detail), ("dev/topic-1", json!({})));
    world.put_topic("topic-2", "Main", "dev").await.expect(201);
}

async fn one_in_use_stays(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.put(Home::SystemTopic, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.manage("contributor", call()).await.expect_error(409, "Conflict");
    assert_eq!(world.app.count("events_system_topics").await, 1);
    world.manage("contributor", Call::delete(Home::SystemTopic.at("hook-1", ""))).await.expect(200);
    world.manage("contributor", call()).await.expect(200);
}

async fn none_is_no_error(store: TestStore) {
    let world = World::new(store).await;
    world.manage("contributor", call()).await.expect(204);
    assert_eq!(world.app.audit_log().await.len(), 0);
}

async fn contributors_of_the_installation_may(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.takes_managers_from("contributor", false, &call()).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.refuses_wrong_places(&Call::delete, &versioned(&topic_id("topic-1"))).await;
}
