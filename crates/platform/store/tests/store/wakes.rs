//! Wake-ups: after the commit only, and to the other nodes.

use std::time::Duration;

use trunkline_store::wakes::{WAKE_BYTES_MAX, Wake};
use trunkline_store::{Key, Store, StoreError};
use trunkline_testkit::{TestStore, on_both_engines};

on_both_engines!(&[];
    a_commit_wakes_and_a_rollback_does_not,
    oversized_wakes_are_refused,
);

const PATIENCE: Duration = Duration::from_secs(10);

async fn wake(store: &Store, payload: &'static str, commits: bool) -> Result<(), StoreError> {
    let write = store.write(Key::system("x"), move |tx| {
        tx.wake("topic", payload)?;
        if commits { Ok(()) } else { Err(StoreError::Busy) }
    });
    write.await
}

async fn a_commit_wakes_and_a_rollback_does_not(test: TestStore) {
    let mut receiver = test.wakes().subscribe("topic");
    assert_eq!(wake(&test, "lost", false).await, Err(StoreError::Busy));
    wake(&test, "kept", true).await.unwrap();
    loop {
        let woken = tokio::time::timeout(PATIENCE, receiver.next()).await.unwrap();
        // A node that has just begun to listen says that it may have missed some.
        if woken != Some(Wake::Missed) && woken != Some(Wake::Payload("".into())) {
            assert_eq!(woken, Some(Wake::Payload("kept".into())));
            return;
        }
    }
}

async fn oversized_wakes_are_refused(test: TestStore) {
    let refused = test.write(Key::system("x"), |tx| tx.wake("topic", &"x".repeat(WAKE_BYTES_MAX)));
    assert!(matches!(refused.await, Err(StoreError::TooLarge { .. })));
    let refused = test.write(Key::system("x"), |tx| tx.wake("topic", "\0"));
    assert_eq!(refused.await, Err(StoreError::NulCharacter));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_is_woken() {
    let test = TestStore::postgres(&[]).await;
    let other = test.open_again(&[]).await.unwrap();
    let mut receiver = other.wakes().subscribe("topic");
    // The other node may not listen yet: wakes are repeated until one arrives.
    let woken = tokio::time::timeout(PATIENCE, async {
        loop {
            wake(&test, "hello", true).await.unwrap();
            match tokio::time::timeout(Duration::from_millis(100), receiver.next()).await {
                Ok(Some(Wake::Payload(payload))) if &*payload == "hello" => return,
                Ok(None) => panic!("the store is gone"),
                _ => {}
            }
        }
    });
    woken.await.unwrap();
    other.close().await;
}
