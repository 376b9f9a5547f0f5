//! What is refused, whatever asks for it.

use serde_json::{Value, json};
use trunkline_testkit::TestStore;

use crate::tests::arm::{Home, World, destination, hook};

/// A body with a good web hook, and with `more` beside it.
fn with(more: &Value) -> Value {
    let mut found = json!({ "destination": destination("https://example.org/") });
    found.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    found
}

/// Destinations that are refused, with the field each is refused for.
fn bad_destinations() -> Vec<(Value, &'static str)> {
    let address = |url: &str| (json!({ "destination": destination(url) }), "endpointUrl");
    let web_hook = |more: Value, target| {
        let mut found = destination("https://example.org/");
        let fields = more.as_object().expect("an object").clone();
        found["properties"].as_object_mut().expect("an object").extend(fields);
        (json!({ "destination": found }), target)
    };
    let headers = |list: Vec<Value>| {
        web_hook(json!({ "deliveryAttributeMappings": list }), "deliveryAttributeMappings")
    };
    let header = |name: &str| json!({ "name": name, "type": "Static", "properties": { "value": "v" } });
    let of_another_kind = |kind: &str| {
        let asked = json!({ "destination": { "endpointType": kind, "properties": { "resourceId": "/x" } } });
        (asked, "destination.endpointType")
    };
    let mut cases = vec![
        address("http://example.org/"),
        address("ftp://example.org/"),
        address("example.org"),
        address("https://user:pass@example.org/"),
        address(&format!("https://example.org/{}", "x".repeat(2048))),
        web_hook(json!({ "maxEventsPerBatch": 0 }), "maxEventsPerBatch"),
        web_hook(json!({ "maxEventsPerBatch": 5001 }), "maxEventsPerBatch"),
        web_hook(json!({ "maxEventsPerBatch": 1.5 }), "maxEventsPerBatch"),
        web_hook(json!({ "preferredBatchSizeInKilobytes": 1025 }), "preferredBatchSizeInKilobytes"),
        web_hook(
            json!({ "azureActiveDirectoryTenantId": "t" }),
            "destination.azureActiveDirectoryApplicationIdOrUri",
        ),
        headers(vec![header("aeg-event-type")]),
        headers(vec![header("Host")]),
        headers(vec![header("b ad")]),
        headers(vec![header("X-One"), header("x-one")]),
        headers(vec![json!({ "name": "X", "type": "Other" })]),
        headers((0..11).map(|number| header(&format!("X-{number}"))).collect()),
    ];
    let others =
        "EventHub StorageQueue HybridConnection ServiceBusQueue ServiceBusTopic AzureFunction NatsSubject";
    cases.extend(others.split(' ').map(of_another_kind));
    cases
}

/// Everything else that is refused, with the field it is refused for.
fn bad_properties() -> Vec<(Value, &'static str)> {
    let filter =
        |filters: Value| (with(&json!({ "filter": { "advancedFilters": filters } })), "advancedFilters");
    let many: Vec<Value> = (0..26).map(|_| json!({ "operatorType": "IsNotNull", "key": "data.a" })).collect();
    let values: Vec<String> = (0..26).map(|number| number.to_string()).collect();
    let container = json!({ "endpointType": "StorageBlob", "properties": {
        "resourceId": "/x", "blobContainerName": "NO" } });
    let other = |name: &'static str, value: Value, target| (with(&json!({ name: value })), target);
    let types = json!({ "includedEventTypes": ["Microsoft.Storage.BlobCreated"] });
    vec![
        filter(json!([{ "operatorType": "Bogus", "key": "a" }])),
        filter(json!([{ "operatorType": "StringIn", "key": "data.a", "values": [1] }])),
        filter(json!([{ "operatorType": "StringIn", "key": "data.a" }])),
        filter(json!([{ "operatorType": "StringIn", "key": "", "values": ["a"] }])),
        filter(json!([{ "operatorType": "StringIn", "key": "data.a", "values": values }])),
        filter(json!(many)),
        other("filter", types, "includedEventTypes"),
        other("filter", json!({ "subjectBeginsWith": "x".repeat(513) }), "subjectBeginsWith"),
        other("expirationTimeUtc", json!("2001-01-01T00:00:00Z"), "expirationTimeUtc"),
        other("eventDeliverySchema", json!("CustomInputSchema"), "eventDeliverySchema"),
        other("retryPolicy", json!({ "maxDeliveryAttempts": 31 }), "maxDeliveryAttempts"),
        other("retryPolicy", json!({ "eventTimeToLiveInMinutes": 0 }), "eventTimeToLiveInMinutes"),
        other("labels", json!(vec!["x"; 101]), "labels"),
        other("deadLetterDestination", container, "deadLetterDestination"),
        other("deadLetterDestination", json!({ "endpointType": "Other" }), "deadLetterDestination"),
        other("deliveryWithResourceIdentity", json!({}), "deliveryWithResourceIdentity"),
        other("deadLetterWithResourceIdentity", json!({}), "deadLetterWithResourceIdentity"),
    ]
}

async fn refuses(world: &World, method: &str, home: Home, body: &Value, target: &str) {
    let call = trunkline_testkit::Call::new(method, home.at("hook-1", "")).json(body);
    let answer = world.manage(home.changer(), call).await.expect_error(400, "InvalidRequest");
    assert_eq!(answer.body["error"]["target"], target, "{body} {}", answer.body);
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("user:pass"), "a password was quoted");
    if target == "destination.endpointType" {
        assert!(answer.body["error"]["message"].as_str().expect("text").contains("WebHook"));
    }
}

pub(crate) async fn bad_ones_cannot_be_put(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let (before, audited) = (world.rows().await, world.app.audit_log().await.len());
    for (properties, target) in bad_destinations().into_iter().chain(bad_properties()) {
        refuses(&world, "PUT", home, &json!({ "properties": properties }), target).await;
    }
    refuses(&world, "PUT", home, &json!({}), "destination").await;
    let no_url = json!({ "properties": { "destination": { "endpointType": "WebHook" } } });
    refuses(&world, "PUT", home, &no_url, "destination.endpointUrl").await;
    assert_eq!(world.rows().await, before);
    assert_eq!(world.app.audit_log().await.len(), audited);
}

pub(crate) async fn bad_ones_cannot_be_patched_in(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    let row = world.row(home, "hook-1").await.expect("a row").subscription;
    let (before, audited) = (world.rows().await, world.app.audit_log().await.len());
    for (properties, target) in bad_destinations().into_iter().chain(bad_properties()) {
        refuses(&world, "PATCH", home, &properties, target).await;
    }
    assert_eq!(world.rows().await, before);
    assert_eq!(world.row(home, "hook-1").await.expect("a row").subscription, row);
    assert_eq!(world.app.audit_log().await.len(), audited);
}
