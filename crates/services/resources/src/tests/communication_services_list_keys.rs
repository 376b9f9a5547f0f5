//! `CommunicationServices_ListKeys`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{RESOURCES, SLICES, World};

on_both_engines!(SLICES; keys_are_shown, owners_may_look, wrong_places_are_refused);

async fn keys_are_shown(store: TestStore) {
    let world = World::new(store).await;
    let audited = world.app.audit_log().await.len();
    let shown =
        world.manage("owner:1", Call::post(world.service("dev", "/listKeys").await)).await.expect(200);
    let own = world.operate("owner", Call::get(format!("{RESOURCES}/dev/keys"))).await.expect(200);
    assert_eq!(shown.body, own.body);
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!(world.app.audit_log().await.len(), audited);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn owners_may_look(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(world.service("dev", "/listKeys").await);
    world.operate("contributor", call.clone()).await.expect_error(403, "Forbidden");
    world.takes_managers_from("owner", &call).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_wrong_places("POST", "/listKeys", &json!({})).await;
    let nobody = Call::post(world.service("nobody", "/listKeys").await);
    world.manage("owner", nobody).await.expect_error(404, "ResourceNotFound");
}
