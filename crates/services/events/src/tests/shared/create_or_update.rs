//! Making a subscription, and putting another in its place.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore};

use crate::SUBSCRIPTIONS_MAX;
use crate::changes::NEVER;
use crate::model::Provisioning;
use crate::rows;
use crate::tests::arm::{BAD_NAMES, Home, SUBSCRIPTION, World, hook, place, woken};

pub(crate) async fn a_new_one_waits_for_its_endpoint(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let mut changes = world.changes();
    let before = world.rows().await;
    let answer = world.put(home, "hook-1", &hook("https://example.org/events?code=hush")).await.expect(201);
    assert_eq!(answer.body["properties"]["provisioningState"], "Creating");
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("hush"));
    assert_eq!(answer.header("retry-after"), "1");
    let status = answer.header("azure-asyncoperation");
    let prefix = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.EventGrid/locations/global/operationsStatus/"
    );
    assert!(status.contains(&prefix), "{status}");
    let polled = world.follow("reader:1", status).await.expect(200);
    assert_eq!(polled.body["status"], "InProgress");
    assert_eq!(polled.header("retry-after"), "1");

    let row = world.row(home, "hook-1").await.expect("a row");
    assert_eq!(row.subscription.state, Provisioning::Creating);
    assert_eq!(row.subscription.from_sequence, NEVER);
    assert!(!format!("{row:?}").contains("hush"), "the query is sealed");
    let code = world.code(home, "hook-1").await.expect("a handshake");
    let number = row.subscription.number.to_string();
    assert_eq!(world.jobs().await, [(number, code, world.now())]);
    let after = world.rows().await;
    assert_eq!(after, [before[0] + 1, before[1] + 1, before[2], before[3] + 1, before[4] + 1]);
    let (target, detail) = world.newest_of(&home.operation("CreateOrUpdate"), home.changer(), &answer).await;
    assert_eq!(target, "dev/hook-1");
    assert_eq!(detail, json!({ "number": row.subscription.number, "state": "Creating" }));
    woken(&mut changes).await;
}

/// Advanced filters of several kinds.
fn filters() -> Value {
    json!([
        { "operatorType": "StringIn", "key": "data.from", "values": ["a", "b"] },
        { "operatorType": "NumberInRange", "key": "data.n", "values": [[1, 2], [3.5, 4]] },
        { "operatorType": "NumberGreaterThan", "key": "data.m", "value": 7 },
        { "operatorType": "BoolEquals", "key": "data.b", "value": true },
        { "operatorType": "IsNotNull", "key": "subject" },
    ])
}

/// A subscription that says all it can.
fn everything() -> Value {
    json!({ "properties": {
        "destination": { "endpointType": "webhook", "properties": {
            "endpointUrl": "https://example.org/",
            // One of the SDKs writes whole numbers so.
            "maxEventsPerBatch": 10.0,
            "preferredBatchSizeInKilobytes": 128,
            "deliveryAttributeMappings": [
                { "name": "X-One", "type": "Static", "properties": { "value": "shown", "isSecret": false } },
                { "name": "X-Two", "type": "Static", "properties": { "value": "hush", "isSecret": true } },
                { "name": "X-Three", "type": "Dynamic", "properties": { "sourceField": "data.from" } },
            ],
        } },
        "filter": {
            "subjectBeginsWith": "a",
            "subjectEndsWith": "z",
            "includedEventTypes": ["microsoft.communication.smsreceived"],
            "isSubjectCaseSensitive": true,
            "enableAdvancedFilteringOnArrays": true,
            "advancedFilters": filters(),
        },
        "labels": ["one", "two"],
        "expirationTimeUtc": "2090-01-02T03:04:05.000Z",
        "eventDeliverySchema": "CloudEventSchemaV1_0",
        "retryPolicy": { "maxDeliveryAttempts": 3, "eventTimeToLiveInMinutes": 5 },
        "deadLetterDestination": { "endpointType": "StorageBlob", "properties": {
            "resourceId": "/subscriptions/s/storage", "blobContainerName": "dead",
        } },
    } })
}

