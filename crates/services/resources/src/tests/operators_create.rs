//! `Operators_Create`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};
use trunkline_web::Peer;

use super::harness::{OPERATORS, RESOURCES, SLICES, World, woken};

on_both_engines!(SLICES;
    an_operator_is_created_and_its_token_works,
    owners_may_create,
    taken_and_bad_names_are_refused,
    whoever_opens_the_socket_is_an_owner,
);

async fn create(world: &World, name: &str, role: &str) -> Answer {
    world.operate("owner", Call::post(OPERATORS).json(&json!({ "name": name, "role": role }))).await
}

async fn an_operator_is_created_and_its_token_works(store: TestStore) {
    let world = World::new(store).await;
    let mut changes = world.changes();
    let answer = create(&world, "Ada", "contributor").await.expect(201);
    let token = answer.body["token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("tlop_") && token.len() == 48, "{token}");
    let shown = json!({
        "name": "ada", "role": "contributor", "createdOn": world.now().to_rfc3339(), "token": token,
    });
    assert_eq!(answer.body, shown);
    assert_eq!(world.rows().await, [2, 4, 1]);
    woken(&mut changes).await;
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    let audited = world.app.newest_audit("Operators_Create", "owner", &answer).await;
    assert_eq!(audited, ("ada".to_owned(), json!({ "role": "contributor" })));
    world.operate(&token, Call::get(RESOURCES)).await.expect(200);
    world.operate(&token, Call::get(OPERATORS)).await.expect_error(403, "Forbidden");
    for near in [&token[..47], &format!("{token}x"), &token.replace("tlop_", "tlop_x")] {
        world.operate(near, Call::get(RESOURCES)).await.expect_denied("OperatorTokenUnknown");
    }
    // The token itself is nowhere in the database.
    let kept: Result<Vec<u8>, trunkline_store::StoreError> = world
        .app
        .store
        .read(|tx| tx.query_one("SELECT token_hash FROM resources_operators", &[])?.get(0))
        .await;
    assert_eq!(kept.expect("readable"), crate::operators::hash(&token));
    let listed = world.operate("owner", Call::get(OPERATORS)).await.expect(200);
    assert_eq!(listed.body["value"][0].get("token"), None);
    // What an operator does stands under its name.
    let role = json!({ "name": "eve", "role": "owner" });
    let owner = create(&world, "bea", "owner").await.expect(201).body["token"].clone();
    let owner = owner.as_str().expect("a token").to_owned();
    let answer = world.operate(&owner, Call::post(OPERATORS).json(&role)).await.expect(201);
    world.app.newest_audit("Operators_Create", "bea", &answer).await;
}

async fn owners_may_create(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(OPERATORS).json(&json!({ "name": "ada", "role": "reader" }));
    world.takes_operators_from("owner", &call).await;
}

async fn taken_and_bad_names_are_refused(store: TestStore) {
    let world = World::new(store).await;
    create(&world, "ada", "reader").await.expect(201);
    create(&world, "ADA", "owner").await.expect_error(409, "NameAlreadyExists");
    for name in ["", "-a", "a b", "é", "local", "LOCAL", "a\u{0}", &"x".repeat(64)] {
        create(&world, name, "reader").await.expect_invalid("name");
    }
    for role in ["", "Owner", "admin"] {
        create(&world, "bea", role).await.expect_invalid("body");
    }
    let bad = Call::post(OPERATORS).json(&json!({ "name": "bea" }));
    world.operate("owner", bad).await.expect_invalid("body");
    world.operate("owner", Call::post(OPERATORS)).await.expect_error(415, "UnsupportedMediaType");
    assert_eq!(world.rows().await[2], 1);
}

async fn whoever_opens_the_socket_is_an_owner(store: TestStore) {
    let world = World::empty(store);
    let call = Call::post(OPERATORS).json(&json!({ "name": "first", "role": "owner" }));
    let answer = world.app.call_from(call, Peer::Local).await.expect(201);
    world.app.newest_audit("Operators_Create", "local", &answer).await;
}
