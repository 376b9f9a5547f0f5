//! `Subscriptions_Get`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, TENANT, World};

on_both_engines!(SLICES; it_is_shown, readers_may_look, others_are_not_found);

async fn it_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm("").await;
    let shown = world.manage("reader", Call::get(target.clone())).await.expect(200);
    assert_eq!(shown.body["tenantId"], TENANT.to_string());
    assert_eq!(shown.body["state"], "Enabled");
    let upper = target.replace("subscriptions", "Subscriptions");
    assert_eq!(world.operate("reader", Call::get(upper)).await.expect(200).body, shown.body);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(world.arm("").await)).await;
}

async fn others_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let get =
        |id: &str| world.manage("owner", Call::get(format!("/subscriptions/{id}?api-version=2022-12-01")));
    get("2dee53b4-368b-45b4-ab52-8493fb117652").await.expect_error(404, "SubscriptionNotFound");
    get("x").await.expect_error(400, "InvalidSubscriptionId");
}
