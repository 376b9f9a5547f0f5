//! `Operations_List`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

const TARGET: &str = "/providers/Microsoft.Communication/operations?api-version=2025-09-01";

on_both_engines!(SLICES; operations_are_listed_by_the_names_of_arms_roles, readers_may_look);

async fn operations_are_listed_by_the_names_of_arms_roles(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader:1", Call::get(TARGET)).await.expect(200);
    let listed = answer.body["value"].as_array().expect("a list");
    assert!(listed.iter().any(|entry| entry["name"] == "Microsoft.Communication/CommunicationServices/read"));
    for entry in listed {
        assert_eq!(entry["isDataAction"], false);
        for field in ["provider", "resource", "operation", "description"] {
            assert!(entry["display"][field].is_string());
        }
    }
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(TARGET)).await;
}
