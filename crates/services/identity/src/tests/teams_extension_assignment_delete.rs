//! `TeamsExtensionAssignment_Delete`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{DEV, EXTENSION, OBJECT, SLICES, TEAMS, TENANT, World, assignment_path, text, woken};

on_both_engines!(SLICES;
    deletion_ends_the_tokens_and_keeps_the_identity,
    what_is_not_there_is_not_found,
    contributors_may_delete_and_strangers_may_not,
    assignments_go_with_their_resource,
);

const TABLE: &str = "identity_teams_extension_assignments";

async fn put(world: &World) {
    let call = Call::new("PUT", assignment_path(TENANT, OBJECT)).json(&json!({ "principalType": "user" }));
    world.call(call).await.expect(201);
}

async fn deletion_ends_the_tokens_and_keeps_the_identity(store: TestStore) {
    let world = World::new(store).await;
    put(&world).await;
    let exchange = Call::post(EXTENSION).bearer(&world.sign_in(TEAMS, |_| {}));
    let answer = world.app.call(exchange.clone()).await.expect(200);
    let (id, token) = (text(&answer.body["identity"]["id"]), text(&answer.body["accessToken"]["token"]));
    let mut wakes = world.revocations();
    world.call(Call::delete(assignment_path(TENANT, OBJECT))).await.expect(204);
    assert_eq!(world.app.count(TABLE).await, 0);
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    assert_eq!(woken(&mut wakes).await, format!("{DEV} {id}"));
    let event = json!({ "resource": DEV, "kind": crate::TOKENS_REVOKED, "subject": id, "payload": {} });
    assert_eq!(world.app.events().await, [event]);
    assert_eq!(world.users().await, [(DEV.to_owned(), id, world.now())]);
    // Assigned again, the user gets new tokens, and not the old ones back.
    put(&world).await;
    let fresh = world.app.call(exchange).await.expect(200);
    assert!(world.verify(&text(&fresh.body["accessToken"]["token"])).await.is_ok());
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
}

async fn what_is_not_there_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    put(&world).await;
    let delete = |tenant, object| world.call(Call::delete(assignment_path(tenant, object)));
    delete(OBJECT, TENANT).await.expect_error(404, "AssignmentNotFound");
    delete("x", OBJECT).await.expect_invalid("tenantId");
    // An assignment nobody made use of has no tokens to end.
    delete(TENANT, OBJECT).await.expect(204);
    delete(TENANT, OBJECT).await.expect_error(404, "AssignmentNotFound");
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn contributors_may_delete_and_strangers_may_not(store: TestStore) {
    let world = World::new(store).await;
    put(&world).await;
    let call = Call::delete(assignment_path(TENANT, OBJECT));
    world.refuses_strangers(&call).await;
    world.app.call(call.clone().bearer("app:data:reader")).await.expect_error(403, "Forbidden");
    assert_eq!(world.app.count(TABLE).await, 1);
    world.app.call(call.bearer("app:data:contributor:1")).await.expect(204);
}

async fn assignments_go_with_their_resource(store: TestStore) {
    let world = World::new(store).await;
    put(&world).await;
    let dev = DEV.parse().expect("a GUID");
    let before = world.now().minus(Duration::from_secs(1));
    assert_eq!(world.identity.delete_users_of(dev, before).await.ok(), Some(0));
    assert_eq!(world.app.count(TABLE).await, 1, "it was made since");
    assert_eq!(world.identity.delete_users_of(dev, world.now()).await.ok(), Some(0));
    assert_eq!(world.app.count(TABLE).await, 0);
}
