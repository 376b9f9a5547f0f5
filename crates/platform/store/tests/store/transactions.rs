//! Transactions: what is kept, what is rolled back, what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use trunkline_store::{Key, Migration, Slice, Store, StoreError, Tx, params};
use trunkline_testkit::{TestStore, on_both_engines};

pub(crate) const SLICE: Slice = Slice {
    name: "sample",
    migrations: &[Migration {
        version: 1,
        name: "counters",
        sql: "CREATE TABLE sample_counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL, \
              note TEXT, bytes BLOB) STRICT, WITHOUT ROWID;",
    }],
};

on_both_engines!(&[SLICE];
    committed_rows_are_read_back,
    every_kind_of_value_survives,
    an_error_rolls_back,
    a_panic_rolls_back_and_others_go_on,
    a_failed_statement_poisons,
    a_swallowed_failure_is_not_committed,
    reads_cannot_write,
    nul_characters_are_refused,
    concurrent_increments_of_one_key_all_count,
    a_slow_closure_is_rolled_back,
    a_slow_statement_is_interrupted_and_its_neighbours_are_kept,
    transaction_control_is_refused,
    many_rows_in_one_call,
    wrong_number_of_parameters_is_an_error,
    text_sorts_by_bytes,
    a_closed_store_refuses,
    aggregates_are_integers,
);

const UPSERT: &str = "INSERT INTO sample_counters (name, value) VALUES (?1, ?2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub(crate) async fn set(store: &Store, name: &'static str, value: i64) -> Result<(), StoreError> {
    store.write(Key::new("r", name), move |tx| tx.execute(UPSERT, params![name, value]).map(drop)).await
}

pub(crate) async fn get(store: &Store, name: &'static str) -> Option<i64> {
    let found = store.read(move |tx| {
        let row = tx.query_opt("SELECT value FROM sample_counters WHERE name = ?1", params![name])?;
        row.map(|row| row.get(0)).transpose()
    });
    found.await.map_err(|failure: StoreError| failure).unwrap()
}

async fn committed_rows_are_read_back(test: TestStore) {
    assert_eq!(get(&test, "a").await, None);
    set(&test, "a", 7).await.unwrap();
    assert_eq!(get(&test, "a").await, Some(7));
    assert_eq!(test.metrics().writes_committed, 1);
}

async fn every_kind_of_value_survives(test: TestStore) {
    let write = test.write(Key::system("x"), |tx: &mut Tx<'_>| {
        let sql = "INSERT INTO sample_counters (name, value, note, bytes) VALUES (?1, ?2, ?3, ?4)";
        tx.execute(sql, params!["größe\u{10FFFF}", i64::MIN, None::<String>, vec![0_u8, 255]])?;
        tx.execute(sql, params!["", i64::MAX, "", Vec::<u8>::new()])
    });
    assert_eq!(write.await, Ok(1));
    let rows = test
        .read(|tx| tx.query_all("SELECT name, value, note, bytes FROM sample_counters ORDER BY value", &[]))
        .await
        .map_err(|failure: StoreError| failure)
        .unwrap();
    assert_eq!(rows[0].values(), params!["größe\u{10FFFF}", i64::MIN, None::<String>, vec![0_u8, 255]]);
    assert_eq!(rows[1].values(), params!["", i64::MAX, "", Vec::<u8>::new()]);
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum Refusal {
    #[error("no")]
    No,
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn an_error_rolls_back(test: TestStore) {
    let refused = test.write(Key::system("x"), |tx| {
        tx.execute(UPSERT, params!["a", 1])?;
        Err::<(), _>(Refusal::No)
    });
    assert_eq!(refused.await, Err(Refusal::No));
    assert_eq!(get(&test, "a").await, None);
    assert_eq!(test.metrics().writes_rolled_back, 1);
}

async fn a_panic_rolls_back_and_others_go_on(test: TestStore) {
    let panicked = test.write(Key::system("x"), |tx| -> Result<(), StoreError> {
        tx.execute(UPSERT, params!["a", 1])?;
        panic!("expected in this test")
    });
    assert_eq!(panicked.await, Err(StoreError::Panicked));
    set(&test, "b", 2).await.unwrap();
    assert_eq!((get(&test, "a").await, get(&test, "b").await), (None, Some(2)));
}

async fn a_failed_statement_poisons(test: TestStore) {
    let failed = test.write(Key::system("x"), |tx| {
        tx.execute(UPSERT, params!["a", 1])?;
        assert!(matches!(tx.execute("UPDATE nothing SET x = 1", &[]), Err(StoreError::Statement { .. })));
        tx.execute(UPSERT, params!["a", 2])
    });
    assert_eq!(failed.await, Err(StoreError::Poisoned));
    assert_eq!(get(&test, "a").await, None);
}

async fn a_swallowed_failure_is_not_committed(test: TestStore) {
    let failed = test.write(Key::system("x"), |tx| {
        tx.execute(UPSERT, params!["a", 1])?;
        let _ = tx.execute("INSERT INTO sample_counters (name, value) VALUES ('a', 2)", &[]);
        Ok::<_, StoreError>(())
    });
    assert!(matches!(failed.await, Err(StoreError::Statement { .. })));
    assert_eq!(get(&test, "a").await, None);
}

async fn reads_cannot_write(test: TestStore) {
    let executed = test.read(|tx| tx.execute(UPSERT, params!["a", 1]));
    assert_eq!(executed.await, Err(StoreError::ReadOnly));
    let returning = "INSERT INTO sample_counters (name, value) VALUES ('a', 1) RETURNING value";
    let queried = test.read(move |tx| tx.query_all(returning, &[]));
    assert_eq!(queried.await, Err(StoreError::ReadOnly));
    assert_eq!(get(&test, "a").await, None);
}

async fn nul_characters_are_refused(test: TestStore) {
    let refused = test.write(Key::system("x"), |tx| tx.execute(UPSERT, params!["a\0b", 1]));
    assert_eq!(refused.await, Err(StoreError::NulCharacter));
    let many = test.write(Key::system("x"), |tx| tx.execute_many(UPSERT, &[params!["\0", 1].to_vec()]));
    assert_eq!(many.await, Err(StoreError::NulCharacter));
}

async fn concurrent_increments_of_one_key_all_count(test: TestStore) {
    set(&test, "a", 0).await.unwrap();
    let increments = (0..50).map(|_| {
        test.write(Key::new("r", "a"), |tx| {
            let row = tx.query_one("SELECT value FROM sample_counters WHERE name = 'a'", &[])?;
            tx.execute(UPSERT, params!["a", row.get::<i64>(0)? + 1])
        })
    });
    let done: Vec<Result<u64, StoreError>> = futures_util::future::join_all(increments).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(get(&test, "a").await, Some(50));
}

async fn limited(test: &mut TestStore) {
    let mut config = test.config().clone();
    config.bounds.closure_duration_max = Duration::from_millis(200);
    test.restart_with(config).await;
}

async fn a_slow_closure_is_rolled_back(mut test: TestStore) {
    limited(&mut test).await;
    let slow = test.write(Key::system("x"), |tx| {
        tx.execute(UPSERT, params!["a", 1])?;
        std::thread::sleep(Duration::from_millis(300));
        Ok::<_, StoreError>(())
    });
    assert_eq!(slow.await, Err(StoreError::TooSlow));
    assert_eq!(get(&test, "a").await, None);
}

const ENDLESS: &str = "INSERT INTO sample_counters (name, value) \
     WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) \
     SELECT 'sum', max(i) FROM n";

async fn a_slow_statement_is_interrupted_and_its_neighbours_are_kept(mut test: TestStore) {
    limited(&mut test).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let before = test.write(Key::new("a", "a"), move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        tx.execute(UPSERT, params!["a", 1])
    });
    let slow = test.write(Key::new("b", "b"), |tx| tx.execute(ENDLESS, &[]));
    let after = set(&test, "c", 3);
    let (before, slow, after) = tokio::join!(before, slow, after);
    assert_eq!((before, slow, after), (Ok(1), Err(StoreError::TooSlow), Ok(())));
    assert!(runs.load(Ordering::SeqCst) >= 1);
    assert_eq!((get(&test, "a").await, get(&test, "sum").await), (Some(1), None));
    assert_eq!(get(&test, "c").await, Some(3));
}

