//! `ResourceGroups_List`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::communication_services_list_by_subscription::names;
use super::harness::{SLICES, World};

on_both_engines!(SLICES; groups_are_listed_by_page, readers_may_look);

async fn groups_are_listed_by_page(store: TestStore) {
    let world = World::new(store).await;
    let first = world.manage("reader", Call::get(world.arm("/resourcegroups").await)).await.expect(200);
    assert_eq!(names(&first), ["default"], "it is there from the start");
    for name in ["Zoo", "abc"] {
        world.put_group(name).await.expect(201);
    }
    let page =
        world.manage("reader", Call::get(world.arm("/resourcegroups?maxPageSize=2").await)).await.expect(200);
    let rest = world.follow("reader", page.body["nextLink"].as_str().expect("a link")).await.expect(200);
    assert_eq!((names(&page), names(&rest)), (vec!["abc".into(), "default".into()], vec!["Zoo".to_owned()]));
    // They belong to the installation.
    let none = world.manage("owner:1", Call::get(world.arm("/resourcegroups").await)).await.expect(200);
    assert_eq!(none.body, json!({ "value": [] }));
    let filtered = world.arm("/resourcegroups?$filter=tagName%20eq%20%27a%27").await;
    world.manage("reader", Call::get(filtered)).await.expect_invalid("$filter");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(world.arm("/resourceGroups").await)).await;
}
