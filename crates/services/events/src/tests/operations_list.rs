//! `Operations_List`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World, names, versioned};

on_both_engines!(SLICES; they_have_the_names_of_roles, readers_may_look, wrong_places_are_refused);

const PATH: &str = "/providers/Microsoft.EventGrid/operations";

async fn they_have_the_names_of_roles(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader", Call::get(versioned(PATH))).await.expect(200);
    let names = names(&answer);
    assert!(names.iter().all(|name| name.starts_with("Microsoft.EventGrid/")));
    assert!(names.contains(&"Microsoft.EventGrid/eventSubscriptions/write".to_owned()));
    assert_eq!(answer.body["value"][0]["display"]["provider"], "Event Grid");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", false, &Call::get(versioned(PATH))).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    World::new(store).await.refuses_wrong_places(&Call::get, &versioned(PATH)).await;
}
