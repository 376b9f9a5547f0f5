//! `Subscriptions_ListLocations`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; there_is_one, readers_may_look);

async fn there_is_one(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader", Call::get(world.arm("/locations").await)).await.expect(200);
    assert_eq!(answer.body["value"][0]["name"], "global");
    let elsewhere = "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652/locations?api-version=2022-12-01";
    world.manage("reader", Call::get(elsewhere)).await.expect_error(404, "SubscriptionNotFound");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(world.arm("/locations").await)).await;
}
