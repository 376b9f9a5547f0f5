//! What becomes of a subscription when its endpoint agrees, does not, or when somebody changes it meanwhile.

use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use crate::changes::NEVER;
use crate::model::Provisioning;
use crate::tests::arm::{Home, World, hook};

fn status_of(answer: &trunkline_testkit::Answer) -> String {
    answer.header("azure-asyncoperation").to_owned()
}

pub(crate) async fn an_endpoint_that_agrees_makes_it_active(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let answer = world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.confirm(home, "hook-1").await;
    let polled = world.follow("reader", &status_of(&answer)).await.expect(200);
    assert_eq!(polled.body["status"], "Succeeded");
    assert!(polled.body["endTime"].is_string());
    assert_eq!(polled.header("retry-after"), "");
    let row = world.row(home, "hook-1").await.expect("a row");
    assert_eq!(row.subscription.state, Provisioning::Succeeded);
    assert_ne!(row.subscription.from_sequence, NEVER);
    assert_eq!((row.operation, row.failure), (None, None));
    assert_eq!(world.jobs().await, []);
    assert_eq!(world.app.count("events_handshakes").await, 0);
}

pub(crate) async fn an_endpoint_that_refuses_makes_a_new_one_fail(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let answer = world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.refuse(home, "hook-1", "The endpoint answered 404.").await;
    let polled = world.follow("reader", &status_of(&answer)).await.expect(200);
    assert_eq!(polled.body["status"], "Failed");
    assert_eq!(polled.body["error"]["code"], "Url validation");
    let message = polled.body["error"]["message"].as_str().expect("a message");
    assert!(message.contains("handshake failed") && message.contains("404"), "{message}");
    let shown = world.get(home, "hook-1").await.expect(200);
    assert_eq!(shown.body["properties"]["provisioningState"], "Failed");
    let row = world.row(home, "hook-1").await.expect("a row");
    assert_eq!(row.failure.as_deref(), Some("The endpoint answered 404."));
    assert_eq!(row.subscription.from_sequence, NEVER);
    assert_eq!(world.jobs().await, []);

    let again = world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    assert_eq!(again.body["properties"]["provisioningState"], "Creating", "it is asked once more");
    world.confirm(home, "hook-1").await;
    assert_eq!(world.row(home, "hook-1").await.expect("a row").failure, None);
}

pub(crate) async fn another_address_waits_while_the_old_one_stays(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/old").await;
    let before = world.row(home, "hook-1").await.expect("a row");
    let mut body = hook("https://example.org/new");
    body["properties"]["labels"] = json!(["new"]);
    let answer = world.put(home, "hook-1", &body).await.expect(201);
    let shown = &answer.body["properties"];
    assert_eq!(shown["provisioningState"], "Updating");
    assert_eq!(shown["destination"]["properties"]["endpointBaseUrl"], "https://example.org/new");
    let shown = world.get(home, "hook-1").await.expect(200).body;
    assert_eq!(shown["properties"]["provisioningState"], "Updating");
    assert_eq!(
        shown["properties"]["destination"]["properties"]["endpointBaseUrl"], "https://example.org/old",
        "in force until the new one agrees"
    );
    let row = world.row(home, "hook-1").await.expect("a row");
    assert_eq!(row.subscription.from_sequence, before.subscription.from_sequence);
    assert!(row.proposal.is_some());

    world.confirm(home, "hook-1").await;
    let row = world.row(home, "hook-1").await.expect("a row");
    assert!(row.proposal.is_none());
    assert_eq!(row.subscription.spec.labels, ["new"]);
    assert_eq!(row.subscription.state, Provisioning::Succeeded);
    assert_eq!(row.subscription.from_sequence, before.subscription.from_sequence, "what waited is sent");
    let url = Call::post(home.at("hook-1", "/getFullUrl"));
    let url = world.manage(home.changer(), url).await.expect(200);
    assert_eq!(url.body["endpointUrl"], "https://example.org/new");
    let polled = world.follow("reader", &status_of(&answer)).await.expect(200);
    assert_eq!(polled.body["status"], "Succeeded");
}

