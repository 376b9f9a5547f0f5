//! The statements of the service, where the flows above do not show them.

use std::time::Duration;

use trunkline_delivery::{
    Answer, AttemptRow, DeliveryKey, DueRow, EventFacts, LoadPhase, Phase, Position, SubscriptionKey,
};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Key, StoreError, Tx};
use trunkline_testkit::{TestStore, on_both_engines};
use uuid::Uuid;

use super::fakes::{RESOURCE, SLICES, Stage};
use crate::rows::{self, AttemptFilter, DuePage, HandshakeRow, Scope, SystemTopicRow};

on_both_engines!(SLICES;
    due_rows_come_in_pages,
    phases_are_read_apart,
    attempts_are_found_by_what_they_carried,
    the_log_is_kept_to_an_age_and_a_number,
    subscriptions_are_listed_in_pages,
    system_topics_are_one_per_resource,
    a_handshake_replaces_the_one_before,
);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn due_row(subscription: i64, sequence: u64, due: i64) -> (DeliveryKey, DueRow) {
    let position = Position { sequence, ordinal: 0 };
    let event = EventFacts { position, size_bytes: 100, published: at(1) };
    let key = DeliveryKey { subscription: SubscriptionKey(subscription), position };
    (key, DueRow { event, base: at(1), attempts: 2, due: at(due), last: None, phase: Phase::Waiting })
}

fn page(after: Option<(Timestamp, Position)>, due_through: i64, limit: usize) -> DuePage {
    DuePage {
        subscription: SubscriptionKey(1),
        phase: LoadPhase::Waiting,
        after,
        due_through: at(due_through),
        limit,
        bytes_max: 350,
    }
}

