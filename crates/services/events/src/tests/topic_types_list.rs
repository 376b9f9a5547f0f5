//! `TopicTypes_List`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World, names, versioned};

on_both_engines!(SLICES; there_is_one, readers_may_look, wrong_places_are_refused);

const PATH: &str = "/providers/Microsoft.EventGrid/topicTypes";

async fn there_is_one(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader:1", Call::get(versioned(PATH))).await.expect(200);
    assert_eq!(names(&answer), ["Microsoft.Communication.CommunicationServices"]);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", false, &Call::get(versioned(PATH))).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    World::new(store).await.refuses_wrong_places(&Call::get, &versioned(PATH)).await;
}
