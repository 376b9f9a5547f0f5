//! `Resources_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{RESOURCES, SLICES, World};

on_both_engines!(SLICES; a_resource_is_shown, readers_may_look, unknown_resources_are_not_found);

async fn a_resource_is_shown(store: TestStore) {
    let world = World::empty(store);
    let created = world.create("dev", &json!({ "tags": { "a": "b" } })).await.expect(201);
    for name in ["dev", "DEV", "d%65v"] {
        let shown = world.operate("reader", Call::get(format!("{RESOURCES}/{name}"))).await.expect(200);
        assert_eq!(shown.body, created.body);
    }
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(format!("{RESOURCES}/dev"))).await;
}

async fn unknown_resources_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let get = |name: &str| world.operate("reader", Call::get(format!("{RESOURCES}/{name}")));
    assert_eq!(get("nobody").await.expect_error(404, "NotFound").body["error"]["target"], "name");
    get("no_name").await.expect_invalid("name");
}
