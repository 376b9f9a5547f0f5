//! `CommunicationServices_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; a_resource_is_shown, readers_may_look, wrong_places_and_names_are_refused);

async fn a_resource_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let audited = world.app.audit_log().await.len();
    let shown = world.manage("reader:1", Call::get(world.service("dev", "").await)).await.expect(200);
    assert_eq!(shown.body["name"], "dev");
    assert_eq!(shown.body["properties"]["hostName"], "localhost");
    assert_eq!(shown.body["systemData"]["createdBy"], "owner");
    assert_eq!(shown.body["systemData"]["createdByType"], "User");
    // Literals and names in any case are the same resource.
    let other = world.service("DEV", "").await.to_uppercase().replace("?API-VERSION", "?api-version");
    let same = world.operate("reader", Call::get(other)).await.expect(200);
    assert_eq!(same.body, shown.body);
    assert_eq!(same.header("etag"), shown.header("etag"));
    assert_eq!(world.app.audit_log().await.len(), audited);
    assert_eq!(world.app.events().await.len(), 0);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(world.service("dev", "").await)).await;
}

async fn wrong_places_and_names_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_wrong_places("GET", "", &json!({})).await;
    let get = |target: String| world.manage("reader", Call::get(target));
    get(world.service("nobody", "").await).await.expect_error(404, "ResourceNotFound");
    // In another group than its own it is not there.
    world.put_group("rg").await.expect(201);
    get(world.service_in("rg", "dev", "").await).await.expect_error(404, "ResourceNotFound");
}
