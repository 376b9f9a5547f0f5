//! Queues, pools and connections: fairness, bounds, several nodes, lost connections.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;
use trunkline_store::{Backend, Health, Key, Migration, Slice, Store, StoreError, Tx, params};
use trunkline_testkit::{TestStore, on_both_engines};

use super::transactions::{SLICE, get, set};

on_both_engines!(&[SLICE];
    a_full_queue_refuses_as_busy,
    a_read_sees_one_state,
    a_new_store_is_healthy,
    closing_finishes_what_waits,
);

/// Occupies the writer of `key` until the returned sender is dropped; returns when it runs.
pub(crate) async fn occupy(store: &Store, key: Key) -> mpsc::Sender<()> {
    let (release, wait) = mpsc::channel::<()>();
    let (started, runs) = oneshot::channel();
    let shared = Mutex::new((Some(started), wait));
    let store = store.clone();
    tokio::task::spawn_blocking(move || {
        let hold = move |_: &mut Tx<'_>| {
            let mut shared = shared.lock().unwrap();
            if let Some(started) = shared.0.take() {
                started.send(()).unwrap();
            }
            // An error is the sign to go on.
            let _ = shared.1.recv_timeout(Duration::from_secs(1));
            Ok::<_, StoreError>(())
        };
        tokio::runtime::Handle::current().block_on(store.write(key, hold))
    });
    runs.await.unwrap();
    release
}

async fn a_full_queue_refuses_as_busy(mut test: TestStore) {
    let mut config = test.config().clone();
    config.bounds.writes_queued_max = 2;
    test.restart_with(config).await;
    let release = occupy(&test, Key::new("r", "a")).await;
    let three = [set(&test, "a", 1), set(&test, "a", 2), set(&test, "a", 3)];
    let waiting = futures_util::future::join_all(three);
    tokio::pin!(waiting);
    // The first poll queues all three; the third finds the queue full.
    assert!(futures_util::poll!(&mut waiting).is_pending());
    assert_eq!(test.metrics().refused_busy, 1);
    drop(release);
    assert_eq!(waiting.await, [Ok(()), Ok(()), Err(StoreError::Busy)]);
    assert_eq!(get(&test, "a").await, Some(2));
}

async fn a_read_sees_one_state(test: TestStore) {
    set(&test, "a", 1).await.unwrap();
    let (between, wait) = mpsc::channel::<()>();
    let (first_read, runs) = mpsc::channel();
    let wait = Mutex::new(wait);
    let read = test.read(move |tx: &mut Tx<'_>| {
        let sql = "SELECT value FROM sample_counters WHERE name = 'a'";
        let before: i64 = tx.query_one(sql, &[])?.get(0)?;
        first_read.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        let after: i64 = tx.query_one(sql, &[])?.get(0)?;
        Ok::<_, StoreError>((before, after))
    });
    let write = async {
        tokio::task::spawn_blocking(move || runs.recv().unwrap()).await.unwrap();
        set(&test, "a", 2).await.unwrap();
        between.send(()).unwrap();
    };
    let (read, ()) = tokio::join!(read, write);
    assert_eq!(read, Ok((1, 1)));
    assert_eq!(get(&test, "a").await, Some(2));
}

async fn a_new_store_is_healthy(test: TestStore) {
    assert_eq!(test.health(), Health::Healthy);
}

