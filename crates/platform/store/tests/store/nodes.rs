//! Consumers of the outbox on several nodes, and tenants that share a pool or a queue.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use trunkline_kernel::Clock as _;
use trunkline_store::outbox::{Look, steps};
use trunkline_store::{Backend, Delivery, Event, Key, NewEvent, OutboxConsumer, Store, StoreError, Tx};
use trunkline_testkit::{TestStore, on_both_engines};

use super::engines::occupy;

on_both_engines!(&[];
    nothing_is_skipped_while_writers_and_a_consumer_run_together,
    one_resource_cannot_fill_the_queue_of_all,
);

const PATIENCE: Duration = Duration::from_secs(30);

fn emit(tx: &mut Tx<'_>, payload: &str) -> Result<(), StoreError> {
    let now = trunkline_kernel::Timestamp::EPOCH;
    tx.emit(&NewEvent { resource: "r", kind: "demo.happened", subject: "s", payload, now })
}

async fn emit_one(store: &Store, payload: &'static str) {
    store.write(Key::new("r", payload), move |tx| emit(tx, payload)).await.unwrap();
}

/// One look; returns what it came to and the events it handed out.
async fn look(consumer: &OutboxConsumer) -> (Result<Look, StoreError>, Vec<(u64, String)>) {
    let seen = Mutex::new(Vec::new());
    let handler = |event: Event| {
        seen.lock().unwrap().push((event.sequence, event.payload));
        std::future::ready(Delivery::Delivered)
    };
    let looked = consumer.look(&handler).await;
    (looked, seen.into_inner().unwrap())
}

async fn nothing_is_skipped_while_writers_and_a_consumer_run_together(test: TestStore) {
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let writes = (0..120).map(|index| {
        test.write(Key::new(format!("r{}", index % 9), index), move |tx| {
            emit(tx, &index.to_string())?;
            tx.query_one("SELECT 1", &[])?;
            emit(tx, &index.to_string())?;
            if index % 4 == 0 { Err(StoreError::Busy) } else { Ok(()) }
        })
    });
    let consume = async {
        let mut all = Vec::new();
        while all.len() < 180 {
            let (looked, mut events) = look(&consumer).await;
            assert!(matches!(looked, Ok(Look::Handled(_))), "{looked:?}");
            all.append(&mut events);
        }
        all
    };
    let (_, all) = tokio::time::timeout(PATIENCE, async {
        tokio::join!(futures_util::future::join_all(writes), consume)
    })
    .await
    .unwrap();
    let numbers: Vec<u64> = all.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=180).collect::<Vec<_>>());
    let mut payloads: Vec<u32> = all.iter().map(|(_, payload)| payload.parse().unwrap()).collect();
    payloads.sort_unstable();
    let expected = (0..120).filter(|index| index % 4 != 0).flat_map(|index| [index, index]);
    assert_eq!(payloads, expected.collect::<Vec<_>>());
}

async fn one_resource_cannot_fill_the_queue_of_all(mut test: TestStore) {
    let mut config = test.config().clone();
    config.bounds.writes_queued_per_resource_max = 1;
    test.restart_with(config).await;
    let release = occupy(&test, Key::new("loud", "a")).await;
    let write = |resource| test.write(Key::new(resource, "a"), |_| Ok::<_, StoreError>(()));
    let writes = futures_util::future::join_all([write("loud"), write("loud"), write("quiet")]);
    tokio::pin!(writes);
    assert!(futures_util::poll!(&mut writes).is_pending());
    drop(release);
    assert_eq!(writes.await, [Ok(()), Err(StoreError::Busy), Ok(())]);
    assert_eq!(test.metrics().refused_busy, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_commits_late_comes_later_and_is_not_skipped() {
    let test = TestStore::postgres(&[]).await;
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let (release, wait) = mpsc::channel::<()>();
    let (written, runs) = mpsc::channel();
    let wait = Mutex::new(wait);
    let slow = test.write(Key::new("r", "slow"), move |tx| {
        emit(tx, "slow")?;
        // Sends the event, and with it draws the lower id.
        tx.query_one("SELECT 1", &[])?;
        written.send(()).unwrap();
        let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(1));
        Ok::<_, StoreError>(())
    });
    let rest = async {
        tokio::task::spawn_blocking(move || runs.recv().unwrap()).await.unwrap();
        emit_one(&test, "fast").await;
        let (_, events) = look(&consumer).await;
        drop(release);
        events
    };
    let (slow, first) = tokio::join!(slow, rest);
    assert_eq!(slow, Ok(()));
    assert_eq!(first, [(1, "fast".to_owned())]);
    assert_eq!(look(&consumer).await.1, [(2, "slow".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_belongs_to_one_node_until_its_lease_ends() {
    let test = TestStore::postgres(&[]).await;
    let other = test.open_again(&[]).await.unwrap();
    let first = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let second = OutboxConsumer::register(other.clone(), "all").await.unwrap();
    emit_one(&test, "one").await;
    assert_eq!(look(&first).await, (Ok(Look::Handled(1)), vec![(1, "one".to_owned())]));
    emit_one(&other, "two").await;
    assert_eq!(look(&second).await, (Ok(Look::HeldElsewhere), Vec::new()));
    test.clock().advance(steps::LEASE.checked_sub(Duration::from_micros(1)).unwrap());
    assert_eq!(look(&second).await, (Ok(Look::HeldElsewhere), Vec::new()));
    test.clock().advance(Duration::from_micros(1));
    assert_eq!(look(&second).await, (Ok(Look::Handled(1)), vec![(2, "two".to_owned())]));
    assert_eq!(look(&first).await, (Ok(Look::HeldElsewhere), Vec::new()));
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_events_of_its_own_is_woken_by_another() {
    let test = TestStore::postgres(&[]).await;
    let other = test.open_again(&[]).await.unwrap();
    let mut wakes = other.wakes().subscribe("store.jobs");
    let due = test.clock().now();
    let woken = async {
        // Until the node listens it may miss some, so jobs are scheduled until one wakes it.
        loop {
            let schedule = move |tx: &mut Tx<'_>| {
                let job = trunkline_store::NewJob { resource: "r", kind: "demo", key: "a", payload: "", due };
                tx.schedule(&job)
            };
            test.write(Key::new("r", "a"), schedule).await.map_err(|failure: StoreError| failure).unwrap();
            let next = tokio::time::timeout(Duration::from_millis(100), wakes.next()).await;
            if matches!(next, Ok(Some(trunkline_store::Wake::Payload(_)))) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, woken).await.unwrap();
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_resource_cannot_hold_up_another_on_a_pool() {
    let mut test = TestStore::postgres(&[]).await;
    let mut config = test.config().clone();
    if let Backend::Postgres { connections, .. } = &mut config.backend {
        *connections = 1;
    }
    test.restart_with(config).await;
    let release = occupy(&test, Key::new("loud", "a")).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let write = |resource: &'static str, aggregate: usize| {
        let order = Arc::clone(&order);
        test.write(Key::new(resource, aggregate), move |_| {
            order.lock().unwrap().push(resource);
            Ok::<_, StoreError>(())
        })
    };
    let mut writes: Vec<_> = (0..20).map(|aggregate| write("loud", aggregate)).collect();
    writes.push(write("quiet", 0));
    let writes = futures_util::future::join_all(writes);
    tokio::pin!(writes);
    assert!(futures_util::poll!(&mut writes).is_pending());
    drop(release);
    assert!(writes.await.iter().all(Result::is_ok));
    let place = order.lock().unwrap().iter().position(|resource| *resource == "quiet");
    assert!(place.is_some_and(|place| place <= 1), "{place:?}");
}
