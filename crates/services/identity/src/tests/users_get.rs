//! `Users_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, USERS, World, raw_id, user_path};

on_both_engines!(SLICES; a_user_is_shown, readers_may_look, unknown_users_are_not_found);

async fn a_user_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let new = json!({ "id": raw_id(1), "labels": { "b": "2", "a": "1" } });
    let created = world.operate("owner", Call::post(USERS).json(&new)).await.expect(201);
    let shown = world.operate("reader", Call::get(user_path(&raw_id(1)))).await.expect(200);
    assert_eq!(shown.body, created.body);
    let bare = world.create().await;
    let encoded = user_path(&bare.replace(':', "%3a"));
    let shown = world.operate("reader", Call::get(encoded)).await.expect(200);
    let expected = json!({ "id": bare, "labels": {}, "createdOn": world.now().to_rfc3339() });
    assert_eq!(shown.body, expected);
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    world.takes_operators_from("reader", &Call::get(user_path(&id))).await;
}

async fn unknown_users_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let get = |path: String| world.operate("reader", Call::get(path));
    get(user_path(&raw_id(1))).await.expect_error(404, "IdentityNotFound");
    get(format!("/trunkline/resources/other/users/{id}")).await.expect_error(404, "IdentityNotFound");
    get(format!("/trunkline/resources/nobody/users/{id}")).await.expect_error(404, "NotFound");
    get(user_path("%00")).await.expect_error(400, "BadRequest");
}
