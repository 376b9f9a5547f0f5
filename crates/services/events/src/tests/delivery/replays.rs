//! A window of the past, once more.

use std::sync::Arc;

use trunkline_store::jobs::{JobRunner, RetryPolicy};
use trunkline_store::{Key, NewJob, StoreError, Tx};
use trunkline_testkit::{TestStore, on_both_engines};
use trunkline_web::long_running;

use super::fakes::{SLICES, Stage, numbered};
use crate::REPLAY_JOB;
use crate::api::replay::ReplayOrder;

on_both_engines!(SLICES;
    a_window_is_delivered_once_more,
);

async fn a_window_is_delivered_once_more(test: TestStore) {
    let stage = Stage::running(test).await;
    let number = stage.subscribe_with("hook", |spec| spec.filter.subject_begins_with = "a".to_owned()).await;
    stage.publish(numbered("a", 10)).await;
    stage.publish(numbered("b", 10)).await;
    stage.hooks.wait_for("hook", 10).await;
    stage.until_passed(20).await;
    let now = trunkline_kernel::Clock::now(stage.test.clock().as_ref());
    let order = serde_json::to_string(&ReplayOrder { subscription: number, after: 5, through: 15 }).unwrap();
    let schedule = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
        long_running::start(tx, "op", "replay", now)?;
        tx.schedule(&NewJob { resource: "r", kind: REPLAY_JOB, key: "op", payload: &order, due: now })
    };
    stage.test.write(Key::system("x"), schedule).await.unwrap();
    let service = Arc::clone(&stage.service);
    let runner =
        JobRunner::new(stage.test.store().clone()).handle(REPLAY_JOB, RetryPolicy::default(), move |job| {
            let service = Arc::clone(&service);
            async move { service.run_replay(&job).await }
        });
    assert_eq!(runner.run_due().await, Ok(1));
    let status = stage.test.read(|tx| long_running::find(tx, "op")).await.unwrap().unwrap();
    assert_eq!(status.status, long_running::Status::Succeeded);
    assert_eq!(status.result.unwrap()["events"], 5);
    stage.hooks.wait_for("hook", 15).await;
    stage.until("the rows go", || async { stage.waiting(number).await == 0 }).await;
    let again: Vec<_> = stage.hooks.subjects("hook").split_off(10);
    let mut again: Vec<_> = again.into_iter().collect();
    again.sort();
    assert_eq!(again, ["a5", "a6", "a7", "a8", "a9"]);
}
