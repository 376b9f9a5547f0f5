//! A disk that takes no more: nothing is acknowledged, and the store recovers by itself.
//!
//! A limit on the size of files stands in for the disk. It holds for a whole process, so the test runs
//! in one of its own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use trunkline_kernel::{ManualClock, SeededEntropy, Timestamp};
use trunkline_store::{Backend, Health, Key, Store, StoreConfig, StoreError, params};

use super::transactions::{SLICE, get, set};

/// Names the data folder to the process with the limit.
const FOLDER_VARIABLE: &str = "TRUNKLINE_TEST_LIMITED_FOLDER";
/// Less than the database and one frame of the log, so that neither a commit nor a checkpoint fits.
const FILE_BYTES_MAX: u64 = 4096;
/// SIGXFSZ, which ends a process that has no handler for it.
const FILE_LIMIT_SIGNAL: i32 = 25;
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_full_disk_acknowledges_nothing_and_passes() {
    let folder = TempDir::new().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "failures::the_limited_process", "--nocapture"])
        .env(FOLDER_VARIABLE, folder.path())
        .output()
        .unwrap();
    let (said, failed) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && said.contains("1 passed"), "{said}{failed}");
}

async fn open(folder: PathBuf) -> Store {
    let config = StoreConfig::new(Backend::Sqlite { folder });
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    Store::open(config, &[SLICE], clock, Arc::new(SeededEntropy::new(1))).await.unwrap()
}

fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

async fn until(is_reached: impl Fn() -> bool) {
    let reached = async {
        while !is_reached() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap();
}

/// The other half of `a_full_disk_acknowledges_nothing_and_passes`, which runs it in a process of its own
/// and reads its outcome; anywhere else there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limited_process() {
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from) else { return };
    let _handler = signal(SignalKind::from_raw(FILE_LIMIT_SIGNAL)).unwrap();
    let store = open(folder.clone()).await;
    set(&store, "before", 1).await.unwrap();
    for _ in 0..2 {
        limit_files(Some(FILE_BYTES_MAX));
        let refused = set(&store, "during", 2).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
        assert!(matches!(store.health(), Health::Unhealthy { .. }));
        let refused = set(&store, "during", 3).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
        assert_eq!(get(&store, "before").await, Some(1), "reads go on");
        limit_files(None);
        until(|| store.health() == Health::Healthy).await;
    }
    // Health comes back a moment before the queue opens.
    let written = async { while set(&store, "after", 4).await.is_err() {} };
    tokio::time::timeout(PATIENCE, written).await.unwrap();
    assert!(store.metrics().commits_failed >= 2);
    store.close().await;
    let store = open(folder).await;
    let found = (get(&store, "before").await, get(&store, "during").await, get(&store, "after").await);
    assert_eq!(found, (Some(1), None, Some(4)));
    let check = store.write(Key::system("x"), |tx| {
        tx.query_all("SELECT name FROM sample_counters WHERE name = ?1", params!["during"])
    });
    assert_eq!(check.await.map_err(|failure: StoreError| failure).unwrap().len(), 0);
    store.close().await;
}
