//! Backups of a running database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use trunkline_store::{Backend, Key, Store, StoreConfig, StoreError, params};
use trunkline_testkit::TestStore;

use super::transactions::{SLICE, set};

const PAIR: &str = "INSERT INTO sample_counters (name, value) VALUES (?1, ?2)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_one_consistent_state() {
    let test = TestStore::sqlite(&[SLICE]).await;
    let folder = TempDir::new().unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let writers = async {
        let mut written = 0;
        while !is_done.load(Ordering::SeqCst) {
            let pair = written;
            // Two rows in one transaction: a copy holds both or none.
            let write = test.write(Key::new("r", pair), move |tx| {
                tx.execute(PAIR, params![format!("left/{pair}"), pair])?;
                tx.execute(PAIR, params![format!("right/{pair}"), pair])
            });
            write.await.map_err(|failure: StoreError| failure).unwrap();
            written += 1;
        }
        written
    };
    let backup = async {
        for _ in 0..20 {
            set(&test, "warm", 1).await.unwrap();
        }
        let report = test.backup(&folder.path().join("trunkline.db")).await.unwrap();
        is_done.store(true, Ordering::SeqCst);
        report
    };
    let (written, report) = tokio::join!(writers, backup);
    assert!(written > 0 && report.size_bytes > 0);
    let config = StoreConfig::new(Backend::Sqlite { folder: folder.path().to_owned() });
    let copy = Store::open(config, &[SLICE], test.clock().clone(), test.entropy().clone()).await.unwrap();
    let sql = "SELECT count(CASE WHEN name LIKE 'left/%' THEN 1 END), \
               count(CASE WHEN name LIKE 'right/%' THEN 1 END) FROM sample_counters";
    let row =
        copy.read(move |tx| tx.query_one(sql, &[])).await.map_err(|failure: StoreError| failure).unwrap();
    assert_eq!(row.get::<i64>(0), row.get::<i64>(1));
    copy.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_existing_file_is_never_overwritten() {
    let test = TestStore::sqlite(&[SLICE]).await;
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("copy.db");
    std::fs::write(&target, "precious").unwrap();
    assert!(matches!(test.backup(&target).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    let absent = folder.path().join("absent").join("copy.db");
    assert!(matches!(test.backup(&absent).await, Err(StoreError::Unavailable { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_the_error_says_what_to_use() {
    let test = TestStore::postgres(&[]).await;
    let folder = TempDir::new().unwrap();
    let refused = test.backup(&folder.path().join("copy.db")).await;
    assert!(matches!(refused, Err(StoreError::Unsupported(text)) if text.contains("pg_dump")));
}
