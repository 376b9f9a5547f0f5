//! The running job runner: how many at once, leases of what runs, jobs taken away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use trunkline_kernel::Clock as _;
use trunkline_store::jobs::steps;
use trunkline_store::{JobRunner, Key, NewJob, RetryPolicy, Store, StoreError};
use trunkline_tasks::Tasks;
use trunkline_testkit::{TestStore, on_both_engines};

on_both_engines!(&[];
    no_more_jobs_run_at_once_than_allowed,
    a_running_job_keeps_its_lease,
    a_job_that_was_removed_is_dropped_by_its_worker,
);

const KIND: &str = "demo";
const PATIENCE: Duration = Duration::from_secs(20);

async fn schedule(store: &Store, key: usize) {
    let due = store.clock().now();
    let schedule = move |tx: &mut trunkline_store::Tx<'_>| {
        let key = &key.to_string();
        tx.schedule(&NewJob { resource: "r", kind: KIND, key, payload: "", due })
    };
    store.write(Key::new("r", key), schedule).await.map_err(|failure: StoreError| failure).unwrap();
}

async fn no_more_jobs_run_at_once_than_allowed(test: TestStore) {
    for key in 0..6 {
        schedule(&test, key).await;
    }
    let gate = Arc::new(Semaphore::new(0));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (started, mut starts) = mpsc::unbounded_channel();
    let handler = {
        let (gate, running, most) = (Arc::clone(&gate), Arc::clone(&running), Arc::clone(&most));
        move |_| {
            let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            started.send(()).unwrap();
            async move {
                gate.acquire().await.unwrap().forget();
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        }
    };
    let runner =
        JobRunner::new(test.store().clone()).concurrency(2).handle(KIND, RetryPolicy::default(), handler);
    let tasks = Tasks::new();
    tasks.spawn("jobs", runner.run(tasks.shutdown()));
    for start in 0..6 {
        if start >= 2 {
            gate.add_permits(1);
        }
        assert_eq!(tokio::time::timeout(PATIENCE, starts.recv()).await, Ok(Some(())));
    }
    gate.add_permits(2);
    assert!(tasks.stop(PATIENCE).await);
    assert_eq!((most.load(Ordering::SeqCst), running.load(Ordering::SeqCst)), (2, 0));
    assert_eq!(steps::next_ready(&test, &[KIND]).await, Ok(None));
}

async fn a_running_job_keeps_its_lease(test: TestStore) {
    schedule(&test, 1).await;
    let gate = Arc::new(Semaphore::new(0));
    let (started, mut starts) = mpsc::unbounded_channel();
    let entered = Arc::clone(&gate);
    let handler = move |_| {
        let gate = Arc::clone(&entered);
        started.send(()).unwrap();
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(())
        }
    };
    let runner = JobRunner::new(test.store().clone()).handle(KIND, RetryPolicy::default(), handler);
    let tasks = Tasks::new();
    tasks.spawn("jobs", runner.run(tasks.shutdown()));
    assert_eq!(tokio::time::timeout(PATIENCE, starts.recv()).await, Ok(Some(())));
    for _ in 0..2 {
        test.clock().advance(steps::LEASE.checked_sub(Duration::from_secs(1)).unwrap());
        let end = test.clock().now().plus(steps::LEASE);
        let renewed = async { while steps::next_ready(&test, &[KIND]).await != Ok(Some(end)) {} };
        tokio::time::timeout(PATIENCE, renewed).await.unwrap();
    }
    gate.add_permits(1);
    assert!(tasks.stop(PATIENCE).await);
    assert!(starts.try_recv().is_err(), "it ran once");
    assert_eq!(steps::next_ready(&test, &[KIND]).await, Ok(None));
}

/// Says that the future it lives in was dropped.
struct Dropped(mpsc::UnboundedSender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send("dropped").unwrap();
    }
}

async fn a_job_that_was_removed_is_dropped_by_its_worker(test: TestStore) {
    schedule(&test, 1).await;
    let (sender, mut said) = mpsc::unbounded_channel();
    let handler = move |_| {
        let dropped = Dropped(sender.clone());
        sender.send("started").unwrap();
        async move {
            let _dropped = dropped;
            std::future::pending().await
        }
    };
    let runner = JobRunner::new(test.store().clone()).handle(KIND, RetryPolicy::default(), handler);
    let tasks = Tasks::new();
    tasks.spawn("jobs", runner.run(tasks.shutdown()));
    assert_eq!(tokio::time::timeout(PATIENCE, said.recv()).await, Ok(Some("started")));
    assert_eq!(test.write(Key::new("r", 1), |tx| tx.unschedule(KIND, "1")).await, Ok(true));
    assert_eq!(tokio::time::timeout(PATIENCE, said.recv()).await, Ok(Some("dropped")));
    assert!(tasks.stop(PATIENCE).await);
    assert_eq!(steps::next_ready(&test, &[KIND]).await, Ok(None));
}
