//! Nothing is lost when the process dies, and nothing comes twice when it stops in order.

use std::collections::BTreeSet;
use std::time::Duration;

use trunkline_testkit::{TestStore, on_both_engines};

use super::fakes::{Behaviour, SLICES, Stage, numbered};

on_both_engines!(SLICES;
    what_was_committed_before_a_crash_is_delivered_after_it,
    a_crash_in_the_middle_loses_nothing,
    a_stop_in_order_repeats_nothing,
);

async fn what_was_committed_before_a_crash_is_delivered_after_it(test: TestStore) {
    let mut stage = Stage::new(test).await;
    stage.subscribe("hook").await;
    stage.publish(numbered("a", 10)).await;
    stage.reopen().await;
    stage.hooks.wait_for("hook", 10).await;
    stage.until_passed(10).await;
    assert_eq!(stage.hooks.subjects("hook").len(), 10);
}

async fn a_crash_in_the_middle_loses_nothing(test: TestStore) {
    let mut stage = Stage::running(test).await;
    let number = stage.subscribe("hook").await;
    stage.subscribe("dead").await;
    stage.hooks.set("dead", Behaviour::Refuse);
    for round in 0..5 {
        stage.publish(numbered(&format!("round {round} "), 200)).await;
        stage.hooks.wait("some of them", |hooks| hooks.subjects("hook").len() > round * 200 + 50).await;
        stage.kill().await;
        stage.reopen().await;
    }
    let distinct = |subjects: Vec<String>| subjects.into_iter().collect::<BTreeSet<_>>().len();
    stage.hooks.wait("all of them", |hooks| distinct(hooks.subjects("hook")) == 1000).await;
    stage.until_passed(1000).await;
    // What was cut off in the middle of a request is a row that waits for its next attempt.
    stage.clock.jump(Duration::from_mins(1));
    stage.until("the rows go", || async { stage.waiting(number).await == 0 }).await;
    // The same event has the same id whenever it comes.
    let received = stage.hooks.received("hook");
    let ids: BTreeSet<_> =
        received.iter().flat_map(|one| &one.events).map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 1000);
}

async fn a_stop_in_order_repeats_nothing(test: TestStore) {
    let mut stage = Stage::running(test).await;
    stage.subscribe("hook").await;
    for round in 1..=3 {
        stage.publish(numbered(&format!("round {round} "), 100)).await;
        stage.hooks.wait("some of them", |hooks| hooks.subjects("hook").len() > round * 100 - 90).await;
        stage.stop().await;
        stage.reopen().await;
    }
    stage.hooks.wait_for("hook", 300).await;
    stage.until_passed(300).await;
    assert_eq!(stage.hooks.subjects("hook").len(), 300);
}
