//! A hundred thousand events that waited are delivered with the memory of a few thousand.

use trunkline_testkit::TestStore;

use super::fakes::{SLICES, Stage, numbered};
use crate::model::Destination;

const EVENTS: usize = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_drains_in_bounded_memory() {
    let mut stage = Stage::new(TestStore::sqlite(SLICES).await).await;
    let batching = |spec: &mut crate::model::Spec| {
        if let Destination::WebHook { max_events_per_batch, .. } = &mut spec.destination {
            *max_events_per_batch = 500;
        }
    };
    stage.subscribe_with("hook", batching).await;
    for chunk in 0..EVENTS / 1000 {
        stage.publish(numbered(&format!("{chunk} "), 1000)).await;
    }
    stage.start();
    let window = &stage.service.metrics.window_events;
    let mut largest = 0;
    let mut seen = 0;
    while seen < EVENTS {
        let wanted = (seen + 1).min(EVENTS);
        stage.hooks.wait("more of them", |hooks| hooks.count("hook") >= wanted).await;
        largest = largest.max(window.get());
        seen = stage.hooks.count("hook");
    }
    stage.until_passed(EVENTS as u64).await;
    assert_eq!(seen, EVENTS);
    assert!(largest <= i64::try_from(trunkline_delivery::WINDOW_EVENTS_MAX).unwrap(), "{largest}");
}
