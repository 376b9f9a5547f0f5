//! `Users_RevokeTokens`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{DEV, SLICES, World, raw_id, user_path, woken};

on_both_engines!(SLICES;
    tokens_end_and_it_is_audited,
    contributors_may_revoke,
    unknown_users_are_not_found,
);

fn revoke(id: &str) -> Call {
    Call::post(format!("{}/:revokeTokens", user_path(id)))
}

async fn tokens_end_and_it_is_audited(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat"]).await;
    assert!(world.verify(&token).await.is_ok());
    let mut wakes = world.revocations();
    let answer = world.operate("contributor", revoke(&id)).await.expect(204);
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    let event = json!({ "resource": DEV, "kind": crate::TOKENS_REVOKED, "subject": id, "payload": {} });
    assert_eq!(world.app.events().await, [event]);
    assert_eq!(woken(&mut wakes).await, format!("{DEV} {id}"));
    let audited = world.app.newest_audit("Users_RevokeTokens", "contributor", &answer).await;
    assert_eq!(audited, (id, json!({})));
}

async fn contributors_may_revoke(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    world.takes_operators_from("contributor", &revoke(&id)).await;
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn unknown_users_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.operate("owner", revoke(&raw_id(1))).await.expect_error(404, "IdentityNotFound");
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    assert_eq!(world.app.audit_log().await.len(), 0);
}
