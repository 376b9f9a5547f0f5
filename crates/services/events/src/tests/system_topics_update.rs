//! `SystemTopics_Update`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{Home, SLICES, World, topic_id, versioned};

on_both_engines!(SLICES; tags_change, bad_ones_are_refused, unknown_ones_are_not_found,
    contributors_of_the_installation_may, wrong_places_are_refused);

fn call(body: &serde_json::Value) -> Call {
    Call::new("PATCH", versioned(&topic_id("topic-1"))).json(body)
}

async fn tags_change(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    let answer = world.manage("contributor", call(&json!({ "tags": { "a": "b" } }))).await.expect(200);
    assert_eq!(answer.body["tags"], json!({ "a": "b" }));
    let (target, detail) = world.newest_of("SystemTopics_Update", "contributor", &answer).await;
    assert_eq!((target.as_str(), detail), ("dev/topic-1", json!({ "changed": ["tags"] })));
    let answer = world.manage("contributor", call(&json!({}))).await.expect(200);
    assert_eq!(answer.body["tags"], json!({ "a": "b" }), "what is left out stays");
}

async fn bad_ones_are_refused(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    let audited = world.app.audit_log().await.len();
    for body in [json!({ "tags": { "": "b" } }), json!({ "identity": { "type": "UserAssigned" } })] {
        world.manage("contributor", call(&body)).await.expect_error(400, "InvalidRequest");
    }
    world.manage("contributor", call(&json!({ "tags": 1 }))).await.expect_error(400, "BadRequest");
    assert_eq!(world.app.audit_log().await.len(), audited);
}

async fn unknown_ones_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.manage("contributor", call(&json!({}))).await.expect_error(404, "ResourceNotFound");
}

async fn contributors_of_the_installation_may(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.takes_managers_from("contributor", false, &call(&json!({ "tags": {} }))).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    let patch = |target: String| Call::new("PATCH", target).json(&json!({ "tags": {} }));
    world.refuses_wrong_places(&patch, &versioned(&topic_id("topic-1"))).await;
}
