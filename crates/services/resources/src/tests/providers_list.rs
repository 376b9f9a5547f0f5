//! `Providers_List`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; providers_are_listed, readers_may_look);

async fn providers_are_listed(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader", Call::get(world.arm("/providers").await)).await.expect(200);
    let namespaces: Vec<&str> = answer.body["value"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|provider| provider["namespace"].as_str())
        .collect();
    assert_eq!(namespaces, ["Microsoft.Communication", "Microsoft.EventGrid", "Microsoft.Resources"]);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", &Call::get(world.arm("/providers").await)).await;
}
