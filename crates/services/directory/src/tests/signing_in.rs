//! Signing in with a password, and the lock after too many wrong ones.

use std::time::Duration;

use futures_util::future::join_all;
use trunkline_kernel::Secret;
use trunkline_store::{StoreError, params};
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{SLICES, World, settings};
use crate::sign_in::{LOCK_TIME, SignInError};

on_both_engines!(SLICES;
    ten_wrong_passwords_lock_for_a_minute,
    a_right_password_starts_the_count_again,
    tries_at_the_same_time_do_not_outrun_the_count,
    nobody_learns_which_names_exist,
    a_sign_in_renews_what_was_stored_with_other_rounds,
);

async fn ten_wrong_passwords_lock_for_a_minute(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    world.user("bea").await;
    for _ in 0..10 {
        assert_eq!(world.sign_in("ada", "guess").await, "wrong");
    }
    assert_eq!(world.sign_in("ada", "correct horse").await, "locked");
    assert_eq!(world.sign_in("bea", "correct horse").await, "bea", "others are not locked");
    world.app.clock().advance(LOCK_TIME.saturating_sub(Duration::from_millis(1)));
    assert_eq!(world.sign_in("ada", "correct horse").await, "locked");
    world.app.clock().advance(Duration::from_millis(1));
    assert_eq!(world.sign_in("ada", "guess").await, "wrong");
    assert_eq!(world.sign_in("ada", "correct horse").await, "locked", "one more wrong one locks anew");
    world.app.clock().advance(LOCK_TIME);
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
    assert_eq!(world.sign_in("ada", "guess").await, "wrong");
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
}

async fn a_right_password_starts_the_count_again(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    for _ in 0..3 {
        for _ in 0..9 {
            assert_eq!(world.sign_in("ada", "guess").await, "wrong");
        }
        assert_eq!(world.sign_in("Ada", "correct horse").await, "ada");
    }
}

async fn tries_at_the_same_time_do_not_outrun_the_count(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    let tries = join_all((0..40).map(|_| world.sign_in("ada", "guess"))).await;
    assert_eq!(tries.iter().filter(|outcome| *outcome == "wrong").count(), 10);
    assert_eq!(tries.iter().filter(|outcome| *outcome == "locked").count(), 30);
}

async fn nobody_learns_which_names_exist(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    let mut texts = Vec::new();
    for name in ["ada", "nobody", "", "a b", &"x".repeat(10_000)] {
        let refused = world.directory.sign_in(name, Secret::new("guess".to_owned())).await;
        let refused = refused.expect_err("a guess");
        assert!(matches!(refused, SignInError::Wrong));
        texts.push(refused.to_string());
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
}

async fn a_sign_in_renews_what_was_stored_with_other_rounds(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    let stored = |world: &World| {
        let store = world.app.store.store().clone();
        async move {
            let read: Result<String, StoreError> = store
                .read(|tx| tx.query_one("SELECT password_hash FROM directory_users", params![])?.get(0))
                .await;
            read.expect("one row")
        }
    };
    assert!(stored(&world).await.starts_with("pbkdf2-sha256$10$"));
    let stronger = crate::Settings { password_iterations: 20, ..settings() };
    let world = world.restarted(Vec::new(), stronger).await;
    assert_eq!(world.sign_in("ada", "guess").await, "wrong");
    assert!(stored(&world).await.starts_with("pbkdf2-sha256$10$"));
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
    assert!(stored(&world).await.starts_with("pbkdf2-sha256$20$"));
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
}
