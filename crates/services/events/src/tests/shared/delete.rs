//! Deleting a subscription.

use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use crate::tests::arm::{Home, World, hook, woken};

pub(crate) async fn it_is_gone_at_once(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let put = world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    let number = world.row(home, "hook-1").await.expect("a row").subscription.number;
    let mut changes = world.changes();
    let answer = world.manage(home.changer(), Call::delete(home.at("HOOK-1", ""))).await.expect(200);
    assert!(answer.bytes.is_empty());
    assert!(world.row(home, "hook-1").await.is_none());
    world.get(home, "hook-1").await.expect_error(404, "ResourceNotFound");
    assert_eq!(world.jobs().await, []);
    assert_eq!(world.app.count("events_handshakes").await, 0);
    assert_eq!(world.app.count("events_subscriptions").await, 1, "a tombstone tells whoever delivers");
    let status = world.follow("reader", put.header("azure-asyncoperation")).await.expect(200);
    assert_eq!(status.body["status"], "Failed");
    assert_eq!(status.body["error"]["code"], "Deleted");
    let (target, detail) = world.newest_of(&home.operation("Delete"), home.changer(), &answer).await;
    assert_eq!(target.to_lowercase(), "dev/hook-1");
    assert_eq!(detail, json!({ "number": number }));
    woken(&mut changes).await;
}

pub(crate) async fn its_name_is_free_again(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.active(home, "hook-1", "https://example.org/").await;
    let old = world.row(home, "hook-1").await.expect("a row").subscription.number;
    world.manage(home.changer(), Call::delete(home.at("hook-1", ""))).await.expect(200);
    let answer = world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    assert_eq!(answer.body["properties"]["provisioningState"], "Creating", "nobody has agreed to this one");
    assert_ne!(world.row(home, "hook-1").await.expect("a row").subscription.number, old);
}

pub(crate) async fn none_is_no_error(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    let (before, audited) = (world.rows().await, world.app.audit_log().await.len());
    world.manage(home.changer(), Call::delete(home.at("hook-1", ""))).await.expect(204);
    assert_eq!(world.rows().await, before);
    assert_eq!(world.app.audit_log().await.len(), audited);
}

pub(crate) async fn contributors_may_delete_one(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    let call = Call::delete(home.at("hook-1", ""));
    world.takes_managers_from("contributor", home == Home::Resource, &call).await;
}

pub(crate) async fn wrong_places_are_refused(store: TestStore, home: Home) {
    let world = World::at(store, home).await;
    world.put(home, "hook-1", &hook("https://example.org/")).await.expect(201);
    world.refuses_wrong_homes(home, &Call::delete, &home.at("hook-1", "")).await;
    assert!(world.row(home, "hook-1").await.is_some());
}
