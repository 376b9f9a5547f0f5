//! `EventSubscriptionValidation_ConfirmByPost`: the callback of CloudEvents' abuse protection. What it shares with
//! the GET is tested there.

use serde_json::json;
use trunkline_testkit::{Behaviour, Call, Sink, TestStore, on_both_engines};

use super::arm;
use super::handshakes::{World, validation_path};
use crate::model::Provisioning;

on_both_engines!(super::super::arm::SLICES; the_callback_needs_no_body_and_takes_any);

async fn the_callback_needs_no_body_and_takes_any(store: TestStore) {
    let world = World::new(store).await;
    for body in [None, Some(json!({ "allowed": true }))] {
        let sink = Sink::start(Behaviour::Status(200)).await;
        let destination = arm::destination(&sink.url("/hook"));
        world
            .put(&json!({ "destination": destination, "eventDeliverySchema": "CloudEventSchemaV1_0" }))
            .await;
        world.run().await;
        assert_eq!(world.state().await, Provisioning::AwaitingManualAction);
        let call = Call::new("POST", validation_path(&sink));
        let call = match &body {
            Some(body) => call.json(body),
            None => call,
        };
        world.app.call(call).await.expect(200);
        assert_eq!(world.state().await, Provisioning::Succeeded);
    }
}