pub(crate) async fn everything_it_says_is_shown(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &everything()).await.expect(201);
    let answer = world.get(home, "hook-1").await.expect(200);
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("hush"));
    let shown = &answer.body["properties"];
    assert_eq!(
        shown["destination"],
        json!({ "endpointType": "WebHook", "properties": {
            "endpointBaseUrl": "https://example.org/",
            "maxEventsPerBatch": 10,
            "preferredBatchSizeInKilobytes": 128,
            "deliveryAttributeMappings": [
                { "name": "X-One", "type": "Static", "properties": { "value": "shown", "isSecret": false } },
                { "name": "X-Two", "type": "Static", "properties": { "isSecret": true } },
                { "name": "X-Three", "type": "Dynamic", "properties": { "sourceField": "data.from" } },
            ],
        } })
    );
    assert_eq!(
        shown["filter"],
        json!({
            "subjectBeginsWith": "a",
            "subjectEndsWith": "z",
            "includedEventTypes": ["Microsoft.Communication.SMSReceived"],
            "isSubjectCaseSensitive": true,
            "enableAdvancedFilteringOnArrays": true,
            "advancedFilters": filters(),
        })
    );
    assert_eq!(shown["labels"], json!(["one", "two"]));
    assert!(shown["expirationTimeUtc"].as_str().expect("a time").starts_with("2090-01-02T03:04:05"));
    assert_eq!(shown["eventDeliverySchema"], "CloudEventSchemaV1_0");
    assert_eq!(shown["retryPolicy"], json!({ "maxDeliveryAttempts": 3, "eventTimeToLiveInMinutes": 5 }));
    assert_eq!(shown["deadLetterDestination"]["properties"]["blobContainerName"], "dead");
}

pub(crate) async fn a_put_replaces_all_there_was(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let mut body = hook("https://example.org/");
    body["properties"]["labels"] = json!(["one"]);
    body["properties"]["filter"] = json!({ "subjectBeginsWith": "a" });
    world.put(home, "Hook-1", &body).await.expect(201);
    world.confirm(home, "Hook-1").await;
    let before = world.row(home, "hook-1").await.expect("a row");
    let mut changes = world.changes();

    let answer = world.put(home, "HOOK-1", &hook("https://example.org/")).await.expect(201);
    assert_eq!(answer.header("azure-asyncoperation"), "", "the same endpoint is not asked again");
    assert_eq!(answer.header("retry-after"), "");
    let shown = &answer.body["properties"];
    assert_eq!(answer.body["name"], "Hook-1", "the name keeps the capitals it was made with");
    assert_eq!(shown["provisioningState"], "Succeeded");
    assert_eq!(shown["labels"], json!([]));
    assert_eq!(shown["filter"]["subjectBeginsWith"], "");
    let after = world.row(home, "hook-1").await.expect("a row");
    assert_eq!(after.subscription.number, before.subscription.number);
    assert_eq!(after.subscription.from_sequence, before.subscription.from_sequence);
    assert!(after.subscription.generation > before.subscription.generation);
    let (_, detail) = world.newest_of(&home.operation("CreateOrUpdate"), home.changer(), &answer).await;
    assert_eq!(detail["changed"], json!(["filter", "labels"]));
    woken(&mut changes).await;
}

