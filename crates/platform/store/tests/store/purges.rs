//! Deleted rows are in none of the store's files once the log is purged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use trunkline_store::{Key, Migration, Slice, Store, StoreError, params};
use trunkline_testkit::{TestStore, on_both_engines};

const NOTES: Slice = Slice {
    name: "demo",
    migrations: &[Migration {
        version: 1,
        name: "notes",
        sql: "CREATE TABLE demo_notes (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT;",
    }],
};
const TABLES: &[&str] = &["demo_notes"];
const CANARY: &str = "a canary that must go";

on_both_engines!(&[NOTES];
    an_insert_returns_its_number,
    a_purge_leaves_what_is_not_deleted,
);

async fn insert(store: &Store, body: String) -> i64 {
    let write = store.write(Key::system("x"), move |tx| {
        tx.query_one("INSERT INTO demo_notes (body) VALUES (?1) RETURNING number", params![body.as_str()])?
            .get(0)
    });
    write.await.map_err(|failure: StoreError| failure).unwrap()
}

async fn delete_all(store: &Store) {
    let write = store.write(Key::system("x"), |tx| tx.execute("DELETE FROM demo_notes", &[]));
    write.await.map_err(|failure: StoreError| failure).unwrap();
}

async fn count(store: &Store) -> i64 {
    let read = store.read(|tx| tx.query_one("SELECT count(*) FROM demo_notes", &[])?.get(0));
    read.await.map_err(|failure: StoreError| failure).unwrap()
}

async fn an_insert_returns_its_number(test: TestStore) {
    let first = insert(&test, "one".to_owned()).await;
    assert_eq!(insert(&test, "two".to_owned()).await, first + 1);
    assert_eq!(count(&test).await, 2);
}

async fn a_purge_leaves_what_is_not_deleted(test: TestStore) {
    insert(&test, "stays".to_owned()).await;
    test.purge_log(TABLES).await.unwrap();
    assert_eq!(count(&test).await, 1);
    insert(&test, "more".to_owned()).await;
    test.purge_log(TABLES).await.unwrap();
    assert_eq!(count(&test).await, 2);
}

/// How often the canary stands in the files of the folder.
fn canaries(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count =
        |bytes: Vec<u8>| bytes.windows(CANARY.len()).filter(|window| *window == CANARY.as_bytes()).count();
    files.filter(|path| path.is_file()).map(|path| count(std::fs::read(path).unwrap())).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_bytes_leave_the_files() {
    let test = TestStore::sqlite(&[NOTES]).await;
    let folder = test.folder().unwrap().to_owned();
    for number in 0..40 {
        // Some of a page, some on pages of their own.
        insert(&test, format!("{CANARY} {}", "x".repeat(number * 300))).await;
    }
    assert!(canaries(&folder) >= 40);
    delete_all(&test).await;
    assert!(canaries(&folder) > 0, "the log still has the rows");
    test.purge_log(TABLES).await.unwrap();
    assert_eq!(canaries(&folder), 0);
    assert_eq!(insert(&test, "the store works on".to_owned()).await, 41);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_beside_writers_fails_no_write() {
    let test = TestStore::sqlite(&[NOTES]).await;
    let ends = Arc::new(AtomicBool::new(false));
    let writes = async {
        let mut written = 0;
        while !ends.load(Ordering::Relaxed) {
            insert(&test, "busy".to_owned()).await;
            written += 1;
        }
        written
    };
    let purges = async {
        for _ in 0..5 {
            test.purge_log(TABLES).await.unwrap();
        }
        ends.store(true, Ordering::Relaxed);
    };
    let (written, ()) = tokio::join!(writes, purges);
    assert_eq!(count(&test).await, written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_in_the_log_keeps_it_and_the_purge_says_so() {
    let test = TestStore::sqlite(&[NOTES]).await;
    let folder = test.folder().unwrap().to_owned();
    insert(&test, CANARY.to_owned()).await;
    let reader = rusqlite::Connection::open(folder.join("trunkline.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM demo_notes").unwrap();
    delete_all(&test).await;
    assert_eq!(test.purge_log(TABLES).await, Err(StoreError::Busy));
    // Nothing is broken by the refusal: writes go on, and the next purge does it.
    insert(&test, "meanwhile".to_owned()).await;
    assert_eq!(test.health(), trunkline_store::Health::Healthy);
    reader.execute_batch("COMMIT").unwrap();
    test.purge_log(TABLES).await.unwrap();
    assert_eq!(canaries(&folder), 0);
    assert_eq!(count(&test).await, 1);
}

#[tokio::test]
async fn in_memory_there_is_no_log_to_purge() {
    let test = TestStore::ephemeral(&[NOTES]).await;
    assert_eq!(test.purge_log(TABLES).await, Ok(()));
}
