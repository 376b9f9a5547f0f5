//! The headers of a subscription's deliveries.

use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use crate::tests::arm::{Home, World, hook};

pub(crate) async fn contributors_see_them_without_secret_values(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let mut body = hook("https://example.org/");
    body["properties"]["destination"]["properties"]["deliveryAttributeMappings"] = json!([
        { "name": "X-One", "type": "Static", "properties": { "value": "shown" } },
        { "name": "X-Two", "type": "Static", "properties": { "value": "hush", "isSecret": true } },
        { "name": "X-Three", "type": "Dynamic", "properties": { "sourceField": "data.from" } },
    ]);
    world.put(home, "hook-1", &body).await.expect(201);
    let call = Call::post(home.at("hook-1", "/getDeliveryAttributes"));
    let answer = world.manage(home.changer(), call.clone()).await.expect(200);
    assert_eq!(
        answer.body,
        json!({ "value": [
            { "name": "X-One", "type": "Static", "properties": { "value": "shown", "isSecret": false } },
            { "name": "X-Two", "type": "Static", "properties": { "isSecret": true } },
            { "name": "X-Three", "type": "Dynamic", "properties": { "sourceField": "data.from" } },
        ] })
    );
    world.takes_managers_from("contributor", true, &call).await;
}

pub(crate) async fn unknown_ones_are_not_found(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let call = Call::post(home.at("hook-1", "/getDeliveryAttributes"));
    world.manage(home.changer(), call).await.expect_error(404, "ResourceNotFound");
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.refuses_wrong_homes(home, &Call::post, &home.at("hook-1", "/getDeliveryAttributes")).await;
}
