//! Signing keys: published a day ahead, then they sign, and leave when no token can need them.

use std::time::Duration;

use serde_json::Value;
use trunkline_kernel::jws::Unverified;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World, text};

on_both_engines!(SLICES;
    keys_are_published_before_they_sign_and_stay_while_tokens_need_them,
    rotation_at_once_on_two_nodes_makes_one_key,
    keys_sealed_anew_still_sign,
);

const PERIOD: Duration = Duration::from_hours(24 * 30);

async fn published(world: &World) -> Vec<String> {
    let answer = world.app.call(Call::get("/trunkline/keys")).await.expect(200);
    let keys = answer.body["keys"].as_array().expect("a list").clone();
    keys.iter().map(|key| text(&key["kid"])).collect()
}

fn signer(token: &str) -> String {
    Unverified::parse(token).expect("a token").kid().expect("a name").to_owned()
}

async fn rotate(world: &World) -> bool {
    world.identity.rotate_signing_keys().await.expect("keys rotate")
}

async fn keys_are_published_before_they_sign_and_stay_while_tokens_need_them(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let first = published(&world).await;
    assert_eq!(first.len(), 1);
    assert!(!rotate(&world).await, "a fresh key stays");
    world.advance(Duration::from_secs(29 * 86_400 - 1));
    assert!(!rotate(&world).await);
    world.advance(Duration::from_secs(1));
    assert!(rotate(&world).await);
    let both = published(&world).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert!(!rotate(&world).await, "the next key is there already");
    assert_eq!(signer(&world.token(&id, &["chat"]).await), both[0]);
    world.advance(Duration::from_secs(86_399));
    let last_of_first = world.token(&id, &["chat"]).await;
    assert_eq!(signer(&last_of_first), both[0]);
    world.advance(Duration::from_secs(1));
    let first_of_second = world.token(&id, &["chat"]).await;
    assert_eq!(signer(&first_of_second), both[1]);
    // The old key verifies for as long as a token of it can live, and an hour.
    world.advance(Duration::from_secs(86_398));
    assert!(!rotate(&world).await);
    assert!(world.verify(&last_of_first).await.is_ok());
    assert!(world.verify(&first_of_second).await.is_ok());
    world.advance(Duration::from_hours(1) + Duration::from_secs(1));
    assert!(!rotate(&world).await);
    world.advance(Duration::from_secs(1));
    assert!(rotate(&world).await);
    assert_eq!(published(&world).await, both[1..]);
    assert_eq!(signer(&world.token(&id, &["chat"]).await), both[1]);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn rotation_at_once_on_two_nodes_makes_one_key(store: TestStore) {
    let world = World::new(store).await;
    world.advance(PERIOD);
    let (left, right) = tokio::join!(rotate(&world), rotate(&world));
    assert!(left != right);
    assert_eq!(published(&world).await.len(), 2);
    assert_eq!(world.app.count("identity_signing_keys").await, 2);
}

async fn keys_sealed_anew_still_sign(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat"]).await;
    assert_eq!(world.identity.reseal().await.ok(), Some(1));
    world.identity.tokens().keys().reload().await.expect("the sealed keys open");
    assert!(world.verify(&token).await.is_ok());
    assert_eq!(signer(&world.token(&id, &["chat"]).await), signer(&token));
}
