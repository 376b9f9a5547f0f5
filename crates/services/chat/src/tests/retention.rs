//! Threads whose days are over delete themselves.

use std::time::Duration;

use trunkline_testkit::{TestStore, on_both_engines};

use super::world::{SLICES, World};
use crate::changes::{Change, ThreadUpdate};
use crate::error::ChatError;
use crate::rows::MessagesFrom;

on_both_engines!(SLICES;
    a_thread_deletes_itself_when_its_days_are_over,
    another_policy_is_another_day,
    without_a_policy_a_thread_stays,
    a_thread_deleted_by_hand_needs_no_policy,
);

const DAY: Duration = Duration::from_hours(24);

fn keep_for(days: Option<u32>) -> ThreadUpdate {
    ThreadUpdate { retention_days: Some(days), ..ThreadUpdate::default() }
}

async fn is_there(world: &World, id: &str) -> bool {
    match world.page(id, "ada", &MessagesFrom::default(), 10).await {
        Ok(_) => true,
        Err(ChatError::ThreadNotFound) => false,
        Err(other) => panic!("{other:?}"),
    }
}

async fn a_thread_deletes_itself_when_its_days_are_over(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread_kept_for("Lunch", &["ada", "ben"], Some(30)).await;
    world.send(&thread.id, "ada", "hello").await;
    world.test.clock().advance((DAY * 30).saturating_sub(Duration::from_secs(1)));
    world.run_jobs().await;
    assert!(is_there(&world, &thread.id).await);
    world.test.clock().advance(Duration::from_secs(1));
    world.runner().run_due().await.expect("the retention job");
    assert!(!is_there(&world, &thread.id).await);
    let log = world.log(&thread, 3).await;
    assert!(matches!(&log[0].what, Change::ThreadDeleted { by: None, .. }), "{:?}", log[0].what);
    world.run_jobs().await;
    assert_eq!(world.count("chat_messages").await, 0);
    world.test.clock().advance(Duration::from_mins(1));
    world.run_jobs().await;
    assert_eq!(world.count("chat_threads WHERE topic <> ''").await, 0);
    assert_eq!(world.count("jobs").await, 0);
}

async fn another_policy_is_another_day(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread_kept_for("Lunch", &["ada"], Some(30)).await;
    world.update(&thread.id, "ada", keep_for(Some(60))).await;
    world.test.clock().advance(DAY * 59);
    world.run_jobs().await;
    assert!(is_there(&world, &thread.id).await);
    // A policy that is over already counts at once.
    world.update(&thread.id, "ada", keep_for(Some(40))).await;
    world.run_jobs().await;
    assert!(!is_there(&world, &thread.id).await);
}

async fn without_a_policy_a_thread_stays(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread_kept_for("Lunch", &["ada"], Some(30)).await;
    world.update(&thread.id, "ada", keep_for(None)).await;
    assert_eq!(world.count("jobs").await, 0);
    world.test.clock().advance(DAY * 1000);
    world.run_jobs().await;
    assert!(is_there(&world, &thread.id).await);
}

async fn a_thread_deleted_by_hand_needs_no_policy(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread_kept_for("Lunch", &["ada"], Some(30)).await;
    world.delete_thread(&thread.id, "ada").await;
    assert_eq!(world.count("jobs WHERE kind = 'chat.retention'").await, 0);
    world.run_jobs().await;
    assert!(!is_there(&world, &thread.id).await);
}
