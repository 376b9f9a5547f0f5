//! `ResourceEventSubscriptions_Get`.

use std::time::Duration;

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{Home, SLICES, World, hook};
use super::deliveries_list::{attempt, log};
use super::operators::{path_of, web_hook};

on_both_engines!(SLICES;
    a_subscription_shows_how_its_deliveries_go,
    one_of_a_system_topic_is_asked_for_by_its_topic,
    readers_may_look,
);

async fn a_subscription_shows_how_its_deliveries_go(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    let status = async || world.look(path_of("HOOK", "")).await.expect(200).body["status"].clone();
    assert_eq!(status().await, json!({ "health": "unknown", "pending": 0 }));
    log(&world, "hook", &[attempt(&world, 1, trunkline_delivery::Outcome::Delivered)]).await;
    let at = world.now();
    let delivered = json!({ "at": at, "outcome": "Delivered", "status": 200 });
    assert_eq!(status().await, json!({ "health": "healthy", "pending": 0, "lastAttempt": delivered }));
    world.app.clock().advance(Duration::from_secs(1));
    log(&world, "hook", &[attempt(&world, 2, trunkline_delivery::Outcome::TimedOut)]).await;
    let failing = status().await;
    assert_eq!(
        (&failing["health"], &failing["lastAttempt"]["outcome"]),
        (&json!("failing"), &json!("TimedOut"))
    );
}

async fn one_of_a_system_topic_is_asked_for_by_its_topic(store: TestStore) {
    let world = World::at(store, Home::SystemTopic).await;
    world.put(Home::SystemTopic, "hook", &hook("https://app.example/")).await.expect(201);
    world.look(path_of("hook", "")).await.expect_error(404, "NotFound");
    let found = world.look(path_of("hook", "?systemTopic=Topic-1")).await.expect(200);
    assert_eq!(found.body["systemTopic"], "topic-1");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.subscribe("hook", &web_hook("https://app.example/")).await.expect(201);
    world.takes_operators_from("reader", &Call::get(path_of("hook", ""))).await;
    world.look(path_of("none", "")).await.expect_error(404, "NotFound");
    world.refuses_unknown_resources(&|target| Call::get(target), &path_of("hook", "")).await;
}
