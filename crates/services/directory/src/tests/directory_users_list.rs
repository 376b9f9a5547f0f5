//! `DirectoryUsers_List`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, USERS, World};

on_both_engines!(SLICES; users_are_listed_by_name_in_pages, readers_may_list);

async fn users_are_listed_by_name_in_pages(store: TestStore) {
    let world = World::new(store).await;
    assert_eq!(world.get(USERS).await.expect(200).body, json!({ "value": [] }));
    for name in ["Cleo", "ada", "bea"] {
        world.user(name).await;
    }
    assert_eq!(world.walk(USERS, "userName").await, ["ada", "bea", "cleo"]);
    world.get(format!("{USERS}?maxPageSize=x")).await.expect_invalid("maxPageSize");
}

async fn readers_may_list(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(USERS)).await;
}
