//! `DirectoryUsers_Update`.

use serde_json::{Value, json};
use trunkline_store::{StoreError, params};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, USERS, World, text, woken};
use crate::grants::PrincipalKind;

on_both_engines!(SLICES;
    the_display_name_changes_and_goes_back,
    another_password_ends_sessions_and_unlocks,
    a_disabled_user_cannot_sign_in_and_is_known_as_such,
    bad_patches_are_refused,
    owners_may_update,
);

const ADA: &str = "/trunkline/directory/users/ada";

async fn add_session(world: &World, user: &Value) {
    let object_id = text(&user["objectId"]);
    let written: Result<(), StoreError> = world
        .app
        .store
        .write(crate::sign_in::changes_key(), move |tx| {
            tx.execute(
                "INSERT INTO directory_refresh_tokens (hash, family, client_id, object_id, scope, expires_at)
                 VALUES (?1, 'f', 'c', ?2, 's', 9)",
                params![object_id.as_bytes(), object_id.as_str()],
            )?;
            Ok(())
        })
        .await;
    written.expect("written");
}

async fn kind(world: &World, user: &Value) -> PrincipalKind {
    let known = world.directory.principals.find(&text(&user["objectId"])).await;
    known.expect("readable").kind.expect("it exists")
}

async fn the_display_name_changes_and_goes_back(store: TestStore) {
    let world = World::new(store).await;
    let ada = world.user("ada").await;
    let mut changes = world.changes();
    let answer = world.patch(ADA, &json!({ "displayName": "Ada" })).await.expect(200);
    assert_eq!(answer.body["displayName"], "Ada");
    woken(&mut changes).await;
    let audited = world.app.newest_audit("DirectoryUsers_Update", "owner", &answer).await;
    let detail =
        json!({ "userName": "ada", "displayName": "Ada", "isEnabled": true, "isPasswordChanged": false });
    assert_eq!(audited, (text(&ada["objectId"]), detail));
    assert_eq!(world.patch(ADA, &json!({})).await.expect(200).body["displayName"], "Ada");
    assert_eq!(world.patch(ADA, &json!({ "displayName": null })).await.expect(200).body, ada);
}

async fn another_password_ends_sessions_and_unlocks(store: TestStore) {
    let world = World::new(store).await;
    let (ada, bea) = (world.user("ada").await, world.user("bea").await);
    add_session(&world, &ada).await;
    add_session(&world, &bea).await;
    for _ in 0..10 {
        assert_eq!(world.sign_in("ada", "guess").await, "wrong");
    }
    assert_eq!(world.sign_in("ada", "correct horse").await, "locked");
    let before = kind(&world, &ada).await;
    let answer = world.patch(ADA, &json!({ "password": "battery staple" })).await.expect(200);
    let (_, detail) = world.app.newest_audit("DirectoryUsers_Update", "owner", &answer).await;
    assert_eq!(detail["isPasswordChanged"], true);
    assert!(!detail.to_string().contains("battery"));
    assert_eq!(world.sign_in("ada", "correct horse").await, "wrong");
    assert_eq!(world.sign_in("ada", "battery staple").await, "ada");
    assert_ne!(kind(&world, &ada).await, before, "tokens of the old password can be told");
    assert_eq!(world.app.count("directory_refresh_tokens").await, 1, "bea's stays");
}

async fn a_disabled_user_cannot_sign_in_and_is_known_as_such(store: TestStore) {
    let world = World::new(store).await;
    let ada = world.user("ada").await;
    add_session(&world, &ada).await;
    assert!(matches!(kind(&world, &ada).await, PrincipalKind::User { is_enabled: true, .. }));
    let answer = world.patch(ADA, &json!({ "isEnabled": false })).await.expect(200);
    assert_eq!(answer.body["isEnabled"], false);
    assert!(matches!(kind(&world, &ada).await, PrincipalKind::User { is_enabled: false, .. }));
    assert_eq!(world.app.count("directory_refresh_tokens").await, 0);
    assert_eq!(world.sign_in("ada", "correct horse").await, "disabled");
    assert_eq!(world.sign_in("ada", "guess").await, "wrong", "only who knows the password learns it");
    world.patch(ADA, &json!({ "isEnabled": true })).await.expect(200);
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
}

async fn bad_patches_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    for (patch, target) in [
        (json!({ "displayName": "" }), "displayName"),
        (json!({ "password": "seven77" }), "password"),
        (json!({ "password": null }), "password"),
        (json!({ "isEnabled": null }), "isEnabled"),
        (json!({ "isEnabled": "no" }), "body"),
        (json!({ "password": 12_345_678 }), "body"),
    ] {
        world.patch(ADA, &patch).await.expect_invalid(target);
    }
    world.patch(format!("{USERS}/nobody"), &json!({})).await.expect_error(404, "NotFound");
    world.nothing_changed([0, 0, 1, 0], 1).await;
    assert_eq!(world.sign_in("ada", "correct horse").await, "ada");
}

async fn owners_may_update(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    let call = Call::new("PATCH", ADA).json(&json!({ "displayName": "Ada" }));
    world.takes_operators_from("owner", &call).await;
}
