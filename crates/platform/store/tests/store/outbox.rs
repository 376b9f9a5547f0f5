//! The outbox: dense numbers, at least once, parked events, cleaning up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline_kernel::Clock as _;
use trunkline_store::outbox::steps;
use trunkline_store::{
    Delivery, Event, Job, JobRunner, Key, NewEvent, OutboxConsumer, RetryPolicy, Store, StoreError,
};
use trunkline_tasks::Tasks;
use trunkline_testkit::{TestStore, on_both_engines};

on_both_engines!(&[];
    numbers_are_dense_and_in_order_despite_rollbacks,
    numbers_go_on_after_a_restart,
    a_crash_before_the_cursor_moves_delivers_again,
    a_parked_event_holds_nothing_up_and_becomes_a_job,
    a_panicking_handler_parks,
    rows_go_when_every_consumer_has_passed,
    rows_go_at_a_stated_age,
    a_running_consumer_is_woken,
    two_workers_of_a_consumer_do_not_both_advance,
);

async fn emit(store: &Store, resource: &str, payload: &str, commits: bool) -> Result<(), StoreError> {
    let (resource, payload, now) = (resource.to_owned(), payload.to_owned(), store.clock().now());
    let key = Key::new(&resource, "x");
    let write = store.write(key, move |tx| {
        tx.emit(&NewEvent {
            resource: &resource,
            kind: "demo.happened",
            subject: "s",
            payload: &payload,
            now,
        })?;
        if commits { Ok(()) } else { Err(StoreError::Busy) }
    });
    write.await
}

type Seen = Arc<Mutex<Vec<Event>>>;

fn collect(seen: &Seen, event: Event) -> Delivery {
    seen.lock().unwrap().push(event);
    Delivery::Delivered
}

async fn read_all(consumer: &OutboxConsumer) -> Vec<Event> {
    let seen = Seen::default();
    let handler = |event| std::future::ready(collect(&seen, event));
    while consumer.look(&handler).await.unwrap() != trunkline_store::outbox::Look::Handled(0) {}
    std::mem::take(&mut *seen.lock().unwrap())
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.sequence).collect()
}

async fn numbers_are_dense_and_in_order_despite_rollbacks(test: TestStore) {
    let writes = (0..60).map(|index| {
        let store = test.store().clone();
        async move { emit(&store, &format!("r{}", index % 7), &index.to_string(), index % 3 != 0).await }
    });
    futures_util::future::join_all(writes).await;
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let events = read_all(&consumer).await;
    assert_eq!(numbers(&events), (1..=40).collect::<Vec<_>>());
    for resource in 0..7 {
        let own: Vec<u32> = events
            .iter()
            .filter(|event| event.resource == format!("r{resource}"))
            .map(|event| event.payload.parse().unwrap())
            .collect();
        assert!(own.is_sorted(), "{own:?}");
    }
}

async fn numbers_go_on_after_a_restart(mut test: TestStore) {
    emit(&test, "r", "1", true).await.unwrap();
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    assert_eq!(numbers(&read_all(&consumer).await), [1]);
    assert_eq!(steps::trim(&test, test.clock().now()).await, Ok(1));
    drop(consumer);
    test.restart().await;
    // The lease of the node that went away runs out.
    test.clock().advance(steps::LEASE);
    emit(&test, "r", "2", true).await.unwrap();
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let events = read_all(&consumer).await;
    assert_eq!(numbers(&events), [2]);
    assert_eq!(events[0].payload, "2");
    assert_eq!(events[0].kind, "demo.happened");
}

