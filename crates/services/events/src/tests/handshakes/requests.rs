//! What endpoints are asked, and the answers that count.

use trunkline_testkit::{Behaviour, on_both_engines};

use super::*;

on_both_engines!(
    super::arm::SLICES;
    an_endpoint_that_returns_the_code_is_validated,
    cloud_events_ask_for_permission,
    headers_of_deliveries_are_sent_with_the_handshake,
    a_change_of_address_or_schema_asks_again,
);

async fn an_endpoint_that_returns_the_code_is_validated(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Agree).await;
    let answer = world.subscribe(&sink).await;
    assert_eq!(world.state().await, Provisioning::Creating);
    assert_eq!(world.operation(&answer).await["status"], "InProgress");
    assert_eq!(world.run().await, 1);

    assert_eq!(world.state().await, Provisioning::Succeeded);
    assert_eq!(world.operation(&answer).await["status"], "Succeeded");
    assert_eq!(world.left_over().await, [0, 0]);
    let received = sink.received();
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].method.as_str(), received[0].target.as_str()), ("POST", "/hook?code=s3cret"));
    assert_eq!(received[0].header("aeg-event-type"), "SubscriptionValidation");
    assert_eq!(received[0].header("aeg-subscription-name"), "HOOK-1");
    assert_eq!(received[0].header("user-agent"), crate::handshake::USER_AGENT);
    let body = received[0].json();
    assert_eq!(body[0]["topic"], arm::arm_id("Main", "dev"));
    assert_eq!(body[0]["subject"], "");
    assert_eq!(body[0]["eventType"], "Microsoft.EventGrid.SubscriptionValidationEvent");
    assert!(world.row().await.failure.is_none());
}

async fn cloud_events_ask_for_permission(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Agree).await;
    let destination = arm::destination(&sink.url("/hook"));
    world.put(&json!({ "destination": destination, "eventDeliverySchema": "CloudEventSchemaV1_0" })).await;
    assert_eq!(world.run().await, 1);
    assert_eq!(world.state().await, Provisioning::Succeeded);
    let received = sink.received();
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].method.as_str(), received[0].body.len()), ("OPTIONS", 0));
    assert_eq!(received[0].header("webhook-request-origin"), "eventgrid.azure.net");
    assert_eq!(received[0].header("webhook-request-rate"), "120");
}

async fn headers_of_deliveries_are_sent_with_the_handshake(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Agree).await;
    let mut destination = arm::destination(&sink.url("/hook"));
    destination["properties"]["deliveryAttributeMappings"] = json!([
        { "name": "X-Shop", "type": "Static", "properties": { "value": "berlin", "isSecret": false } },
        { "name": "Authorization", "type": "Static", "properties": { "value": "Bearer 7", "isSecret": true } },
        { "name": "X-Kind", "type": "Dynamic", "properties": { "sourceField": "subject" } },
    ]);
    world.put(&json!({ "destination": destination })).await;
    assert_eq!(world.run().await, 1);
    assert_eq!(world.state().await, Provisioning::Succeeded);
    let received = sink.received();
    assert_eq!(received[0].header("x-shop"), "berlin");
    assert_eq!(received[0].header("authorization"), "Bearer 7");
    assert_eq!(received[0].header("x-kind"), "", "there is no event it could be read from");
}

async fn a_change_of_address_or_schema_asks_again(store: TestStore) {
    let world = World::new(store).await;
    let (first, second) = (Sink::start(Behaviour::Agree).await, Sink::start(Behaviour::Agree).await);
    world.subscribe(&first).await;
    world.run().await;
    world.subscribe(&first).await;
    assert_eq!((world.run().await, first.count()), (0, 1), "nothing has changed");
    world.subscribe(&second).await;
    assert_eq!(world.state().await, Provisioning::Updating);
    assert_eq!((world.run().await, second.count()), (1, 1));
    assert_eq!(world.state().await, Provisioning::Succeeded);
    let destination = arm::destination(&second.url("/hook?code=s3cret"));
    world.put(&json!({ "destination": destination, "eventDeliverySchema": "CloudEventSchemaV1_0" })).await;
    assert_eq!((world.run().await, second.count()), (1, 2));
    assert_eq!(world.state().await, Provisioning::Succeeded);
}
