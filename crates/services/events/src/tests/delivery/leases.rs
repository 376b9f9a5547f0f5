//! Of several nodes one delivers.

use std::sync::Arc;
use std::time::Duration;

use trunkline_store::outbox::steps;
use trunkline_tasks::Tasks;
use trunkline_testkit::TestStore;

use super::fakes::{SLICES, Stage, numbered};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_loses_its_lease_leaves_delivery_to_the_other() {
    let stage = Stage::running(TestStore::postgres(SLICES).await).await;
    stage.subscribe("hook").await;
    stage.publish(numbered("a", 10)).await;
    stage.hooks.wait_for("hook", 10).await;
    stage.until_passed(10).await;
    let (other, _store) = stage.another().await;
    // The first node was away for longer than its lease, in the eyes of the second.
    stage.test.clock().advance(steps::LEASE + Duration::from_secs(1));
    let taken = tokio::time::timeout(Duration::from_secs(20), async {
        while !other.reader.hold_lease().await.unwrap() {
            stage.test.clock().advance(steps::LEASE + Duration::from_secs(1));
        }
    });
    taken.await.unwrap();
    let tasks = Tasks::new();
    tasks.spawn("other", Arc::clone(&other).run(tasks.clone(), tasks.shutdown()));
    stage.publish(numbered("b", 10)).await;
    let all = |hooks: &super::fakes::Hooks| {
        let subjects = hooks.subjects("hook");
        numbered("b", 10).iter().all(|subject| subjects.contains(subject))
    };
    stage.hooks.wait("all of them", all).await;
    stage.until_passed(20).await;
    assert!(tasks.stop(Duration::from_secs(20)).await);
}
