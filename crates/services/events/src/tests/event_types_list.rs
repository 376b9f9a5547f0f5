//! `EventTypes_List`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World};

on_both_engines!(SLICES; every_type_is_listed, readers_may_look);

const TARGET: &str = "/trunkline/eventTypes";

async fn every_type_is_listed(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.look(TARGET).await.expect(200);
    let value = answer.body["value"].as_array().expect("a list");
    let names: Vec<_> = value.iter().filter_map(|entry| entry["type"].as_str()).collect();
    let known: Vec<_> = trunkline_catalogue::EVENT_TYPES.iter().map(|known| known.name).collect();
    assert_eq!((names.len(), &names), (53, &known));
    assert!(value.iter().all(|entry| entry["summary"].as_str().is_some_and(|text| !text.is_empty())));
}

async fn readers_may_look(store: TestStore) {
    World::new(store).await.takes_operators_from("reader", &Call::get(TARGET)).await;
}
