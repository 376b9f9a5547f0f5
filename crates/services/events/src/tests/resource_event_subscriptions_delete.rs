//! `ResourceEventSubscriptions_Delete`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{Home, SLICES, World, hook, woken};
use super::operators::{path_of, web_hook};

on_both_engines!(SLICES;
    a_deleted_subscription_is_gone,
    one_of_a_system_topic_is_told_apart,
    contributors_may_delete,
);

async fn a_deleted_subscription_is_gone(store: TestStore) {
    let world = World::new(store).await;
    world.subscribe("hook", &web_hook("https://app.example/")).await.expect(201);
    let mut changes = world.changes();
    let answer = world.operate("contributor", Call::delete(path_of("Hook", ""))).await.expect(204);
    woken(&mut changes).await;
    world.app.newest_audit("ResourceEventSubscriptions_Delete", "contributor", &answer).await;
    world.look(path_of("hook", "")).await.expect_error(404, "NotFound");
    assert!(world.jobs().await.is_empty(), "the handshake is called off");
    let again = world.operate("contributor", Call::delete(path_of("hook", ""))).await;
    again.expect_error(404, "NotFound");
    world.subscribe("hook", &web_hook("https://app.example/")).await.expect(201);
}

async fn one_of_a_system_topic_is_told_apart(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.subscribe("hook", &web_hook("https://app.example/")).await.expect(201);
    world.put(Home::SystemTopic, "hook", &hook("https://app.example/")).await.expect(201);
    let of_topic = Call::delete(path_of("hook", "?systemTopic=topic-1"));
    world.operate("contributor", of_topic).await.expect(204);
    world.look(path_of("hook", "")).await.expect(200);
}

async fn contributors_may_delete(store: TestStore) {
    let world = World::new(store).await;
    world.subscribe("hook", &web_hook("https://app.example/")).await.expect(201);
    world.refuses_unknown_resources(&|target| Call::delete(target), &path_of("hook", "")).await;
    world.takes_operators_from("contributor", &Call::delete(path_of("hook", ""))).await;
}
