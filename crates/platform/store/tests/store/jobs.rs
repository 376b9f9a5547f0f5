//! Jobs: due times, leases, retries, fencing, the runner.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use trunkline_kernel::{Clock as _, Timestamp};
use trunkline_store::jobs::steps;
use trunkline_store::{Job, JobFailure, JobRunner, Key, NewJob, RetryPolicy, Store, StoreError};
use trunkline_tasks::Tasks;
use trunkline_testkit::{TestStore, on_both_engines};

on_both_engines!(&[];
    a_job_is_claimed_when_it_is_due_and_only_once,
    the_longest_due_come_first,
    a_lease_that_runs_out_lets_another_worker_claim,
    a_renewed_lease_holds,
    a_lost_lease_fences_the_old_worker,
    rescheduling_replaces_and_fences,
    unscheduling_removes,
    a_failed_job_comes_back_after_a_pause,
    a_job_that_fails_too_often_is_set_aside_and_can_be_retried,
    a_final_failure_is_set_aside_at_once,
    a_panicking_handler_is_a_failure,
    a_handler_can_reschedule_its_own_job,
    a_job_ends_with_the_transaction_that_did_it,
    other_kinds_are_left_alone,
    a_running_runner_is_woken_and_drains,
    a_stopped_runner_gives_back_what_it_cannot_finish,
    claims_at_once_share_the_jobs,
);

const KIND: &str = "demo";

fn now(test: &TestStore) -> Timestamp {
    test.clock().now()
}

async fn schedule(store: &Store, key: &'static str, due: Timestamp) {
    let job = move |tx: &mut trunkline_store::Tx<'_>| {
        tx.schedule(&NewJob { resource: "r", kind: KIND, key, payload: "{}", due })
    };
    store.write(Key::new("r", key), job).await.unwrap();
}

async fn claim(test: &TestStore) -> Vec<Job> {
    steps::claim_due(test, &[KIND], now(test), 10).await.unwrap()
}

fn keys(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.key.as_str()).collect()
}

async fn count(store: &Store) -> i64 {
    let counted = store.read(|tx| tx.query_one("SELECT count(*) FROM jobs", &[])?.get(0)).await;
    counted.map_err(|failure: StoreError| failure).unwrap()
}

async fn a_job_is_claimed_when_it_is_due_and_only_once(test: TestStore) {
    let due = now(&test).plus(Duration::from_secs(10));
    schedule(&test, "a", due).await;
    assert_eq!(steps::next_ready(&test, &[KIND]).await, Ok(Some(due)));
    assert!(claim(&test).await.is_empty());
    test.clock().set(due);
    let jobs = claim(&test).await;
    assert_eq!(keys(&jobs), ["a"]);
    assert_eq!((jobs[0].attempt, jobs[0].due, jobs[0].resource.as_str()), (1, due, "r"));
    assert!(claim(&test).await.is_empty());
    assert_eq!(steps::finish(&test, &jobs[0]).await, Ok(true));
    assert_eq!(count(&test).await, 0);
    assert_eq!(steps::next_ready(&test, &[KIND]).await, Ok(None));
}

async fn the_longest_due_come_first(test: TestStore) {
    for (key, seconds) in [("c", 3), ("a", 1), ("b", 2)] {
        schedule(&test, key, now(&test).minus(Duration::from_secs(10 - seconds))).await;
    }
    let first = steps::claim_due(&test, &[KIND], now(&test), 2).await.unwrap();
    assert_eq!(keys(&first), ["a", "b"]);
    assert_eq!(keys(&claim(&test).await), ["c"]);
}

async fn a_lease_that_runs_out_lets_another_worker_claim(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    claim(&test).await;
    test.clock().advance(steps::LEASE.saturating_sub(Duration::from_micros(1)));
    assert!(claim(&test).await.is_empty());
    test.clock().advance(Duration::from_micros(1));
    assert_eq!(claim(&test).await[0].attempt, 2);
}

async fn a_renewed_lease_holds(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let job = claim(&test).await.remove(0);
    for _ in 0..5 {
        test.clock().advance(Duration::from_secs(3));
        assert_eq!(steps::renew(&test, &job, now(&test)).await, Ok(true));
        assert!(claim(&test).await.is_empty());
    }
}

