//! The outbox: dense numbers, at least once, parked events, cleaning up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline_kernel::Clock as _;
use trunkline_store::outbox::{OutboxReader, steps};
use trunkline_store::{
    Delivery, Event, Job, JobRunner, Keep, Key, NewEvent, OutboxConsumer, RetryPolicy, Store, StoreError,
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
    a_consumer_of_some_kinds_passes_the_others,
    young_rows_stay_within_a_number,
    a_holder_keeps_rows_and_may_go_back,
    a_reader_is_ahead_of_its_cursor,
    a_reader_that_was_overtaken_cannot_advance,
    a_reader_keeps_to_a_number_of_bytes,
    sequences_are_found_by_time,
);

async fn trim(test: &TestStore, keep: Keep) -> u64 {
    steps::trim(test, test.clock().now(), keep).await.unwrap().removed
}

async fn emit_kind(store: &Store, kind: &'static str, payload: &str) {
    let (payload, now) = (payload.to_owned(), store.clock().now());
    let write = store.write(Key::system("x"), move |tx| {
        tx.emit(&NewEvent { resource: "r", kind, subject: "s", payload: &payload, now })
    });
    write.await.map_err(|failure: StoreError| failure).unwrap();
}

async fn cursor(store: &Store, consumer: &'static str) -> u64 {
    store.read(move |tx| steps::cursor(tx, consumer)).await.unwrap()
}

async fn a_consumer_of_some_kinds_passes_the_others(test: TestStore) {
    for kind in ["a", "wanted", "b", "also", "c"] {
        emit_kind(&test, kind, "1").await;
    }
    let consumer = OutboxConsumer::register(test.store().clone(), "some").await.unwrap();
    let consumer = consumer.only(&["wanted", "also"]);
    let events = read_all(&consumer).await;
    assert_eq!(numbers(&events), [2, 4]);
    assert_eq!(cursor(&test, "some").await, 5);
}

async fn young_rows_stay_within_a_number(test: TestStore) {
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    for _ in 0..5 {
        emit(&test, "r", "1", true).await.unwrap();
        test.clock().advance(Duration::from_mins(1));
    }
    assert_eq!(read_all(&consumer).await.len(), 5);
    // Ages are 300, 240, 180, 120 and 60 seconds.
    let hour = Duration::from_hours(1);
    assert_eq!(trim(&test, Keep { age: hour, rows_max: 5 }).await, 0);
    assert_eq!(trim(&test, Keep { age: hour, rows_max: 4 }).await, 1);
    assert_eq!(trim(&test, Keep { age: Duration::from_secs(150), rows_max: 100 }).await, 2);
    assert_eq!(trim(&test, Keep::default()).await, 2);
}

async fn a_holder_keeps_rows_and_may_go_back(test: TestStore) {
    let consumer = OutboxConsumer::register(test.store().clone(), "all").await.unwrap();
    steps::register(&test, "holder").await.unwrap();
    for _ in 0..3 {
        emit(&test, "r", "1", true).await.unwrap();
    }
    read_all(&consumer).await;
    let hold = |sequence| test.write(Key::system("x"), move |tx| steps::hold_in(tx, "holder", sequence));
    hold(2).await.unwrap();
    hold(1).await.unwrap();
    assert_eq!(trim(&test, Keep::default()).await, 1);
    let kept = test
        .read(|tx| Ok((steps::find_event(tx, 1)?, steps::find_event(tx, 2)?.map(|event| event.sequence))));
    assert_eq!(kept.await.map_err(|failure: StoreError| failure), Ok((None, Some(2))));
}

