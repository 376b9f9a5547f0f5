//! Looking at a subscription.

use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use crate::tests::arm::{BAD_NAMES, Home, World, arm_id, hook};

pub(crate) async fn it_is_shown_without_its_secrets(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "Hook-1", "https://example.org/events?code=hush").await;
    let answer = world.get(home, "hook-1").await.expect(200);
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("hush"));
    let types = answer.body["properties"]["filter"]["includedEventTypes"].as_array().expect("a list").len();
    assert_eq!(types, 53, "all when none were named");
    let mut body = answer.body.clone();
    body["properties"]["filter"]["includedEventTypes"] = json!([]);
    let now = world.now();
    assert_eq!(
        body,
        json!({
            "id": home.id("Hook-1"),
            "name": "Hook-1",
            "type": home.kind(),
            "systemData": { "createdAt": now, "lastModifiedAt": now },
            "properties": {
                "topic": arm_id("Main", "dev"),
                "provisioningState": "Succeeded",
                "destination": {
                    "endpointType": "WebHook",
                    "properties": {
                        "endpointBaseUrl": "https://example.org/events",
                        "maxEventsPerBatch": 1,
                        "preferredBatchSizeInKilobytes": 64,
                        "deliveryAttributeMappings": [],
                    },
                },
                "filter": {
                    "subjectBeginsWith": "",
                    "subjectEndsWith": "",
                    "includedEventTypes": [],
                    "isSubjectCaseSensitive": false,
                    "enableAdvancedFilteringOnArrays": false,
                    "advancedFilters": [],
                },
                "labels": [],
                "eventDeliverySchema": "EventGridSchema",
                "retryPolicy": { "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 },
            },
        })
    );
}

pub(crate) async fn letters_of_the_path_may_be_in_any_case(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    let target = home.at("HOOK-1", "").replace("eventSubscriptions", "EVENTSUBSCRIPTIONS");
    let answer = world.manage("reader", Call::get(target)).await.expect(200);
    assert_eq!(answer.body["name"], "hook-1");
}

pub(crate) async fn unknown_ones_are_not_found(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.get(home, "hook-1").await.expect_error(404, "ResourceNotFound");
    for name in BAD_NAMES {
        world.get(home, name).await.expect(400);
    }
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    let other = if home == Home::Resource { Home::SystemTopic } else { Home::Resource };
    world.get(other, "hook-1").await.expect_error(404, "ResourceNotFound");
}

pub(crate) async fn readers_may_look(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.takes_managers_from("reader", true, &Call::get(home.at("hook-1", ""))).await;
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.refuses_wrong_homes(home, &Call::get, &home.at("hook-1", "")).await;
}
