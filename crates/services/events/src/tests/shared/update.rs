//! Changing parts of a subscription.

use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use crate::tests::arm::{Home, World, destination, hook, woken};

pub(crate) async fn what_is_left_out_stays(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let mut body = hook("https://example.org/?code=hush");
    body["properties"]["filter"] = json!({ "subjectBeginsWith": "a" });
    body["properties"]["retryPolicy"] = json!({ "maxDeliveryAttempts": 3 });
    world.put(home, "hook-1", &body).await.expect(201);
    world.confirm(home, "hook-1").await;
    let mut changes = world.changes();
    let answer = world.patch(home, "hook-1", &json!({ "labels": ["new"] })).await.expect(201);
    let shown = &answer.body["properties"];
    assert_eq!(shown["provisioningState"], "Succeeded");
    assert_eq!(answer.header("azure-asyncoperation"), "");
    assert_eq!(shown["labels"], json!(["new"]));
    assert_eq!(shown["filter"]["subjectBeginsWith"], "a");
    assert_eq!(shown["retryPolicy"]["maxDeliveryAttempts"], 3);
    let (target, detail) = world.newest_of(&home.operation("Update"), home.changer(), &answer).await;
    assert_eq!(target, "dev/hook-1");
    assert_eq!(detail["changed"], json!(["labels"]));
    woken(&mut changes).await;

    world.patch(home, "hook-1", &json!({ "labels": [] })).await.expect(201);
    let shown = world.get(home, "hook-1").await.expect(200).body;
    assert_eq!(shown["properties"]["labels"], json!([]));
}

pub(crate) async fn what_is_named_is_replaced_as_a_whole(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let mut body = hook("https://example.org/");
    body["properties"]["filter"] = json!({ "subjectBeginsWith": "a", "isSubjectCaseSensitive": true });
    body["properties"]["retryPolicy"] = json!({ "maxDeliveryAttempts": 3, "eventTimeToLiveInMinutes": 5 });
    world.put(home, "hook-1", &body).await.expect(201);
    world.confirm(home, "hook-1").await;
    let change = json!({
        "filter": { "subjectEndsWith": "z" },
        "retryPolicy": { "maxDeliveryAttempts": 4 },
        "expirationTimeUtc": "2090-01-01T00:00:00Z",
        "deadLetterDestination": { "endpointType": "StorageBlob", "properties": {
            "resourceId": "/x", "blobContainerName": "dead" } },
    });
    let shown = world.patch(home, "hook-1", &change).await.expect(201).body["properties"].clone();
    assert_eq!(shown["filter"]["subjectBeginsWith"], "");
    assert_eq!(shown["filter"]["subjectEndsWith"], "z");
    assert_eq!(shown["filter"]["isSubjectCaseSensitive"], false);
    assert_eq!(shown["retryPolicy"], json!({ "maxDeliveryAttempts": 4, "eventTimeToLiveInMinutes": 1440 }));
    assert!(shown["expirationTimeUtc"].is_string());
    assert_eq!(shown["deadLetterDestination"]["properties"]["blobContainerName"], "dead");
}

pub(crate) async fn an_address_that_is_left_out_stays(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/?code=hush").await;
    let change =
        json!({ "destination": { "endpointType": "WebHook", "properties": { "maxEventsPerBatch": 7 } } });
    let answer = world.patch(home, "hook-1", &change).await.expect(201);
    assert_eq!(answer.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(answer.body["properties"]["destination"]["properties"]["maxEventsPerBatch"], 7);
    let url = Call::post(home.at("hook-1", "/getFullUrl"));
    let url = world.manage(home.changer(), url).await.expect(200);
    assert_eq!(url.body["endpointUrl"], "https://example.org/?code=hush");
}

pub(crate) async fn another_address_waits_for_its_endpoint(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/old").await;
    let change = json!({ "destination": destination("https://example.org/new") });
    let answer = world.patch(home, "hook-1", &change).await.expect(201);
    assert_eq!(answer.body["properties"]["provisioningState"], "Updating");
    assert_eq!(answer.header("retry-after"), "1");
    let status = answer.header("azure-asyncoperation").to_owned();
    assert_eq!(world.follow("reader", &status).await.expect(200).body["status"], "InProgress");
    assert_eq!(world.jobs().await.len(), 1);

    // A change meanwhile begins where the one that waits would lead.
    let second = world.patch(home, "hook-1", &json!({ "labels": ["x"] })).await.expect(201);
    assert_eq!(second.body["properties"]["provisioningState"], "Updating");
    world.confirm(home, "hook-1").await;
    let shown = world.get(home, "hook-1").await.expect(200).body["properties"].clone();
    assert_eq!(shown["destination"]["properties"]["endpointBaseUrl"], "https://example.org/new");
    assert_eq!(shown["labels"], json!(["x"]));
    assert_eq!(world.follow("reader", &status).await.expect(200).body["status"], "Failed");
}

pub(crate) async fn unknown_ones_are_not_found(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let before = world.rows().await;
    world.patch(home, "hook-1", &json!({})).await.expect_error(404, "ResourceNotFound");
    assert_eq!(world.rows().await, before);
}

pub(crate) async fn contributors_may_change_one(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    let call = Call::new("PATCH", home.at("hook-1", "")).json(&json!({ "labels": ["a"] }));
    world.takes_managers_from("contributor", home == Home::Resource, &call).await;
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    let patch = |target: String| Call::new("PATCH", target).json(&json!({ "labels": ["a"] }));
    world.refuses_wrong_homes(home, &patch, &home.at("hook-1", "")).await;
}
