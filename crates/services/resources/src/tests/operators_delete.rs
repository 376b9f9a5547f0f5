//! `Operators_Delete`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{OPERATORS, RESOURCES, SLICES, World, woken};

on_both_engines!(SLICES; the_token_ends_with_the_204, owners_may_delete, unknown_operators_are_not_found);

async fn token(world: &World, name: &str) -> String {
    let call = Call::post(OPERATORS).json(&json!({ "name": name, "role": "reader" }));
    let answer = world.operate("owner", call).await.expect(201);
    answer.body["token"].as_str().expect("a token").to_owned()
}

async fn the_token_ends_with_the_204(store: TestStore) {
    let world = World::new(store).await;
    let (old, kept) = (token(&world, "ada").await, token(&world, "bea").await);
    world.operate(&old, Call::get(RESOURCES)).await.expect(200);
    let mut changes = world.changes();
    let answer = world.operate("owner", Call::delete(format!("{OPERATORS}/ada"))).await.expect(204);
    world.operate(&old, Call::get(RESOURCES)).await.expect_denied("OperatorTokenUnknown");
    world.operate(&kept, Call::get(RESOURCES)).await.expect(200);
    assert_eq!(world.rows().await[2], 1);
    woken(&mut changes).await;
    let audited = world.app.newest_audit("Operators_Delete", "owner", &answer).await;
    assert_eq!(audited, ("ada".to_owned(), json!({})));
    // Made again with the same name, the old token stays dead.
    token(&world, "ada").await;
    world.operate(&old, Call::get(RESOURCES)).await.expect_denied("OperatorTokenUnknown");
}

async fn owners_may_delete(store: TestStore) {
    let world = World::new(store).await;
    token(&world, "ada").await;
    world.takes_operators_from("owner", &Call::delete(format!("{OPERATORS}/ada"))).await;
}

async fn unknown_operators_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let delete = |name: &str| world.operate("owner", Call::delete(format!("{OPERATORS}/{name}")));
    delete("nobody").await.expect_error(404, "NotFound");
    delete("local").await.expect_error(404, "NotFound");
    delete("%00").await.expect_error(400, "BadRequest");
    assert_eq!(world.app.audit_log().await.len(), 2);
}
