//! Endpoints that answer without agreeing: somebody may open the validation address.

use trunkline_testkit::{Behaviour, on_both_engines};

use super::*;
use crate::handshake::MANUAL_WAIT_MAX;

on_both_engines!(
    super::arm::SLICES;
    silence_waits_for_somebody_and_ends_after_five_minutes,
    cloud_events_wait_for_the_callback,
    an_endpoint_may_open_the_address_before_it_answers,
);

async fn silence_waits_for_somebody_and_ends_after_five_minutes(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Status(200)).await;
    let answer = world.subscribe(&sink).await;
    assert_eq!(world.run().await, 1);
    assert_eq!(world.state().await, Provisioning::AwaitingManualAction);
    assert_eq!(world.operation(&answer).await["status"], "InProgress");
    world.pass(MANUAL_WAIT_MAX.saturating_sub(Duration::from_secs(1)));
    assert_eq!((world.run().await, sink.count()), (0, 1), "it is asked once");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.run().await, 1);
    assert_eq!(world.state().await, Provisioning::Failed);
    let operation = world.operation(&answer).await;
    assert!(operation["error"]["message"].as_str().expect("a message").contains("5 minutes"), "{operation}");
    assert_eq!(world.left_over().await, [0, 0]);
    world.visit("GET", &sink).await.expect(410);
    assert_eq!(world.state().await, Provisioning::Failed);
}

async fn cloud_events_wait_for_the_callback(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Status(204)).await;
    let destination = arm::destination(&sink.url("/hook"));
    world.put(&json!({ "destination": destination, "eventDeliverySchema": "CloudEventSchemaV1_0" })).await;
    assert_eq!(world.run().await, 1);
    assert_eq!(world.state().await, Provisioning::AwaitingManualAction);
    world.visit("POST", &sink).await.expect(200);
    assert_eq!(world.state().await, Provisioning::Succeeded);
    assert_eq!(world.left_over().await, [0, 0]);
}

async fn an_endpoint_may_open_the_address_before_it_answers(store: TestStore) {
    let world = World::new(store).await;
    let sink = Sink::start(Behaviour::Hang).await;
    world.subscribe(&sink).await;
    let visiting = async {
        sink.wait_for(1).await;
        world.visit("GET", &sink).await.expect(200);
        assert_eq!(world.state().await, Provisioning::Succeeded);
        sink.release();
    };
    let (ran, ()) = tokio::join!(world.run(), visiting);
    assert_eq!(ran, 1);
    assert_eq!(world.state().await, Provisioning::Succeeded);
    assert_eq!((world.run().await, world.left_over().await), (0, [0, 0]));
}