async fn a_lost_lease_fences_the_old_worker(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let old = claim(&test).await.remove(0);
    test.clock().advance(steps::LEASE);
    let new = claim(&test).await.remove(0);
    assert_eq!(steps::renew(&test, &old, now(&test)).await, Ok(false));
    assert_eq!(steps::finish(&test, &old).await, Ok(false));
    let failure = JobFailure::Final { reason: "late".to_owned() };
    let failed = steps::fail(&test, &old, &failure, &RetryPolicy::default(), now(&test)).await;
    assert_eq!(failed, Ok(false));
    let late = test.write(Key::system("x"), move |tx| {
        tx.schedule(&NewJob { resource: "r", kind: "effect", key: "1", payload: "", due: Timestamp::EPOCH })?;
        tx.finish_job(&old)
    });
    assert_eq!(late.await, Err(StoreError::LeaseLost));
    assert_eq!(count(&test).await, 1, "the effect of the late worker was rolled back");
    assert_eq!(steps::finish(&test, &new).await, Ok(true));
}

async fn rescheduling_replaces_and_fences(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let old = claim(&test).await.remove(0);
    schedule(&test, "a", now(&test)).await;
    assert_eq!(steps::finish(&test, &old).await, Ok(false));
    let new = claim(&test).await.remove(0);
    assert_eq!(new.attempt, 1);
    assert_eq!(count(&test).await, 1);
}

async fn unscheduling_removes(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let job = claim(&test).await.remove(0);
    let remove = || test.write(Key::system("x"), |tx| tx.unschedule(KIND, "a"));
    assert_eq!(remove().await, Ok(true));
    assert_eq!(remove().await, Ok(false));
    assert_eq!(steps::finish(&test, &job).await, Ok(false));
    assert_eq!(count(&test).await, 0);
}

fn policy(attempts_max: u32) -> RetryPolicy {
    RetryPolicy { attempts_max, pause_first: Duration::from_secs(2), pause_last: Duration::from_mins(1) }
}

fn failing(test: &TestStore, attempts_max: u32) -> JobRunner {
    JobRunner::new(test.store().clone()).handle(KIND, policy(attempts_max), |_| async {
        Err(JobFailure::Retry { reason: "no route\0".to_owned() })
    })
}

async fn a_failed_job_comes_back_after_a_pause(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let runner = failing(&test, 5);
    assert_eq!(runner.run_due().await, Ok(1));
    assert_eq!(runner.run_due().await, Ok(0));
    let ready = steps::next_ready(&test, &[KIND]).await.unwrap().unwrap();
    let pause = ready.since(now(&test));
    assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(2), "{pause:?}");
    test.clock().set(ready);
    assert_eq!(runner.run_due().await, Ok(1));
    let next = steps::next_ready(&test, &[KIND]).await.unwrap().unwrap().since(now(&test));
    assert!(next >= Duration::from_secs(2) && next <= Duration::from_secs(4), "{next:?}");
}

async fn a_job_that_fails_too_often_is_set_aside_and_can_be_retried(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let runner = failing(&test, 2);
    for _ in 0..2 {
        assert_eq!(runner.run_due().await, Ok(1));
        test.clock().advance(Duration::from_mins(1));
    }
    assert_eq!(runner.run_due().await, Ok(0));
    let failed = test.read(|tx| steps::list_failed(tx, 10)).await.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].key.as_str(), failed[0].attempts), ("a", 2));
    assert_eq!(failed[0].last_error, "no route ");
    let at = now(&test);
    assert_eq!(
        test.write(Key::system("x"), move |tx| steps::retry_failed(tx, KIND, "a", at)).await,
        Ok(true)
    );
    assert_eq!(runner.run_due().await, Ok(1));
    assert_eq!(test.read(|tx| steps::list_failed(tx, 10)).await, Ok(Vec::new()));
}

async fn a_final_failure_is_set_aside_at_once(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let runner = JobRunner::new(test.store().clone())
        .handle(KIND, policy(5), |_| async { Err(JobFailure::Final { reason: "gone".to_owned() }) });
    assert_eq!(runner.run_due().await, Ok(1));
    assert_eq!(test.read(|tx| steps::list_failed(tx, 10)).await.unwrap().len(), 1);
}