async fn due_rows_come_in_pages(test: TestStore) {
    let rows: Vec<_> = (1..=10).map(|sequence| due_row(1, sequence, 100 + sequence.cast_signed())).collect();
    let written = rows.clone();
    let write = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
        rows::upsert_pending(tx, &written)?;
        rows::upsert_pending(tx, &[due_row(2, 1, 0)])
    };
    test.write(Key::system("x"), write).await.unwrap();
    let load = |page: DuePage| test.read(move |tx| -> Result<_, StoreError> { rows::list_due(tx, &page) });
    // The third row would exceed the bytes.
    let (first, next) = load(page(None, 1000, 10)).await.unwrap();
    assert_eq!(first.iter().map(|row| row.event.position.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(next, Some(at(104)));
    assert_eq!(first[0], rows[0].1);
    let after = Some((first[2].due, first[2].event.position));
    let (second, next) = load(page(after, 105, 10)).await.unwrap();
    assert_eq!(second.iter().map(|row| row.event.position.sequence).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(next, Some(at(106)));
    let (last, next) =
        load(page(Some((at(109), Position { sequence: 9, ordinal: 0 })), 1000, 10)).await.unwrap();
    assert_eq!((last.len(), next), (1, None));
    let delete = test.write(Key::system("x"), move |tx| -> Result<u64, StoreError> {
        rows::delete_pending(tx, &[rows[0].0])?;
        rows::delete_pending_chunk(tx, 1, 5)
    });
    assert_eq!(delete.await, Ok(5));
    let mut arrears = test.read(rows::list_arrears).await.unwrap();
    arrears.sort_by_key(|one| one.subscription);
    assert_eq!(arrears.iter().map(|one| (one.subscription, one.rows)).collect::<Vec<_>>(), [(1, 4), (2, 1)]);
    assert_eq!(arrears[0].next_due, Some(at(107)));
}

async fn phases_are_read_apart(test: TestStore) {
    let mut dead = due_row(1, 5, 50);
    dead.1.phase =
        Phase::DeadLetter { reason: trunkline_delivery::DeadLetterReason::MaxDeliveryAttemptsExceeded };
    let expected = dead.1;
    let write = move |tx: &mut Tx<'_>| rows::upsert_pending(tx, &[due_row(1, 1, 1), dead]);
    test.write(Key::system("x"), write).await.map_err(|failure: StoreError| failure).unwrap();
    let mut page = page(None, 1000, 10);
    page.phase = LoadPhase::DeadLetter;
    let found = test.read(move |tx| -> Result<_, StoreError> { rows::list_due(tx, &page) }).await.unwrap();
    assert_eq!(found, (vec![expected], None));
}

fn attempt(subscription: i64, at_seconds: i64, sequences: &[u64], status: u16) -> AttemptRow {
    AttemptRow {
        subscription: SubscriptionKey(subscription),
        at: at(at_seconds),
        answer: Answer::of_status(status, Duration::from_millis(3)),
        tries: 1,
        deliveries: sequences.iter().map(|one| Position { sequence: *one, ordinal: 0 }).collect(),
        next: None,
        is_late: false,
    }
}

async fn attempts_are_found_by_what_they_carried(test: TestStore) {
    let attempts = [
        attempt(1, 10, &[1, 9], 200),
        attempt(1, 11, &[3], 503),
        attempt(2, 12, &[5], 200),
        attempt(3, 13, &[5], 200),
    ];
    let write = move |tx: &mut Tx<'_>| rows::insert_attempts(tx, &attempts);
    test.write(Key::system("x"), write).await.map_err(|failure: StoreError| failure).unwrap();
    let list = async |filter: AttemptFilter| {
        let found: Result<_, StoreError> = test.read(move |tx| rows::list_attempts(tx, &filter, 10)).await;
        found.unwrap().iter().map(|one| one.at.as_seconds()).collect::<Vec<_>>()
    };
    let of = || AttemptFilter { subscriptions: vec![1, 2], ..AttemptFilter::default() };
    assert_eq!(list(of()).await, [12, 11, 10]);
    // Five lies between one and nine, but was not in there.
    assert_eq!(list(AttemptFilter { sequence: Some(5), ..of() }).await, [12]);
    assert_eq!(list(AttemptFilter { sequence: Some(9), ..of() }).await, [10]);
    assert_eq!(list(AttemptFilter { is_failed: true, ..of() }).await, [11]);
    assert_eq!(list(AttemptFilter { outcome: Some("Delivered".to_owned()), ..of() }).await, [12, 10]);
    assert_eq!(list(AttemptFilter { from: Some(at(11)), to: Some(at(12)), ..of() }).await, [11]);
    assert_eq!(list(AttemptFilter { before: Some((at(11), 2)), ..of() }).await, [10]);
}

async fn the_log_is_kept_to_an_age_and_a_number(test: TestStore) {
    let attempts: Vec<_> = (1..=10).map(|second| attempt(1, second, &[1], 200)).collect();
    let write = move |tx: &mut Tx<'_>| rows::insert_attempts(tx, &attempts);
    test.write(Key::system("x"), write).await.map_err(|failure: StoreError| failure).unwrap();
    let purge = |oldest, rows_max| {
        test.write(Key::system("x"), move |tx| -> Result<u64, StoreError> {
            rows::purge_attempts(tx, at(oldest), rows_max, 100)
        })
    };
    assert_eq!(purge(4, 100).await, Ok(3));
    assert_eq!(purge(0, 2).await, Ok(5));
    assert_eq!(purge(0, 2).await, Ok(0));
}

async fn subscriptions_are_listed_in_pages(test: TestStore) {
    let stage = Stage::new(test).await;
    for name in ["Bb", "aa", "cc"] {
        stage.subscribe(name).await;
    }
    let list = async |after: Option<rows::PageKey>, limit| {
        let read = move |tx: &mut Tx<'_>| rows::list_subscriptions(tx, Scope::All, after.as_ref(), limit);
        let found: Result<Vec<_>, StoreError> = stage.test.read(read).await;
        found.unwrap()
    };
    let names = |rows: &[rows::SubscriptionRow]| {
        rows.iter().map(|row| row.subscription.name.clone()).collect::<Vec<_>>()
    };
    let first = list(None, 2).await;
    assert_eq!(names(&first), ["aa", "Bb"]);
    assert_eq!(names(&list(first.last().map(rows::SubscriptionRow::page_key), 2).await), ["cc"]);
    let other = ResourceId(Uuid::from_u128(8));
    let scoped = stage.test.read(move |tx| -> Result<_, StoreError> {
        Ok((
            rows::list_subscriptions(tx, Scope::Resource(RESOURCE), None, 10)?.len(),
            rows::list_subscriptions(tx, Scope::Resource(other), None, 10)?.len(),
            rows::list_subscriptions(tx, Scope::SystemTopic(RESOURCE, "t"), None, 10)?.len(),
            rows::count_subscriptions(tx, RESOURCE)?,
            rows::find_subscription(tx, RESOURCE, None, "BB")?.is_some(),
        ))
    });
    assert_eq!(scoped.await, Ok((3, 0, 0, 3, true)));
}

async fn system_topics_are_one_per_resource(test: TestStore) {
    let topic = SystemTopicRow {
        group: "g".to_owned(),
        name: "t".to_owned(),
        shown_name: "T".to_owned(),
        resource: RESOURCE,
        location: "global".to_owned(),
        tags: "{}".to_owned(),
        identity: None,
        created_at: at(1),
    };
    let insert = |topic: SystemTopicRow| {
        test.write(Key::system("x"), move |tx| -> Result<(), StoreError> {
            rows::insert_system_topic(tx, &topic)
        })
    };
    insert(topic.clone()).await.unwrap();
    assert!(insert(SystemTopicRow { name: "u".to_owned(), ..topic.clone() }).await.is_err());
    let found = test.read(|tx| -> Result<_, StoreError> {
        Ok((
            rows::find_system_topic(tx, "G", "T")?.map(|topic| topic.shown_name),
            rows::find_system_topic_of(tx, RESOURCE)?.is_some(),
            rows::list_system_topics(tx, None, ("", ""), 10)?.len(),
            rows::list_system_topics(tx, Some("other"), ("", ""), 10)?.len(),
        ))
    });
    assert_eq!(found.await, Ok((Some("T".to_owned()), true, 1, 0)));
}

async fn a_handshake_replaces_the_one_before(test: TestStore) {
    let handshake =
        |code: &str| HandshakeRow { subscription: 1, code: code.to_owned(), attempts: 0, expires_at: at(9) };
    let (first, second) = (handshake("one"), handshake("two"));
    let expected = second.clone();
    let write = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
        rows::put_handshake(tx, &first)?;
        rows::put_handshake(tx, &second)?;
        Ok((rows::find_handshake(tx, 1)?, rows::delete_handshake(tx, 1)?, rows::find_handshake(tx, 1)?))
    };
    let seen = test.write(Key::system("x"), write).await;
    assert_eq!(seen, Ok((Some(expected), true, None)));
}