pub(crate) async fn secret_headers_are_kept_for_the_same_server_only(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let with_secret = |url: &str, value: Option<&str>| {
        let mut body = hook(url);
        body["properties"]["destination"]["properties"]["deliveryAttributeMappings"] = json!([{ "name": "X-Key", "type": "Static", "properties": { "value": value, "isSecret": true } }]);
        body
    };
    let secret = async || {
        let row = world.row(home, "hook-1").await.expect("a row");
        let sealed = row.proposal.map_or(row.sealed, |proposal| proposal.sealed);
        let secrets = crate::changes::open(&world.service.vault, row.subscription.number, &sealed);
        let headers = secrets.expect("sealed for this subscription").headers;
        headers.get("X-Key").map(|value| value.expose().clone())
    };
    world.put(home, "hook-1", &with_secret("https://example.org/a", Some("hush"))).await.expect(201);
    world.confirm(home, "hook-1").await;
    world.put(home, "hook-1", &with_secret("https://example.org/b?x=1", None)).await.expect(201);
    assert_eq!(secret().await.as_deref(), Some("hush"), "a client that reads and writes back keeps it");
    world
        .put(home, "hook-1", &with_secret("https://evil.example/", None))
        .await
        .expect_error(400, "InvalidRequest");
    assert_eq!(secret().await.as_deref(), Some("hush"));
    world.put(home, "hook-1", &with_secret("https://evil.example/", Some("own"))).await.expect(201);
    assert_eq!(secret().await.as_deref(), Some("own"));
}

pub(crate) async fn a_resource_has_a_limit_of_them(store: TestStore, home: Home) {
    let world = World::with_limits(store, LimitSet::Acs).await;
    if home == Home::SystemTopic {
        world.put_topic("topic-1", "Main", "dev").await.expect(201);
    }
    world.put(home, "hook-0", &hook("https://example.org/")).await.expect(201);
    let first = world.row(home, "hook-0").await.expect("a row");
    let limit = SUBSCRIPTIONS_MAX.in_set(LimitSet::Acs).expect("ACS has a limit");
    // In small transactions: a busy machine takes its time.
    let numbers: Vec<u32> = (1..limit).collect();
    for some in numbers.chunks(50) {
        let (first, some) = (first.clone(), some.to_vec());
        let fill = move |tx: &mut trunkline_store::Tx<'_>| -> Result<(), trunkline_store::StoreError> {
            for number in &some {
                let mut row = first.clone();
                row.subscription.number = rows::bump_generation(tx)?;
                row.subscription.name = format!("hook-{number}");
                row.operation = None;
                rows::insert_subscription(tx, &row)?;
            }
            Ok(())
        };
        world.app.store.store().write(crate::changes::lock(), fill).await.expect("rows can be written");
    }
    let before = world.rows().await;
    let answer = world.put(home, "hook-next", &hook("https://example.org/")).await;
    answer.expect_error(400, "SubscriptionsPerResourceLimitExceeded");
    assert_eq!(world.rows().await, before);
    world.put(home, "hook-0", &hook("https://example.org/x")).await.expect(201);
    world.manage(home.changer(), Call::delete(home.at("hook-1", ""))).await.expect(200);
    world.put(home, "hook-next", &hook("https://example.org/")).await.expect(201);
}

pub(crate) async fn bad_names_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let before = world.rows().await;
    for name in BAD_NAMES.into_iter().chain([&*"x".repeat(65)]) {
        world.put(home, name, &hook("https://example.org/")).await.expect(400);
    }
    assert_eq!(world.rows().await, before);
    world.put(home, &"x".repeat(64), &hook("https://example.org/")).await.expect(201);
    assert!(world.row(home, &place(home, &"X".repeat(64)).name).await.is_some());
}

pub(crate) async fn contributors_may_make_one(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let call = Call::new("PUT", home.at("hook-1", "")).json(&hook("https://example.org/"));
    world.takes_managers_from("contributor", home == Home::Resource, &call).await;
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let put = |target: String| Call::new("PUT", target).json(&hook("https://example.org/"));
    world.refuses_wrong_homes(home, &put, &home.at("hook-1", "")).await;
    let body = Call::new("PUT", home.at("hook-1", "")).body("text/plain", "{}");
    world.manage("owner", body).await.expect_error(415, "UnsupportedMediaType");
}