async fn closing_finishes_what_waits(test: TestStore) {
    let release = occupy(&test, Key::new("r", "a")).await;
    let waiting = [set(&test, "a", 1), set(&test, "b", 2)];
    let waiting = futures_util::future::join_all(waiting);
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let close = test.close();
    tokio::pin!(close);
    assert!(futures_util::poll!(&mut close).is_pending());
    drop(release);
    close.await;
    assert_eq!(waiting.await, [Ok(()), Ok(())]);
    let again = test.open_again(&[SLICE]).await.unwrap();
    assert_eq!((get(&again, "a").await, get(&again, "b").await), (Some(1), Some(2)));
    again.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_resource_cannot_hold_up_another() {
    let test = TestStore::sqlite(&[SLICE]).await;
    let release = occupy(&test, Key::new("loud", "a")).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let write = |resource: &'static str| {
        let order = Arc::clone(&order);
        let note = move |_: &mut Tx<'_>| {
            order.lock().unwrap().push(resource);
            Ok::<_, StoreError>(())
        };
        test.write(Key::new(resource, "x"), note)
    };
    let mut writes: Vec<_> = (0..20).map(|_| write("loud")).collect();
    writes.push(write("quiet"));
    let writes = futures_util::future::join_all(writes);
    tokio::pin!(writes);
    assert!(futures_util::poll!(&mut writes).is_pending());
    drop(release);
    assert!(writes.await.iter().all(Result::is_ok));
    let place = order.lock().unwrap().iter().position(|resource| *resource == "quiet");
    assert!(place.is_some_and(|place| place <= 1), "{place:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writes_share_one_commit() {
    let test = TestStore::sqlite(&[SLICE]).await;
    let before = test.metrics().commits;
    let release = occupy(&test, Key::new("r", "a")).await;
    let writes = futures_util::future::join_all((0..50).map(|index| set(&test, "a", index)));
    tokio::pin!(writes);
    assert!(futures_util::poll!(&mut writes).is_pending());
    drop(release);
    assert!(writes.await.iter().all(Result::is_ok));
    let commits = test.metrics().commits - before;
    assert!(commits <= 3, "{commits} commits for 51 writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_stays_bounded() {
    let mut test = TestStore::sqlite(&[SLICE]).await;
    let mut config = test.config().clone();
    config.bounds.wal_frames_soft = 64;
    test.restart_with(config).await;
    let body = Arc::new("x".repeat(2000));
    for round in 0..40 {
        let writes = (0..50).map(|index| {
            let body = Arc::clone(&body);
            test.write(Key::new(index, "x"), move |tx| {
                let sql = "INSERT INTO sample_counters (name, value, note) VALUES (?1, ?2, ?3)";
                tx.execute(sql, params![format!("{round}/{index}"), 1, &*body])
            })
        });
        let done: Vec<Result<u64, StoreError>> = futures_util::future::join_all(writes).await;
        assert!(done.iter().all(Result::is_ok));
    }
    let folder = test.folder().unwrap();
    let log_bytes = std::fs::metadata(folder.join("trunkline.db-wal")).unwrap().len();
    let data_bytes = std::fs::metadata(folder.join("trunkline.db")).unwrap().len();
    // 2000 rows of 2 kB are 4 MB; each commit also writes whole pages of the index.
    assert!(test.metrics().checkpoints > 0);
    assert!(data_bytes > 3_000_000, "{data_bytes}");
    assert!(log_bytes < 2_500_000, "{log_bytes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_memory_does_everything_but_back_up() {
    let test = TestStore::ephemeral(&[SLICE]).await;
    set(&test, "a", 1).await.unwrap();
    assert_eq!(get(&test, "a").await, Some(1));
    let refused = test.read(|tx| tx.execute("DELETE FROM sample_counters", &[])).await;
    assert_eq!(refused, Err(StoreError::ReadOnly));
    let panicked = test.write(Key::system("x"), |_| -> Result<(), StoreError> { panic!("expected") }).await;
    assert_eq!(panicked, Err(StoreError::Panicked));
    assert_eq!(get(&test, "a").await, Some(1));
    let folder = tempfile::TempDir::new().unwrap();
    let backup = test.backup(&folder.path().join("x.db")).await;
    assert!(matches!(backup, Err(StoreError::Unsupported(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_of_two_nodes_all_count() {
    let test = TestStore::postgres(&[SLICE]).await;
    let other = test.open_again(&[SLICE]).await.unwrap();
    set(&test, "a", 0).await.unwrap();
    let increments = (0..60).map(|index| {
        let node = if index % 2 == 0 { test.store() } else { &other };
        node.write(Key::new("r", "a"), |tx| {
            let row = tx.query_one("SELECT value FROM sample_counters WHERE name = 'a'", &[])?;
            tx.execute(
                "UPDATE sample_counters SET value = ?1 WHERE name = 'a'",
                params![row.get::<i64>(0)? + 1],
            )
        })
    });
    let done: Vec<Result<u64, StoreError>> = futures_util::future::join_all(increments).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(get(&test, "a").await, Some(60));
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_before_the_commit_is_replaced_and_the_closure_runs_again() {
    let test = TestStore::postgres(&[SLICE]).await;
    let runs = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&runs);
    let write = test.write(Key::new("r", "a"), move |tx| {
        *counted.lock().unwrap() += 1;
        tx.execute("INSERT INTO sample_counters (name, value) VALUES ('a', 1)", &[])?;
        if *counted.lock().unwrap() == 1 {
            // Ends this very connection, as a restart of the server does.
            tx.query_all("SELECT pg_terminate_backend(pg_backend_pid())", &[])?;
        }
        Ok::<_, StoreError>(())
    });
    assert_eq!(write.await, Ok(()));
    assert_eq!(*runs.lock().unwrap(), 2);
    assert_eq!(get(&test, "a").await, Some(1));
    assert_eq!(test.metrics().reruns, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_runs_the_closure_again() {
    let mut test = TestStore::postgres(&[SLICE]).await;
    // The server looks for deadlocks only after a second; on a busy machine that is near the usual limit.
    let mut config = test.config().clone();
    config.bounds.closure_duration_max = Duration::from_mins(1);
    test.restart_with(config).await;
    set(&test, "a", 0).await.unwrap();
    set(&test, "b", 0).await.unwrap();
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let cross = |first: &'static str, second: &'static str| {
        let (barrier, is_first_run) = (Arc::clone(&barrier), Mutex::new(true));
        test.write(Key::new("r", format!("{first}{second}")), move |tx| {
            let sql = "UPDATE sample_counters SET value = value + 1 WHERE name = ?1";
            tx.execute(sql, params![first])?;
            if std::mem::take(&mut *is_first_run.lock().unwrap()) {
                barrier.wait();
            }
            tx.execute(sql, params![second])
        })
    };
    let (left, right): (Result<u64, StoreError>, Result<u64, StoreError>) =
        tokio::join!(cross("a", "b"), cross("b", "a"));
    assert_eq!((left, right), (Ok(1), Ok(1)));
    assert_eq!((get(&test, "a").await, get(&test, "b").await), (Some(2), Some(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_held_by_another_node_is_refused_as_busy_in_time() {
    let mut test = TestStore::postgres(&[SLICE]).await;
    let other = test.open_again(&[SLICE]).await.unwrap();
    let mut config = test.config().clone();
    config.bounds.closure_duration_max = Duration::from_millis(200);
    test.restart_with(config).await;
    let release = {
        let (release, wait) = mpsc::channel::<()>();
        let (started, runs) = mpsc::channel();
        let wait = Mutex::new(wait);
        let other = other.clone();
        let hold = move |tx: &mut Tx<'_>| {
            tx.query_all("SELECT name FROM sample_counters", &[])?;
            started.send(()).unwrap();
            let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(1));
            Ok::<_, StoreError>(())
        };
        tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(other.write(Key::new("r", "a"), hold))
        });
        tokio::task::spawn_blocking(move || runs.recv().unwrap()).await.unwrap();
        release
    };
    assert_eq!(set(&test, "a", 1).await, Err(StoreError::Busy));
    drop(release);
    other.close().await;
}

/// Ends the connection in the middle of COMMIT.
const FATAL_COMMIT: Slice = Slice {
    name: "fatal",
    migrations: &[Migration {
        version: 1,
        name: "commit",
        sql: "CREATE TABLE fatal_rows (id INTEGER NOT NULL); \
              CREATE FUNCTION fatal_end() RETURNS trigger LANGUAGE plpgsql AS \
              $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
              CREATE CONSTRAINT TRIGGER fatal_end AFTER INSERT ON fatal_rows \
              DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fatal_end();",
    }],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_in_the_commit_is_an_unknown_outcome_and_never_a_second_run() {
    let test = TestStore::postgres(&[FATAL_COMMIT]).await;
    let runs = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&runs);
    let write = test.write(Key::new("r", "a"), move |tx| {
        *counted.lock().unwrap() += 1;
        tx.execute("INSERT INTO fatal_rows (id) VALUES (1)", &[])
    });
    assert_eq!(write.await, Err(StoreError::OutcomeUnknown));
    assert_eq!(*runs.lock().unwrap(), 1);
    assert_eq!(test.metrics().commits_failed, 1);
    let next = test.read(|tx| tx.query_one("SELECT count(*) FROM fatal_rows", &[])?.get::<i64>(0));
    assert_eq!(next.await.map_err(|failure: StoreError| failure), Ok(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_an_error_at_once() {
    let test = TestStore::ephemeral(&[]).await;
    let mut config = test.config().clone();
    let url = "postgres://nobody@127.0.0.1:1/nothing".to_owned();
    config.backend = Backend::Postgres { url: trunkline_kernel::Secret::new(url), connections: 1 };
    let opened = Store::open(config, &[], test.clock().clone(), test.entropy().clone()).await;
    assert!(matches!(opened, Err(trunkline_store::OpenError::Connect { .. })));
}
