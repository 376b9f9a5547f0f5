//! `CommunicationIdentity_RevokeAccessTokens`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{DEV, SLICES, World, raw_id, revoke_path, woken};

on_both_engines!(SLICES;
    every_token_of_the_identity_ends_with_the_204,
    strangers_are_refused,
    api_versions_are_checked,
    unknown_identities_are_not_found,
    the_acs_limit_holds,
);

async fn every_token_of_the_identity_ends_with_the_204(store: TestStore) {
    let world = World::new(store).await;
    let (id, other) = (world.create().await, world.create().await);
    let tokens = [world.token(&id, &["chat"]).await, world.token(&id, &["voip"]).await];
    let kept = world.token(&other, &["chat"]).await;
    for token in tokens.iter().chain([&kept]) {
        assert!(world.verify(token).await.is_ok());
    }
    let mut wakes = world.revocations();
    world.call(Call::post(revoke_path(&id))).await.expect(204);
    for token in &tokens {
        assert_eq!(world.verify(token).await, Err("TokenRevoked"));
    }
    assert!(world.verify(&kept).await.is_ok());
    let event = json!({ "resource": DEV, "kind": crate::TOKENS_REVOKED, "subject": id, "payload": {} });
    assert_eq!(world.app.events().await, [event]);
    assert_eq!(woken(&mut wakes).await, format!("{DEV} {id}"));
    assert_eq!(world.users().await.len(), 2);
    // In the same instant: revocation goes by generations, not by times.
    let fresh = world.token(&id, &["chat"]).await;
    assert!(world.verify(&fresh).await.is_ok());
    world.call(Call::post(revoke_path(&id)).body("application/json", "")).await.expect(204);
    assert_eq!(world.verify(&fresh).await, Err("TokenRevoked"));
}

async fn strangers_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat"]).await;
    world.refuses_strangers(&Call::post(revoke_path(&id))).await;
    assert!(world.verify(&token).await.is_ok());
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn api_versions_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let path = format!("/identities/{}/:revokeAccessTokens", world.create().await);
    world.checks_versions(&path, Call::post, 204).await;
    assert_eq!(world.app.events().await.len(), 4);
}

async fn unknown_identities_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(revoke_path(&raw_id(3)));
    world.call(call).await.expect_error(404, "IdentityNotFound");
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn the_acs_limit_holds(store: TestStore) {
    let world = World::with(store, LimitSet::Acs).await;
    for _ in 0..500 {
        let call = Call::post(revoke_path("%ff"));
        world.call(call).await.expect_invalid("id");
    }
    // What is refused before it is anybody's request takes nothing from the budget.
    let id = world.create().await;
    world.call(Call::post(revoke_path(&id))).await.expect(204);
    for _ in 0..499 {
        world.call(Call::post(revoke_path("unknown"))).await.expect_error(404, "IdentityNotFound");
    }
    let refused = world.call(Call::post(revoke_path(&id))).await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "1");
}
