//! Long-running operations and secrets: rows of the platform itself, on both engines.

use std::time::Duration;

use serde_json::json;
use trunkline_kernel::{Clock as _, Timestamp};
use trunkline_store::vault::Vault;
use trunkline_store::{Key, Store, StoreError, Tx};
use trunkline_testkit::{TestStore, on_both_engines};
use trunkline_web::long_running::{self, OperationError, OperationStatus, Status};
use trunkline_web::secrets;

on_both_engines!(&[trunkline_web::SLICE];
    an_operation_can_be_followed_to_its_end,
    ended_operations_are_kept_for_a_week,
    nodes_agree_on_a_secret,
);

async fn write<T: Send + 'static>(
    store: &Store,
    change: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
) -> T {
    store.write(Key::system("test"), change).await.expect("written")
}

async fn find(store: &Store, id: &'static str) -> Option<OperationStatus> {
    let found: Result<_, StoreError> = store.read(move |tx| long_running::find(tx, id)).await;
    found.expect("readable")
}

async fn an_operation_can_be_followed_to_its_end(store: TestStore) {
    let start = store.clock().now();
    assert!(find(&store, "a").await.is_none());
    for id in ["a", "b"] {
        write(&store, move |tx| long_running::start(tx, id, "backup", start)).await;
    }
    let accepted = find(&store, "a").await.expect("accepted");
    assert_eq!((accepted.kind.as_str(), accepted.status), ("backup", Status::NotStarted));
    assert_eq!((accepted.created_on, accepted.last_updated_on), (start, start));
    store.clock().advance(Duration::from_secs(1));
    let now = store.clock().now();
    write(&store, move |tx| long_running::run(tx, "a", now)).await;
    let running = find(&store, "a").await.expect("running");
    assert_eq!((running.status, running.last_updated_on), (Status::Running, now));
    let done = Ok(json!({ "files": 3 }));
    write(&store, move |tx| long_running::finish(tx, "a", &done, now)).await;
    let failed = Err(OperationError { code: "Broken".to_owned(), message: "It broke.".to_owned() });
    write(&store, move |tx| long_running::finish(tx, "b", &failed, now)).await;
    let done = find(&store, "a").await.expect("done");
    assert_eq!((done.status, done.result), (Status::Succeeded, Some(json!({ "files": 3 }))));
    assert!(done.error.is_none());
    let failed = find(&store, "b").await.expect("failed");
    let error = failed.error.expect("an error");
    assert_eq!((failed.status, failed.result), (Status::Failed, None));
    assert_eq!((error.code.as_str(), error.message.as_str()), ("Broken", "It broke."));
}

async fn ended_operations_are_kept_for_a_week(store: TestStore) {
    let start = store.clock().now();
    write(&store, move |tx| long_running::start(tx, "a", "backup", start)).await;
    let purge = |now: Timestamp| write(&store, move |tx| long_running::purge(tx, now));
    let end = start.plus(long_running::KEPT_FOR);
    assert!(!purge(end.minus(Duration::from_micros(1))).await);
    assert!(find(&store, "a").await.is_some());
    assert!(!purge(end).await);
    assert!(find(&store, "a").await.is_none());
}

async fn nodes_agree_on_a_secret(store: TestStore) {
    let vault = Vault::ephemeral(store.entropy().clone() as _);
    let load = || secrets::load_or_create(&store, &vault, &**store.entropy(), "continuation");
    let (first, second) = tokio::join!(load(), load());
    let first = first.expect("a secret");
    assert_eq!(first.expose(), second.expect("a secret").expose());
    assert_eq!(first.expose().len(), 32);
    assert_eq!(secrets::reseal(&store, &vault).await.ok(), Some(1));
    assert_eq!(first.expose(), load().await.expect("a secret").expose());
}
