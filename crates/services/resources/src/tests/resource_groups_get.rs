//! `ResourceGroups_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; a_group_is_shown, readers_may_look, unknown_groups_are_not_found);

async fn a_group_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let id = world.resources.subscription_id().await.expect("an id");
    let shown =
        world.manage("reader", Call::get(world.arm("/resourceGroups/DEFAULT").await)).await.expect(200);
    let expected = json!({
        "id": format!("/subscriptions/{id}/resourceGroups/default"), "name": "default", "location": "global",
        "type": "Microsoft.Resources/resourceGroups", "tags": {},
        "properties": { "provisioningState": "Succeeded" },
    });
    assert_eq!(shown.body, expected);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::get(world.arm("/resourcegroups/default").await);
    world.takes_managers_from("reader", &call).await;
    world.manage("owner:1", call).await.expect_error(403, "Forbidden");
}

async fn unknown_groups_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    for name in ["nowhere", "a%20b", "%00"] {
        let call = Call::get(world.arm(&format!("/resourcegroups/{name}")).await);
        let answer = world.manage("reader", call).await;
        assert!([400, 404].contains(&answer.status), "{}", answer.body);
    }
}
