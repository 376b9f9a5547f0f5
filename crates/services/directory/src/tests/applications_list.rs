//! `Applications_List`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, World};

on_both_engines!(SLICES; applications_are_listed_by_name_in_pages, readers_may_list);

async fn applications_are_listed_by_name_in_pages(store: TestStore) {
    let world = World::new(store).await;
    assert_eq!(world.get(APPLICATIONS).await.expect(200).body, json!({ "value": [] }));
    for name in ["e", "b", "d", "a", "c"] {
        world.application(name).await;
    }
    assert_eq!(world.walk(APPLICATIONS, "name").await, ["a", "b", "c", "d", "e"]);
    let bad = format!("{APPLICATIONS}?maxPageSize=0");
    world.get(bad).await.expect_invalid("maxPageSize");
    let forged = format!("{APPLICATIONS}?continuationToken=ImEi.AAAA");
    world.get(forged).await.expect_invalid("continuationToken");
}

async fn readers_may_list(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(APPLICATIONS)).await;
}
