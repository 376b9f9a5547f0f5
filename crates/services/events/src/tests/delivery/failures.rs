//! Endpoints that fail: they get their events later, and nobody else waits for them.

use std::time::Duration;

use trunkline_testkit::{TestStore, on_both_engines};

use super::fakes::{Behaviour, SLICES, Stage, numbered};
use crate::rows::{self, AttemptFilter};

on_both_engines!(SLICES;
    a_failed_delivery_is_tried_again,
    a_refused_event_is_not_tried_again,
    a_hanging_endpoint_delays_nobody,
    many_failures_become_rows_that_are_all_delivered,
);

async fn a_failed_delivery_is_tried_again(test: TestStore) {
    let stage = Stage::running(test).await;
    let number = stage.subscribe("hook").await;
    stage.hooks.set("hook", Behaviour::Answer(503));
    stage.publish(["one".to_owned()]).await;
    stage.hooks.wait_for("hook", 1).await;
    // The cursor does not wait for it: it is a row.
    stage.until_passed(1).await;
    assert_eq!(stage.waiting(number).await, 1);
    stage.hooks.set("hook", Behaviour::Answer(200));
    stage.clock.jump(Duration::from_secs(34));
    stage.hooks.wait_for("hook", 2).await;
    stage.until("the row goes", || async { stage.waiting(number).await == 0 }).await;
    let received = stage.hooks.received("hook");
    assert_eq!(received.len(), 2);
    assert_eq!(received[1].headers.get("aeg-delivery-count").unwrap(), "1");
    assert_eq!(received[0].events[0]["id"], received[1].events[0]["id"]);
    let filter = AttemptFilter { subscriptions: vec![number], is_failed: true, ..AttemptFilter::default() };
    let failed = stage.test.read(move |tx| rows::list_attempts(tx, &filter, 10)).await.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].outcome.as_str(), failed[0].status), ("Busy", Some(503)));
    assert!(failed[0].next.is_some());
}

async fn a_refused_event_is_not_tried_again(test: TestStore) {
    let stage = Stage::running(test).await;
    let number = stage.subscribe("hook").await;
    stage.hooks.set("hook", Behaviour::Answer(401));
    stage.publish(["one".to_owned()]).await;
    stage.hooks.wait_for("hook", 1).await;
    stage.until_passed(1).await;
    assert_eq!(stage.waiting(number).await, 0);
}

async fn a_hanging_endpoint_delays_nobody(test: TestStore) {
    let stage = Stage::running(test).await;
    let hanging = stage.subscribe("hanging").await;
    stage.subscribe("well").await;
    stage.hooks.set("hanging", Behaviour::Hang);
    stage.publish(numbered("a", 100)).await;
    stage.hooks.wait_for("well", 100).await;
    // After two seconds what hangs is parked, and the cursor goes on.
    stage.until_passed(100).await;
    assert_eq!(stage.waiting(hanging).await, 100);
}

async fn many_failures_become_rows_that_are_all_delivered(test: TestStore) {
    let stage = Stage::running(test).await;
    let number = stage.subscribe("hook").await;
    stage.hooks.set("hook", Behaviour::Refuse);
    stage.publish(numbered("a", 300)).await;
    stage.until_passed(300).await;
    assert_eq!(stage.waiting(number).await, 300);
    stage.hooks.set("hook", Behaviour::Answer(200));
    // The longest pause of a sick endpoint that refuses connections.
    stage.clock.jump(Duration::from_mins(6));
    stage.until("all rows go", || async { stage.waiting(number).await == 0 }).await;
    let mut subjects = stage.hooks.subjects("hook");
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 300);
}