async fn a_reader_is_ahead_of_its_cursor(test: TestStore) {
    let reader = OutboxReader::register(test.store().clone(), "ahead").await.unwrap();
    assert!(reader.hold_lease().await.unwrap());
    for payload in ["1", "2", "3"] {
        emit(&test, "r", payload, true).await.unwrap();
    }
    reader.number_committed().await.unwrap();
    let read = |position| {
        let reader = reader.clone();
        test.read(move |tx| reader.read_after(tx, position, 2, u64::MAX))
    };
    assert_eq!(numbers(&read(0).await.unwrap()), [1, 2]);
    assert_eq!(numbers(&read(2).await.unwrap()), [3]);
    assert_eq!(cursor(&test, "ahead").await, 0);
    let moving = reader.clone();
    let moved: Result<(), StoreError> =
        test.write(Key::system("x"), move |tx| moving.advance_in(tx, 0, 2)).await;
    assert_eq!(moved, Ok(()));
    assert_eq!(cursor(&test, "ahead").await, 2);
}

async fn a_reader_that_was_overtaken_cannot_advance(test: TestStore) {
    let first = OutboxReader::register(test.store().clone(), "one").await.unwrap();
    let second = OutboxReader::register(test.store().clone(), "one").await.unwrap();
    emit(&test, "r", "1", true).await.unwrap();
    assert!(first.hold_lease().await.unwrap());
    test.clock().advance(steps::LEASE);
    assert!(second.hold_lease().await.unwrap());
    let move_on = |reader: OutboxReader, from, to| {
        test.write(Key::system("x"), move |tx| -> Result<(), StoreError> { reader.advance_in(tx, from, to) })
    };
    assert_eq!(move_on(second.clone(), 0, 1).await, Ok(()));
    assert_eq!(move_on(first.clone(), 0, 1).await, Err(StoreError::LeaseLost));
    assert_eq!(move_on(second, 1, 1).await, Ok(()));
    assert_eq!(cursor(&test, "one").await, 1);
}

async fn a_reader_keeps_to_a_number_of_bytes(test: TestStore) {
    let reader = OutboxReader::register(test.store().clone(), "all").await.unwrap();
    for payload in ["1234567", "123", "123", "12345678901"] {
        emit(&test, "r", payload, true).await.unwrap();
    }
    reader.number_committed().await.unwrap();
    let read = |position| {
        let reader = reader.clone();
        test.read(move |tx| reader.read_after(tx, position, 10, 10))
    };
    assert_eq!(numbers(&read(0).await.unwrap()), [1, 2]);
    assert_eq!(numbers(&read(2).await.unwrap()), [3]);
    // One that is larger than the bound comes alone.
    assert_eq!(numbers(&read(3).await.unwrap()), [4]);
}

async fn sequences_are_found_by_time(test: TestStore) {
    let start = test.clock().now();
    let find = |seconds| {
        let time = start.plus(Duration::from_secs(seconds));
        test.read(move |tx| -> Result<u64, StoreError> { steps::find_sequence_at(tx, time) })
    };
    assert_eq!(find(0).await, Ok(1));
    for _ in 0..5 {
        emit(&test, "r", "1", true).await.unwrap();
        test.clock().advance(Duration::from_secs(10));
    }
    steps::number_committed(&test).await.unwrap();
    assert_eq!(find(0).await, Ok(1));
    assert_eq!(find(10).await, Ok(2));
    assert_eq!(find(11).await, Ok(3));
    assert_eq!(find(40).await, Ok(5));
    assert_eq!(find(41).await, Ok(6));
}

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
    assert_eq!(trim(&test, Keep::default()).await, 1);
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
    assert_eq!(trim(&test, Keep::default()).await, 0);
    read_all(&slow).await;
    assert_eq!(trim(&test, Keep::default()).await, 1);
    emit(&test, "r", "2", true).await.unwrap();
    read_all(&fast).await;
    assert_eq!(steps::forget(&test, "slow").await, Ok(true));
    assert_eq!(trim(&test, Keep::default()).await, 1);
}

async fn rows_go_at_a_stated_age(test: TestStore) {
    let _stuck = OutboxConsumer::register(test.store().clone(), "stuck").await.unwrap();
    emit(&test, "r", "1", true).await.unwrap();
    steps::number_committed(&test).await.unwrap();
    test.clock().advance(steps::KEPT_MAX);
    assert_eq!(trim(&test, Keep::default()).await, 0);
    test.clock().advance(Duration::from_secs(1));
    assert_eq!(trim(&test, Keep::default()).await, 1);
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
