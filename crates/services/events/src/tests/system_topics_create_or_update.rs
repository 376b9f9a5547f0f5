//! `SystemTopics_CreateOrUpdate`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World, arm_id, topic_id, versioned};

on_both_engines!(SLICES; it_is_made, a_put_replaces_the_tags, a_resource_has_one, its_source_cannot_change,
    bad_ones_are_refused, contributors_of_the_installation_may, wrong_places_are_refused);

fn body(source: &str) -> Value {
    json!({
        "location": "Global",
        "tags": { "a": "b" },
        "properties": { "source": source, "topicType": "microsoft.communication.communicationservices" },
    })
}

async fn put(world: &World, name: &str, body: &Value) -> trunkline_testkit::Answer {
    let target = versioned(&topic_id(name));
    world.manage("contributor", Call::new("PUT", target).json(body)).await
}

async fn it_is_made(store: TestStore) {
    let world = World::new(store).await;
    let answer = put(&world, "Topic-1", &body(&arm_id("MAIN", "DEV"))).await.expect(201);
    let now = world.now();
    assert_eq!(
        answer.body,
        json!({
            "id": topic_id("Topic-1"),
            "name": "Topic-1",
            "type": "Microsoft.EventGrid/systemTopics",
            "location": "global",
            "tags": { "a": "b" },
            "systemData": { "createdAt": now, "lastModifiedAt": now },
            "properties": {
                "provisioningState": "Succeeded",
                "source": arm_id("Main", "dev"),
                "topicType": "Microsoft.Communication.CommunicationServices",
                "metricResourceId": "00000000-0000-0000-0000-000000000001",
            },
        })
    );
    assert_eq!(answer.header("azure-asyncoperation"), "");
    assert_eq!(world.app.count("events_system_topics").await, 1);
    let (target, detail) = world.newest_of("SystemTopics_CreateOrUpdate", "contributor", &answer).await;
    assert_eq!((target.as_str(), detail), ("dev/Topic-1", json!({ "isNew": true })));
}

async fn a_put_replaces_the_tags(store: TestStore) {
    let world = World::new(store).await;
    put(&world, "Topic-1", &body(&arm_id("Main", "dev"))).await.expect(201);
    let mut changed = body(&arm_id("Main", "dev"));
    changed["tags"] = json!({ "c": "d" });
    let answer = put(&world, "topic-1", &changed).await.expect(200);
    assert_eq!(answer.body["name"], "Topic-1");
    assert_eq!(answer.body["tags"], json!({ "c": "d" }));
    assert_eq!(world.app.count("events_system_topics").await, 1);
    let (_, detail) = world.newest_of("SystemTopics_CreateOrUpdate", "contributor", &answer).await;
    assert_eq!(detail, json!({ "isNew": false }));
}

async fn a_resource_has_one(store: TestStore) {
    let world = World::new(store).await;
    put(&world, "topic-1", &body(&arm_id("Main", "dev"))).await.expect(201);
    put(&world, "topic-2", &body(&arm_id("Main", "dev"))).await.expect_error(409, "Conflict");
    assert_eq!(world.app.count("events_system_topics").await, 1);
}

async fn its_source_cannot_change(store: TestStore) {
    let world = World::new(store).await;
    world.add_resource(3, "third");
    put(&world, "topic-1", &body(&arm_id("Main", "dev"))).await.expect(201);
    put(&world, "topic-1", &body(&arm_id("Main", "third"))).await.expect_error(409, "Conflict");
}

async fn bad_ones_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let audited = world.app.audit_log().await.len();
    let with = |pointer: &str, value: Value| {
        let mut found = body(&arm_id("Main", "dev"));
        match found.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => found[&pointer[1..]] = value,
        }
        found
    };
    let many: std::collections::BTreeMap<String, &str> = (0..51).map(|n| (n.to_string(), "")).collect();
    let elsewhere = arm_id("Main", "dev").replace(&super::arm::SUBSCRIPTION.to_string(), "x");
    for (body, code, target) in [
        (with("/location", json!("westeurope")), "LocationNotAvailableForResourceType", "location"),
        (with("/location", Value::Null), "LocationRequired", "location"),
        (with("/tags", json!(many)), "InvalidRequest", "tags"),
        (with("/tags", json!({ "a": "x".repeat(257) })), "InvalidRequest", "tags"),
        (with("/identity", json!({ "type": "SystemAssigned" })), "InvalidRequest", "identity"),
        (
            with("/properties/topicType", json!("Microsoft.Storage.StorageAccounts")),
            "InvalidRequest",
            "properties.topicType",
        ),
        (with("/properties/topicType", Value::Null), "InvalidRequest", "properties.topicType"),
        (with("/properties/source", Value::Null), "InvalidRequest", "properties.source"),
        (with("/properties/source", json!("dev")), "InvalidRequest", "properties.source"),
        (with("/properties/source", json!(elsewhere)), "InvalidRequest", "properties.source"),
        (with("/properties/source", json!(arm_id("Main", "none"))), "InvalidRequest", "properties.source"),
        (with("/properties/source", json!(arm_id("Second", "other"))), "InvalidRequest", "resourceGroupName"),
    ] {
        let answer = put(&world, "topic-1", &body).await.expect_error(400, code);
        assert_eq!(answer.body["error"]["target"], target, "{}", answer.body);
    }
    for name in ["ab", "a_b", "%C3%A9tude"] {
        put(&world, name, &body(&arm_id("Main", "dev"))).await.expect_error(400, "InvalidRequest");
    }
    assert_eq!(world.app.count("events_system_topics").await, 0);
    assert_eq!(world.app.audit_log().await.len(), audited);
    put(&world, "topic-1", &with("/identity", json!({ "type": "None" }))).await.expect(201);
}

async fn contributors_of_the_installation_may(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::new("PUT", versioned(&topic_id("topic-1"))).json(&body(&arm_id("Main", "dev")));
    world.takes_managers_from("contributor", false, &call).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let put = |target: String| Call::new("PUT", target).json(&body(&arm_id("Main", "dev")));
    world.refuses_wrong_places(&put, &versioned(&topic_id("topic-1"))).await;
}