async fn transaction_control_is_refused(test: TestStore) {
    for sql in
        ["COMMIT", "  rollback", "SAVEPOINT x", "BEGIN", "PRAGMA user_version", "CREATE TABLE t (x TEXT)"]
    {
        let refused = test.write(Key::system("x"), move |tx| tx.execute(sql, &[]));
        assert!(matches!(refused.await, Err(StoreError::Statement { .. })), "{sql}");
    }
}

async fn many_rows_in_one_call(test: TestStore) {
    let written = test.write(Key::system("x"), |tx| {
        let rows: Vec<_> = (0..1000).map(|index| params![format!("n{index}"), index].to_vec()).collect();
        tx.execute_many(UPSERT, &rows)
    });
    assert_eq!(written.await.map_err(|failure: StoreError| failure), Ok(1000));
    assert_eq!(get(&test, "n999").await, Some(999));
}

async fn wrong_number_of_parameters_is_an_error(test: TestStore) {
    for count in [0, 1, 3] {
        let values = vec![trunkline_store::Value::Int(1); count];
        let refused = test.write(Key::system("x"), move |tx| tx.execute(UPSERT, &values));
        assert!(matches!(refused.await, Err(StoreError::Statement { .. })), "{count}");
    }
}

async fn text_sorts_by_bytes(test: TestStore) {
    for name in ["a", "B", "ä", "_"] {
        set(&test, name, 1).await.unwrap();
    }
    let names: Result<Vec<String>, StoreError> = test
        .read(|tx| {
            let rows =
                tx.query_all("SELECT name FROM sample_counters WHERE name > ?1 ORDER BY name", params!["A"])?;
            rows.iter().map(|row| row.get(0)).collect()
        })
        .await;
    assert_eq!(names.unwrap(), ["B", "_", "a", "ä"]);
}

async fn a_closed_store_refuses(test: TestStore) {
    set(&test, "a", 1).await.unwrap();
    test.close().await;
    test.close().await;
    assert!(matches!(set(&test, "a", 2).await, Err(StoreError::Unavailable { .. })));
}

async fn aggregates_are_integers(test: TestStore) {
    set(&test, "a", 2).await.unwrap();
    set(&test, "b", 3).await.unwrap();
    let row = test
        .read(|tx| {
            tx.query_one(
                "SELECT sum(value), count(*), max(value), EXISTS (SELECT 1), ?1 + 1 FROM sample_counters",
                params![i64::from(u32::MAX)],
            )
        })
        .await
        .map_err(|failure: StoreError| failure)
        .unwrap();
    assert_eq!(row.values(), params![5, 2, 3, true, i64::from(u32::MAX) + 1]);
}