pub(crate) async fn a_change_that_is_refused_leaves_what_was(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/old").await;
    let answer = world.put(home, "hook-1", &hook("https://example.org/new")).await.expect(201);
    world.refuse(home, "hook-1", "Nobody answered.").await;
    let polled = world.follow("reader", &status_of(&answer)).await.expect(200);
    assert_eq!(polled.body["status"], "Failed");
    let shown = world.get(home, "hook-1").await.expect(200).body;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded");
    assert_eq!(
        shown["properties"]["destination"]["properties"]["endpointBaseUrl"],
        "https://example.org/old"
    );
    let row = world.row(home, "hook-1").await.expect("a row");
    assert!(row.proposal.is_none());
    assert_eq!(row.failure.as_deref(), Some("Nobody answered."));
}

pub(crate) async fn another_schema_is_agreed_on_too(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/").await;
    let mut body = hook("https://example.org/");
    body["properties"]["eventDeliverySchema"] = json!("CloudEventSchemaV1_0");
    let answer = world.put(home, "hook-1", &body).await.expect(201);
    assert_eq!(answer.body["properties"]["provisioningState"], "Updating");
    let (_, detail) = world.newest_of(&home.operation("CreateOrUpdate"), home.changer(), &answer).await;
    assert_eq!(detail["changed"], json!(["destination", "eventDeliverySchema"]));
}

pub(crate) async fn a_later_change_takes_the_place_of_one_that_waits(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/old").await;
    let first = world.put(home, "hook-1", &hook("https://example.org/first")).await.expect(201);
    let stale = world.code(home, "hook-1").await.expect("a handshake");
    let second = world.put(home, "hook-1", &hook("https://example.org/second")).await.expect(201);
    let polled = world.follow("reader", &status_of(&first)).await.expect(200);
    assert_eq!(
        (&polled.body["status"], &polled.body["error"]["code"]),
        (&json!("Failed"), &json!("Superseded"))
    );
    assert_eq!(world.jobs().await.len(), 1);
    assert_ne!(world.code(home, "hook-1").await, Some(stale.clone()));

    let number = world.row(home, "hook-1").await.expect("a row").subscription.number;
    let now = world.now();
    let late = move |tx: &mut trunkline_store::Tx<'_>| crate::changes::confirm(tx, number, &stale, now);
    let ended: Result<bool, crate::EventsError> =
        world.app.store.store().write(crate::changes::lock(), late).await;
    assert!(!ended.expect("rows can be written"), "the answer to the first handshake comes too late");

    world.confirm(home, "hook-1").await;
    let polled = world.follow("reader", &status_of(&second)).await.expect(200);
    assert_eq!(polled.body["status"], "Succeeded");
    let shown = world.get(home, "hook-1").await.expect(200).body;
    assert_eq!(
        shown["properties"]["destination"]["properties"]["endpointBaseUrl"],
        "https://example.org/second"
    );
}

pub(crate) async fn going_back_to_what_is_in_force_needs_no_handshake(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/old").await;
    world.put(home, "hook-1", &hook("https://example.org/new")).await.expect(201);
    let answer = world.put(home, "hook-1", &hook("https://example.org/old")).await.expect(201);
    assert_eq!(answer.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(status_of(&answer), "");
    assert_eq!(world.jobs().await, []);
    assert_eq!(world.app.count("events_handshakes").await, 0);
}

pub(crate) async fn a_person_can_agree_while_the_code_counts(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let answer = world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.await_manual_action(home, "hook-1").await;
    let shown = world.get(home, "hook-1").await.expect(200).body;
    assert_eq!(shown["properties"]["provisioningState"], "AwaitingManualAction");
    let polled = world.follow("reader", &status_of(&answer)).await.expect(200);
    assert_eq!(polled.body["status"], "InProgress");
    let (_, _, due) = world.jobs().await.remove(0);
    assert_eq!(due, world.now().plus(crate::handshake::MANUAL_WAIT_MAX), "the job looks again at the end");
    world.confirm(home, "hook-1").await;
    let polled = world.follow("reader", &status_of(&answer)).await.expect(200);
    assert_eq!(polled.body["status"], "Succeeded");
    assert_eq!(world.jobs().await, []);
}
