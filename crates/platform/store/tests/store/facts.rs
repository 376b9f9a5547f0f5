//! What a store says about itself and who can read its files.

use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_store::{Backend, Engine, Store, StoreConfig};
use trunkline_testkit::{TestStore, on_both_engines};

use super::transactions::{SLICE, set};

on_both_engines!(&[]; the_database_tells_its_version_and_its_clock);

async fn the_database_tells_its_version_and_its_clock(test: TestStore) {
    let facts = test.facts().await.unwrap();
    match test.engine() {
        Engine::Sqlite => {
            assert!(facts.version.starts_with("SQLite 3."), "{}", facts.version);
            assert_eq!(facts.clock, None);
        }
        Engine::Postgres => {
            assert!(facts.version.starts_with("PostgreSQL 1"), "{}", facts.version);
            let apart = facts.clock.unwrap().distance(SystemClock.now());
            assert!(apart.as_secs() < 60, "the server runs on this machine: {apart:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_readable_by_their_owner_only() {
    let test = TestStore::ephemeral(&[]).await;
    let home = TempDir::new().unwrap();
    let folder = home.path().join("new").join("data");
    let config = StoreConfig::new(Backend::Sqlite { folder: folder.clone() });
    let store = Store::open(config, &[SLICE], test.clock().clone(), test.entropy().clone()).await.unwrap();
    set(&store, "a", 1).await.unwrap();
    store.backup(&folder.join("copy.db")).await.unwrap();
    let mode = |name: &str| std::fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    for name in ["trunkline.db", "trunkline.db-wal", "trunkline.db-shm", "copy.db"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    store.close().await;
}
