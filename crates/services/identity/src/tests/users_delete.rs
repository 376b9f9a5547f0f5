//! `Users_Delete`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{DEV, SLICES, World, raw_id, user_path, woken};

on_both_engines!(SLICES;
    a_user_is_deleted_and_audited,
    contributors_may_delete,
    unknown_users_are_not_found,
);

async fn a_user_is_deleted_and_audited(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat"]).await;
    let mut wakes = world.revocations();
    let answer = world.operate("contributor", Call::delete(user_path(&id))).await.expect(204);
    assert_eq!(world.users().await, []);
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    let event = json!({ "resource": DEV, "kind": crate::USER_DELETED, "subject": id, "payload": {} });
    assert_eq!(world.app.events().await, [event]);
    assert_eq!(woken(&mut wakes).await, format!("{DEV} {id}"));
    let audited = world.app.newest_audit("Users_Delete", "contributor", &answer).await;
    assert_eq!(audited, (id, json!({})));
}

async fn contributors_may_delete(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    world.takes_operators_from("contributor", &Call::delete(user_path(&id))).await;
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn unknown_users_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let delete = |path: String| world.operate("owner", Call::delete(path));
    delete(user_path(&raw_id(1))).await.expect_error(404, "IdentityNotFound");
    delete(format!("/trunkline/resources/other/users/{id}")).await.expect_error(404, "IdentityNotFound");
    assert_eq!(world.users().await.len(), 1);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    assert_eq!(world.app.audit_log().await.len(), 0);
}
