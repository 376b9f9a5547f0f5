//! `Tenants_List`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, TENANT, World};

const TARGET: &str = "/tenants?api-version=2022-12-01";

on_both_engines!(SLICES; there_is_one, readers_may_look);

async fn there_is_one(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader:1", Call::get(TARGET)).await.expect(200);
    let one = json!({
        "id": format!("/tenants/{TENANT}"), "tenantId": TENANT, "displayName": "Trunkline",
        "tenantCategory": "Home",
    });
    assert_eq!(answer.body, json!({ "value": [one] }));
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(TARGET)).await;
}
