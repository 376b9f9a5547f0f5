//! What goes: history that is old, users and resources that are deleted.

use std::time::Duration;

use serde_json::json;
use trunkline_store::{StoreError, params};
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, raw_id};

on_both_engines!(SLICES;
    ended_calls_are_kept_for_their_days,
    a_deleted_user_leaves_calls_and_rows,
    a_deleted_resource_leaves_nothing,
);

/// Every text in the rows of calls.
async fn texts(world: &World) -> String {
    let read: Result<String, StoreError> = world
        .app
        .store
        .read(|tx| {
            let mut all = String::new();
            for sql in [
                "SELECT raw_id, name, agent FROM calling_legs",
                "SELECT started_by_raw, custom_context, id FROM calling_calls",
            ] {
                for row in tx.query_all(sql, params![])? {
                    all.push_str(&format!("{:?}", row.values()));
                }
            }
            Ok(all)
        })
        .await;
    read.expect("rows can be read")
}

async fn ended_calls_are_kept_for_their_days(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob, _) = world.pair().await;
    ada.ok("call.hangUp", json!({ "leg": "a-1" })).await;
    bob.until(|message| message["t"] == "leg.over").await;
    let days = world.calling.parts.settings.history;
    world.app.clock().advance(days);
    world.calling.purge().await.unwrap();
    assert_eq!((world.app.count("calling_calls").await, world.app.count("calling_legs").await), (1, 2));
    world.app.clock().advance(Duration::from_secs(1));
    world.calling.purge().await.unwrap();
    assert_eq!((world.app.count("calling_calls").await, world.app.count("calling_legs").await), (0, 0));
}

async fn a_deleted_user_leaves_calls_and_rows(store: TestStore) {
    let world = World::new(store).await;
    let (_ada, mut bob, _) = world.pair().await;
    let resource = world.resources.view("dev").id;
    world.calling.forget_user(resource, &raw_id(ADA)).await.unwrap();
    let over = bob.until(|message| message["t"] == "leg.over").await;
    assert_eq!(over["reason"]["code"], 0);
    // The end of the call is written after the person is gone from the rows, or before: neither brings them back.
    world.until(|world| world.metrics.calls.get() == 0).await;
    let texts = texts(&world).await;
    assert!(!texts.contains(&raw_id(ADA)) && !texts.contains("Ada"), "{texts}");
    assert!(texts.contains(&raw_id(BOB)) && texts.contains("Bob"), "{texts}");
}

async fn a_deleted_resource_leaves_nothing(store: TestStore) {
    let world = World::new(store).await;
    let (_ada, _bob, _) = world.pair().await;
    let resource = world.resources.view("dev").id;
    world
        .calling
        .forget_resource(resource, trunkline_kernel::Clock::now(&**world.app.clock()))
        .await
        .unwrap();
    assert_eq!(world.metrics.calls.get(), 0);
    assert_eq!((world.app.count("calling_calls").await, world.app.count("calling_legs").await), (0, 0));
    let mut again = world.connect(ADA).await;
    again.ok("call.start", json!({ "leg": "new", "to": ["8:echo123"] })).await;
    let long_ago = trunkline_kernel::Clock::now(&**world.app.clock()).minus(Duration::from_secs(1));
    world.calling.forget_resource(resource, long_ago).await.unwrap();
    assert_eq!(world.app.count("calling_calls").await, 1, "what came after the deletion stays");
}
