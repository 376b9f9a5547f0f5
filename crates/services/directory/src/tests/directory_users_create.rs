//! `DirectoryUsers_Create`.

use serde_json::json;
use trunkline_store::{StoreError, params};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, USERS, World, text, woken};

on_both_engines!(SLICES;
    a_user_is_created_and_can_sign_in,
    a_generated_password_is_shown_once_and_works,
    taken_names_and_ids_are_conflicts,
    bad_users_are_refused,
    owners_may_create,
);

const GUID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

async fn a_user_is_created_and_can_sign_in(store: TestStore) {
    let world = World::new(store).await;
    let mut changes = world.changes();
    let new = json!({
        "userName": "Ada@Contoso.example", "displayName": "Ada", "password": "correct horse", "objectId": GUID,
    });
    let answer = world.post(USERS, &new).await.expect(201);
    let shown = json!({
        "objectId": GUID, "userName": "ada@contoso.example", "displayName": "Ada", "isEnabled": true,
        "createdOn": world.now().to_rfc3339(),
    });
    assert_eq!(answer.body, shown);
    woken(&mut changes).await;
    let audited = world.app.newest_audit("DirectoryUsers_Create", "owner", &answer).await;
    let detail = json!({ "userName": "ada@contoso.example", "displayName": "Ada" });
    assert_eq!(audited, (GUID.to_owned(), detail));
    assert!(world.is_known(&answer.body["objectId"]).await);
    assert_eq!(world.sign_in("ADA@contoso.example", "correct horse").await, "ada@contoso.example");
    let stored: Result<String, StoreError> = world
        .app
        .store
        .read(|tx| tx.query_one("SELECT password_hash FROM directory_users", params![])?.get(0))
        .await;
    let stored = stored.expect("one row");
    assert!(stored.starts_with("pbkdf2-sha256$10$") && !stored.contains("correct"), "{stored}");
}

async fn a_generated_password_is_shown_once_and_works(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.post(USERS, &json!({ "userName": "ada" })).await.expect(201);
    let password = text(&answer.body["password"]);
    assert_eq!(password.len(), 20);
    assert_eq!(answer.body["displayName"], "ada");
    assert_eq!(world.sign_in("ada", &password).await, "ada");
    let shown = world.get(format!("{USERS}/ada")).await.expect(200);
    assert_eq!(shown.body.get("password"), None);
}

async fn taken_names_and_ids_are_conflicts(store: TestStore) {
    let world = World::new(store).await;
    let client = json!({ "name": "shop", "clientId": "aaaaaaaa-0000-4000-8000-000000000002" });
    let shop = world.post(APPLICATIONS, &client).await.expect(201).body;
    world.post(USERS, &json!({ "userName": "ada", "objectId": GUID })).await.expect(201);
    for name in ["ada", "ADA"] {
        world.post(USERS, &json!({ "userName": name })).await.expect_error(409, "NameAlreadyExists");
    }
    for id in [&json!(GUID), &shop["objectId"], &shop["clientId"]] {
        let new = json!({ "userName": "bea", "objectId": id });
        world.post(USERS, &new).await.expect_error(409, "IdAlreadyExists");
    }
    world.nothing_changed([1, 0, 1, 0], 2).await;
}

async fn bad_users_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for name in ["", "a b", "@ada", "ada@", "a@b@c", "é", "a/b", "a\u{0}", GUID, &"x".repeat(114)] {
        world.post(USERS, &json!({ "userName": name })).await.expect_invalid("userName");
    }
    for password in ["", "seven77", &"x".repeat(257)] {
        let answer = world.post(USERS, &json!({ "userName": "ada", "password": password })).await;
        let answer = answer.expect_invalid("password");
        assert!(password.is_empty() || !String::from_utf8_lossy(&answer.bytes).contains(password));
    }
    for name in ["", "a\nb", &"x".repeat(257)] {
        world
            .post(USERS, &json!({ "userName": "ada", "displayName": name }))
            .await
            .expect_invalid("displayName");
    }
    for body in [json!({}), json!({ "userName": "ada", "objectId": "x" }), json!({ "userName": 1 })] {
        world.post(USERS, &body).await.expect_invalid("body");
    }
    world.nothing_changed([0; 4], 0).await;
}

async fn owners_may_create(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(USERS).json(&json!({ "userName": "ada" }));
    world.takes_operators_from("owner", &call).await;
}