async fn a_panicking_handler_is_a_failure(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let runner = JobRunner::new(test.store().clone())
        .handle(KIND, policy(1), |_| async { panic!("expected in this test") });
    assert_eq!(runner.run_due().await, Ok(1));
    let failed = test.read(|tx| steps::list_failed(tx, 10)).await.unwrap();
    assert_eq!(failed[0].last_error, "the handler panicked");
}

async fn a_handler_can_reschedule_its_own_job(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let store = test.store().clone();
    let later = now(&test).plus(Duration::from_hours(1));
    let runner = JobRunner::new(test.store().clone()).handle(KIND, policy(5), move |_| {
        let store = store.clone();
        async move {
            schedule(&store, "a", later).await;
            Ok(())
        }
    });
    assert_eq!(runner.run_due().await, Ok(1));
    assert_eq!(steps::next_ready(&test, &[KIND]).await, Ok(Some(later)));
}

async fn a_job_ends_with_the_transaction_that_did_it(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let store = test.store().clone();
    let runner = JobRunner::new(test.store().clone()).handle(KIND, policy(5), move |job: Job| {
        let store = store.clone();
        async move {
            store.write(Key::system("x"), move |tx| tx.finish_job(&job)).await?;
            Ok(())
        }
    });
    assert_eq!(runner.run_due().await, Ok(1));
    assert_eq!(count(&test).await, 0);
}

async fn other_kinds_are_left_alone(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    assert_eq!(steps::claim_due(&test, &["other", "third"], now(&test), 10).await, Ok(Vec::new()));
    assert_eq!(steps::claim_due(&test, &[], now(&test), 10).await, Ok(Vec::new()));
    assert_eq!(steps::next_ready(&test, &["other"]).await, Ok(None));
}

async fn a_running_runner_is_woken_and_drains(test: TestStore) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let runner =
        JobRunner::new(test.store().clone()).concurrency(2).handle(KIND, policy(5), move |job: Job| {
            let sender = sender.clone();
            async move {
                sender.send(job.key).unwrap();
                Ok(())
            }
        });
    let tasks = Tasks::new();
    tasks.spawn("jobs", runner.run(tasks.shutdown()));
    for key in ["a", "b", "c"] {
        schedule(&test, key, now(&test)).await;
        let received = tokio::time::timeout(Duration::from_secs(10), receiver.recv()).await;
        assert_eq!(received.unwrap().as_deref(), Some(key));
    }
    assert!(tasks.stop(Duration::from_secs(8)).await);
    assert_eq!(count(&test).await, 0);
}

async fn a_stopped_runner_gives_back_what_it_cannot_finish(test: TestStore) {
    schedule(&test, "a", now(&test)).await;
    let started = Arc::new(tokio::sync::Notify::new());
    let notify = Arc::clone(&started);
    let runner = JobRunner::new(test.store().clone()).drain_patience(Duration::from_millis(50)).handle(
        KIND,
        policy(5),
        move |_| {
            let notify = Arc::clone(&notify);
            async move {
                notify.notify_one();
                std::future::pending().await
            }
        },
    );
    let tasks = Tasks::new();
    tasks.spawn("jobs", runner.run(tasks.shutdown()));
    started.notified().await;
    assert!(tasks.stop(Duration::from_secs(8)).await);
    let again = claim(&test).await;
    assert_eq!(keys(&again), ["a"]);
    assert_eq!(again[0].attempt, 1, "the attempt that was cut off does not count");
}

async fn claims_at_once_share_the_jobs(test: TestStore) {
    for key in ["a", "b", "c", "d", "e", "f"] {
        schedule(&test, key, now(&test)).await;
    }
    let total = AtomicU32::new(0);
    let claims = (0..8).map(|_| async {
        let jobs = steps::claim_due(&test, &[KIND], now(&test), 2).await.unwrap();
        total.fetch_add(u32::try_from(jobs.len()).unwrap(), Ordering::SeqCst);
    });
    futures_util::future::join_all(claims).await;
    assert_eq!(total.load(Ordering::SeqCst), 6);
}
