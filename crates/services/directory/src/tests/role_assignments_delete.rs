//! `RoleAssignments_Delete`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ROLES, SLICES, World, text, woken};

on_both_engines!(SLICES; the_role_ends_at_once, unknown_ones_are_not_found, owners_may_take_away);

async fn the_role_ends_at_once(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    let given = world.role(&shop["clientId"], "reader", Some("dev")).await;
    world.role(&shop["clientId"], "owner", None).await;
    assert_eq!(world.grants(&shop["objectId"]).await.len(), 2);
    let mut changes = world.changes();
    let answer = world.delete(format!("{ROLES}/{}", text(&given["id"]))).await.expect(204);
    assert_eq!(world.grants(&shop["objectId"]).await, ["owner"]);
    woken(&mut changes).await;
    let audited = world.app.newest_audit("RoleAssignments_Delete", "owner", &answer).await;
    let detail = json!({ "principal": shop["objectId"], "role": "reader" });
    assert_eq!(audited, (text(&given["id"]), detail));
}

async fn unknown_ones_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    for id in ["x", "aaaaaaaa-0000-4000-8000-000000000001"] {
        world.delete(format!("{ROLES}/{id}")).await.expect_error(404, "NotFound");
    }
    world.nothing_changed([0; 4], 0).await;
}

async fn owners_may_take_away(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    let given = world.role(&shop["clientId"], "reader", None).await;
    let call = Call::delete(format!("{ROLES}/{}", text(&given["id"])));
    world.takes_operators_from("owner", &call).await;
}
