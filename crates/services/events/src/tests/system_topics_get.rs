//! `SystemTopics_Get`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{Home, SLICES, World, topic_id, versioned};

on_both_engines!(SLICES; it_is_shown, unknown_ones_are_not_found, readers_may_look, wrong_places_are_refused);

async fn it_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let made = world.put_topic("topic-1", "Main", "dev").await.expect(201);
    let target = versioned(&topic_id("TOPIC-1"));
    let answer = world.manage("reader:1", Call::get(target)).await.expect(200);
    assert_eq!(answer.body, made.body);
}

async fn unknown_ones_are_not_found(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    let get = |path: String| world.manage("reader", Call::get(versioned(&path)));
    get(topic_id("topic-2")).await.expect_error(404, "ResourceNotFound");
    get(topic_id("topic-1").replace("Main", "Second")).await.expect_error(404, "ResourceNotFound");
    world.topics.remove(1);
    get(topic_id("topic-1")).await.expect_error(404, "ResourceNotFound");
}

async fn readers_may_look(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.takes_managers_from("reader", true, &Call::get(versioned(&topic_id("topic-1")))).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.refuses_wrong_places(&Call::get, &versioned(&topic_id("topic-1"))).await;
}