async fn a_crash_before_the_cursor_moves_delivers_again(test: TestStore) {
    emit(&test, "r", "1", true).await.unwrap();
    emit(&test, "r", "2", true).await.unwrap();
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let seen = Seen::default();
    {
        // The node dies in the handler of the second event: the future is dropped there.
        let handler = |event: Event| {
            let seen = Arc::clone(&seen);
            async move {
                let is_second = event.payload == "2";
                seen.lock().unwrap().push(event);
                if is_second { std::future::pending().await } else { Delivery::Delivered }
            }
        };
        let look = consumer.look(&handler);
        tokio::pin!(look);
        while seen.lock().unwrap().len() < 2 {
            let _ = futures_util::poll!(&mut look);
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(numbers(&seen.lock().unwrap()), [1, 2]);
    assert_eq!(numbers(&read_all(&consumer).await), [1, 2]);
    assert_eq!(numbers(&read_all(&consumer).await), [0; 0]);
}

async fn a_parked_event_holds_nothing_up_and_becomes_a_job(test: TestStore) {
    for payload in ["1", "bad", "3"] {
        emit(&test, "r", payload, true).await.unwrap();
    }
    let consumer = OutboxConsumer::register(test.store().clone(), "hooks").await.unwrap();
    let seen = Seen::default();
    let handler = |event: Event| {
        let seen = Arc::clone(&seen);
        async move {
            if event.payload == "bad" {
                return Delivery::Park { reason: "refused".to_owned() };
            }
            collect(&seen, event)
        }
    };
    consumer.look(&handler).await.unwrap();
    assert_eq!(numbers(&seen.lock().unwrap()), [1, 3]);
    let (parked, kind) = (Seen::default(), "outbox.hooks");
    assert_eq!(OutboxConsumer::parked_kind("hooks"), kind);
    let retried = Arc::clone(&parked);
    let runner =
        JobRunner::new(test.store().clone()).handle(kind, RetryPolicy::default(), move |job: Job| {
            let retried = Arc::clone(&retried);
            async move {
                retried.lock().unwrap().push(Event::from_parked(&job).unwrap());
                Ok(())
            }
        });
    assert_eq!(runner.run_due().await, Ok(1));
    assert_eq!(numbers(&parked.lock().unwrap()), [2]);
    assert_eq!(runner.run_due().await, Ok(0));
}

async fn a_panicking_handler_parks(test: TestStore) {
    emit(&test, "r", "1", true).await.unwrap();
    let consumer = OutboxConsumer::register(test.store().clone(), "hooks").await.unwrap();
    let handler = |_| async { panic!("expected in this test") };
    consumer.look(&handler).await.unwrap();
    let count =
        test.read(|tx| tx.query_one("SELECT count(*) FROM jobs WHERE kind = 'outbox.hooks'", &[])?.get(0));
    assert_eq!(count.await.map_err(|failure: StoreError| failure), Ok(1_i64));
    assert_eq!(numbers(&read_all(&consumer).await), [0; 0]);
}

async fn rows_go_when_every_consumer_has_passed(test: TestStore) {
    let fast = OutboxConsumer::register(test.store().clone(), "fast").await.unwrap();
    let slow = OutboxConsumer::register(test.store().clone(), "slow").await.unwrap();
    emit(&test, "r", "1", true).await.unwrap();
    read_all(&fast).await;
    assert_eq!(steps::trim(&test, test.clock().now()).await, Ok(0));
    read_all(&slow).await;
    assert_eq!(steps::trim(&test, test.clock().now()).await, Ok(1));
    emit(&test, "r", "2", true).await.unwrap();
    read_all(&fast).await;
    assert_eq!(steps::forget(&test, "slow").await, Ok(true));
    assert_eq!(steps::trim(&test, test.clock().now()).await, Ok(1));
}

async fn rows_go_at_a_stated_age(test: TestStore) {
    let _stuck = OutboxConsumer::register(test.store().clone(), "stuck").await.unwrap();
    emit(&test, "r", "1", true).await.unwrap();
    steps::number_committed(&test).await.unwrap();
    test.clock().advance(steps::KEPT_MAX);
    assert_eq!(steps::trim(&test, test.clock().now()).await, Ok(0));
    test.clock().advance(Duration::from_secs(1));
    assert_eq!(steps::trim(&test, test.clock().now()).await, Ok(1));
}

async fn a_running_consumer_is_woken(test: TestStore) {
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let tasks = Tasks::new();
    let shutdown = tasks.shutdown();
    tasks.spawn(
        "consumer",
        consumer.run(shutdown, move |event: Event| {
            let sender = sender.clone();
            async move {
                sender.send(event.payload).unwrap();
                Delivery::Delivered
            }
        }),
    );
    for payload in ["1", "2"] {
        emit(&test, "r", payload, true).await.unwrap();
        let received = tokio::time::timeout(Duration::from_secs(10), receiver.recv()).await;
        assert_eq!(received.unwrap().as_deref(), Some(payload));
    }
    assert!(tasks.stop(Duration::from_secs(5)).await);
}

async fn two_workers_of_a_consumer_do_not_both_advance(test: TestStore) {
    let first = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    let second = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    emit(&test, "r", "1", true).await.unwrap();
    // The second takes over in the middle of the first one's handler.
    let handler = |_| {
        let (second, test) = (&second, &test);
        async move {
            test.clock().advance(steps::LEASE);
            assert_eq!(numbers(&read_all(second).await), [1]);
            Delivery::Delivered
        }
    };
    assert_eq!(first.look(&handler).await, Err(StoreError::LeaseLost));
}
