//! The usage ledger, on both engines.

use std::sync::Arc;

use futures_util::future::join_all;
use trunkline_kernel::{Clock as _, Timestamp};
use trunkline_store::{Key, Slice, StoreError};
use trunkline_testkit::{FixedResources, TestStore, on_both_engines};
use trunkline_web::ResourceView;
use trunkline_web::usage::{self, Day, Filter, Line, MeterSum, Period, Position, Usage};

const SLICES: &[Slice] = &[trunkline_web::SLICE];

on_both_engines!(SLICES;
    writers_at_once_lose_nothing,
    a_transaction_that_fails_counts_nothing,
    days_end_at_midnight_of_utc,
    lists_go_on_where_a_page_ended,
    sums_never_wrap,
);

fn dev() -> Arc<ResourceView> {
    FixedResources::default().view("dev")
}

async fn count(store: &TestStore, key: usize, meter: &'static str, quantity: u32) -> Result<(), StoreError> {
    let (resource, now) = (dev(), store.clock().now());
    store
        .write(Key::new("dev", key), move |tx| {
            usage::record(tx, &Usage { resource: &resource, operation: "Op_Do", meter, quantity, now })
        })
        .await
}

async fn lines(store: &TestStore, period: Period, after: Position, limit: u32) -> Vec<Line> {
    let (from, to) = ("2026-01-01".parse::<Day>().expect("a day"), "2027-12-31".parse().expect("a day"));
    let filter = Filter { from, to, resource: "dev".to_owned(), period };
    let found: Result<_, StoreError> = store.read(move |tx| usage::list(tx, &filter, &after, limit)).await;
    found.expect("the ledger can be read")
}

async fn all(store: &TestStore, period: Period) -> Vec<(String, String, u64)> {
    let found = lines(store, period, Position::default(), 1000).await;
    found.into_iter().map(|line| (line.period, line.meter, line.quantity)).collect()
}

async fn writers_at_once_lose_nothing(store: TestStore) {
    // Keys of their own, so that on PostgreSQL the transactions run side by side.
    let written = join_all((0..200).map(|key| count(&store, key, "m", 3))).await;
    assert!(written.into_iter().all(|written| written.is_ok()));
    assert_eq!(all(&store, Period::Day).await, [("2026-11-21".to_owned(), "m".to_owned(), 600)]);
    let month = Day::of(store.clock().now()).month();
    let sums: Result<_, StoreError> = store.read(move |tx| usage::meters_of(tx, dev().id, month)).await;
    assert_eq!(sums, Ok(vec![MeterSum { meter: "m".to_owned(), quantity: 600 }]));
}

async fn a_transaction_that_fails_counts_nothing(store: TestStore) {
    let now = store.clock().now();
    let failed: Result<(), StoreError> = store
        .write(Key::new("dev", "x"), move |tx| {
            let usage = Usage { resource: &dev(), operation: "Op_Do", meter: "m", quantity: 1, now };
            usage::record(tx, &usage)?;
            Err(StoreError::Busy)
        })
        .await;
    assert_eq!(failed, Err(StoreError::Busy));
    assert_eq!(all(&store, Period::Day).await, []);
    count(&store, 0, "m", 0).await.expect("nothing to count");
    assert_eq!(all(&store, Period::Day).await, []);
}

async fn days_end_at_midnight_of_utc(store: TestStore) {
    for instant in ["2026-11-30T23:59:59.999999Z", "2026-12-01T00:00:00Z", "2026-12-31T23:00:00-02:00"] {
        store.clock().set(Timestamp::parse_rfc3339(instant).expect("a date"));
        count(&store, 0, "m", 1).await.expect("counted");
    }
    let line = |period: &str| (period.to_owned(), "m".to_owned(), 1);
    assert_eq!(all(&store, Period::Day).await, ["2026-11-30", "2026-12-01", "2027-01-01"].map(line));
    assert_eq!(all(&store, Period::Month).await, ["2026-11", "2026-12", "2027-01"].map(line));
}

async fn lists_go_on_where_a_page_ended(store: TestStore) {
    for meter in ["a", "b", "c", "d", "e"] {
        count(&store, 0, meter, 1).await.expect("counted");
    }
    let mut position = Position::default();
    let mut seen = String::new();
    for expected in [2, 2, 1, 0] {
        let page = lines(&store, Period::Month, position.clone(), 2).await;
        assert_eq!(page.len(), expected);
        position = page.last().map_or(position, Line::position);
        seen.extend(page.into_iter().map(|line| line.meter));
    }
    assert_eq!(seen, "abcde");
}

async fn sums_never_wrap(store: TestStore) {
    count(&store, 0, "m", u32::MAX).await.expect("counted");
    let shift = |tx: &mut trunkline_store::Tx<'_>| {
        let sql = "UPDATE web_usage SET quantity = 9223372036854775807";
        tx.execute(sql, trunkline_store::params![]).map(drop)
    };
    let shifted: Result<(), StoreError> = store.write(Key::system("x"), shift).await;
    assert_eq!(shifted, Ok(()));
    let other = "INSERT INTO web_usage VALUES (?1, 20261121, 'Op_Do', 'm', 99, 'dev', 1)";
    let inserted: Result<u64, StoreError> =
        store.write(Key::system("x"), move |tx| tx.execute(other, trunkline_store::params![dev().id])).await;
    assert_eq!(inserted, Ok(1));
    let month = Day::of(store.clock().now()).month();
    let sums: Result<Vec<MeterSum>, StoreError> =
        store.read(move |tx| usage::meters_of(tx, dev().id, month)).await;
    assert!(matches!(sums, Err(StoreError::Statement { .. })), "{sums:?}");
}
