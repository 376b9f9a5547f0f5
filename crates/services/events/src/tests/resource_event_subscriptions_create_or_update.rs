//! `ResourceEventSubscriptions_CreateOrUpdate`.

use serde_json::json;
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{BAD_NAMES, Home, SLICES, World};
use super::operators::{path_of, web_hook};

on_both_engines!(SLICES;
    a_subscription_is_made_and_waits_for_its_handshake,
    everything_that_can_be_said_is_shown_again,
    it_is_the_same_subscription_for_arm,
    what_needs_no_handshake_is_in_force_at_once,
    wrong_bodies_are_refused,
    a_resource_has_a_limit,
    contributors_may_change,
);

async fn a_subscription_is_made_and_waits_for_its_handshake(store: TestStore) {
    let world = World::new(store).await;
    let mut changes = world.changes();
    let answer =
        world.subscribe("Hook", &web_hook("https://app.example/hook?code=hunter2")).await.expect(201);
    let now = world.now();
    let expected = json!({
        "name": "Hook", "state": "Creating",
        "destination": { "webHook": {
            "url": "https://app.example/hook", "maxEventsPerBatch": 1, "preferredBatchSizeInKilobytes": 64,
            "headers": [],
        } },
        "filter": {
            "includedEventTypes": null, "subjectBeginsWith": "", "subjectEndsWith": "",
            "isSubjectCaseSensitive": false, "enableAdvancedFilteringOnArrays": false, "advancedFilters": [],
        },
        "schema": "EventGridSchema",
        "retry": { "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 },
        "labels": [], "createdOn": now, "lastModifiedOn": now,
    });
    assert_eq!(answer.body, expected);
    super::arm::woken(&mut changes).await;
    assert_eq!(
        world.rows().await,
        [1, 1, 0, 1, 1],
        "a subscription, its handshake, the job and the operation"
    );
    let (target, detail) =
        world.app.newest_audit("ResourceEventSubscriptions_CreateOrUpdate", "contributor", &answer).await;
    assert_eq!(target, "dev/Hook");
    assert!(!detail.to_string().contains("hunter2"), "{detail}");
    world.confirm(Home::Resource, "hook").await;
    let shown = world.look(path_of("hook", "")).await.expect(200);
    assert_eq!(shown.body["state"], "Succeeded");
}

async fn everything_that_can_be_said_is_shown_again(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({
        "destination": { "webHook": {
            "url": "https://app.example/", "maxEventsPerBatch": 10.0, "preferredBatchSizeInKilobytes": 128,
            "headers": [
                { "name": "X-Team", "value": "voice" },
                { "name": "X-Key", "value": "hunter2", "isSecret": true },
            ],
        } },
        "filter": {
            "includedEventTypes": ["microsoft.communication.smsreceived"], "subjectBeginsWith": "/a",
            "subjectEndsWith": "b", "isSubjectCaseSensitive": true, "enableAdvancedFilteringOnArrays": true,
            "advancedFilters": [{ "operatorType": "StringBeginsWith", "key": "data.from", "values": ["+49"] }],
        },
        "schema": "CloudEventSchemaV1_0",
        "retry": { "maxDeliveryAttempts": 5, "eventTimeToLiveInMinutes": 60 },
        "deadLetter": { "container": "lost" },
        "labels": ["a", "b"],
        "expiresOn": "2100-01-01T00:00:00Z",
    });
    let shown = world.subscribe("hook", &body).await.expect(201).body;
    assert_eq!(
        shown["destination"]["webHook"]["headers"],
        json!([
            { "name": "X-Team", "value": "voice", "isSecret": false },
            { "name": "X-Key", "isSecret": true },
        ])
    );
    assert_eq!(shown["destination"]["webHook"]["maxEventsPerBatch"], 10);
    assert_eq!(shown["destination"]["webHook"]["preferredBatchSizeInKilobytes"], 128);
    assert_eq!(shown["filter"]["includedEventTypes"], json!(["Microsoft.Communication.SMSReceived"]));
    for name in ["subjectBeginsWith", "subjectEndsWith", "isSubjectCaseSensitive", "advancedFilters"] {
        assert_eq!(shown["filter"][name], body["filter"][name], "{name}");
    }
    for name in ["schema", "retry", "deadLetter", "labels"] {
        assert_eq!(shown[name], body[name], "{name}");
    }
    assert!(shown["expiresOn"].as_str().is_some_and(|time| time.starts_with("2100-01-01")), "{shown}");
    let listed = world.look(super::operators::DEV.to_owned() + "/eventSubscriptions").await.expect(200);
    assert_eq!(listed.body["value"][0], shown, "lists show the same");
}

async fn it_is_the_same_subscription_for_arm(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/hook")).await;
    let by_arm = world.get(Home::Resource, "hook").await.expect(200);
    assert_eq!(
        by_arm.body["properties"]["destination"]["properties"]["endpointBaseUrl"],
        "https://app.example/hook"
    );
    world.active(Home::Resource, "of-arm", "https://app.example/other").await;
    assert_eq!(world.look(path_of("of-arm", "")).await.expect(200).body["state"], "Succeeded");
}

async fn what_needs_no_handshake_is_in_force_at_once(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/hook")).await;
    let mut body = web_hook("https://app.example/hook");
    body["labels"] = json!(["new"]);
    let answer = world.subscribe("hook", &body).await.expect(201);
    assert_eq!((&answer.body["state"], &answer.body["labels"]), (&json!("Succeeded"), &json!(["new"])));
    let moved = world.subscribe("hook", &web_hook("https://app.example/moved")).await.expect(201);
    assert_eq!(moved.body["state"], "Updating");
    assert_eq!(moved.body["destination"]["webHook"]["url"], "https://app.example/moved");
    world.refuse(Home::Resource, "hook", "The endpoint answered with status 404.").await;
    let back = world.look(path_of("hook", "")).await.expect(200).body;
    assert_eq!(back["state"], "Succeeded", "what was in force stays");
    assert_eq!(back["destination"]["webHook"]["url"], "https://app.example/hook");
    assert_eq!(back["failure"], "The endpoint answered with status 404.");
}

async fn wrong_bodies_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let url = "https://app.example/";
    let with = |name: &str, value: serde_json::Value| {
        let mut body = web_hook(url);
        body[name] = value;
        body
    };
    let header = |header: serde_json::Value| json!({ "destination": { "webHook": { "url": url, "headers": [header] } } });
    for (body, message) in [
        (json!({}), "destination"),
        (json!({ "destination": {} }), ""),
        (json!({ "destination": { "queue": {} } }), "queue"),
        (web_hook("http://app.example/"), "https://"),
        (web_hook("https://user:pass@app.example/"), "user name"),
        (json!({ "destination": { "nats": { "subject": "a.b" } } }), "events.nats.url"),
        (with("filter", json!({ "includedEventTypes": ["Microsoft.Other"] })), "Microsoft.Other"),
        (with("filter", json!({ "advancedFilters": [{ "operatorType": "Is", "key": "a" }] })), "Is"),
        (with("schema", json!("CustomInputSchema")), "CustomInputSchema"),
        (with("retry", json!({ "maxDeliveryAttempts": 31 })), "30"),
        (with("deadLetter", json!({ "container": "A" })), "3 to 63"),
        (with("expiresOn", json!("1970-01-01T00:00:00Z")), "future"),
        (with("colour", json!("red")), "colour"),
        (header(json!({ "name": "Host", "value": "x" })), "Host"),
        (header(json!({ "name": "X", "value": "x", "field": "data.from" })), "either"),
    ] {
        let refused = world.subscribe("hook", &body).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.body);
        let text = refused.body["error"]["message"].as_str().unwrap_or_default();
        assert!(text.contains(message), "{body}: {text}");
        assert!(!text.contains("pass@"), "{text}");
    }
    for name in BAD_NAMES {
        let refused = world.subscribe(name, &web_hook(url)).await;
        assert_eq!(refused.status, 400, "{name}: {}", refused.body);
    }
    assert_eq!(world.rows().await, [0; 5]);
    let put = |target: String| Call::new("PUT", target).json(&web_hook(url));
    world.refuses_unknown_resources(&put, &path_of("hook", "")).await;
}

async fn a_resource_has_a_limit(store: TestStore) {
    let world = World::with_limits(store, LimitSet::Acs).await;
    for number in 0..500 {
        world.subscribe(&format!("hook-{number}"), &web_hook("https://app.example/")).await.expect(201);
    }
    let refused = world.subscribe("hook-500", &web_hook("https://app.example/")).await;
    refused.expect_error(400, "SubscriptionsPerResourceLimitExceeded");
    world.subscribe("hook-0", &web_hook("https://app.example/again")).await.expect(201);
}

async fn contributors_may_change(store: TestStore) {
    let call = Call::new("PUT", path_of("hook", "")).json(&web_hook("https://app.example/"));
    World::new(store).await.takes_operators_from("contributor", &call).await;
}
