//! `CommunicationServices_ListByResourceGroup`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::communication_services_list_by_subscription::names;
use super::harness::{SLICES, World};

on_both_engines!(SLICES; a_group_lists_its_own, readers_may_look, wrong_places_are_refused);

fn tail(group: &str) -> String {
    format!("/resourceGroups/{group}/providers/Microsoft.Communication/communicationServices")
}

async fn a_group_lists_its_own(store: TestStore) {
    let world = World::new(store).await;
    world.put_group("RG").await.expect(201);
    let body = json!({ "location": "global", "properties": { "dataLocation": "Europe" } });
    for name in ["b", "a"] {
        world.put("RG", name, &body).await.expect(201);
    }
    for (group, role, expected) in [
        ("rg", "reader", vec!["a", "b"]),
        ("default", "reader", vec!["dev", "other"]),
        ("default", "reader:2", vec!["other"]),
        ("RG", "reader:2", vec![]),
    ] {
        let answer = world.manage(role, Call::get(world.arm(&tail(group)).await)).await.expect(200);
        assert_eq!(names(&answer), expected, "{group} {role}");
    }
    let page = world.arm(&format!("{}?maxPageSize=1", tail("rg"))).await;
    let first = world.manage("reader", Call::get(page)).await.expect(200);
    let second = world.follow("reader", first.body["nextLink"].as_str().expect("a link")).await.expect(200);
    assert_eq!((names(&first), names(&second)), (vec!["a".to_owned()], vec!["b".to_owned()]));
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(world.arm(&tail("default")).await)).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let get = |target: String| world.manage("reader", Call::get(target));
    get(world.arm(&tail("nowhere")).await).await.expect_error(404, "ResourceGroupNotFound");
    let elsewhere = format!(
        "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652{}?api-version=2025-09-01",
        tail("default")
    );
    get(elsewhere).await.expect_error(404, "SubscriptionNotFound");
}
