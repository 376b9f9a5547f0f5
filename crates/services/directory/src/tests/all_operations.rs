//! A walk over every operation of operators.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::{KeySlot, Operation};

use super::harness::{SLICES, World, text};
use crate::operations;

on_both_engines!(SLICES; every_operation_refuses_strangers, every_change_is_audited);

/// What operations can be called on.
struct Fixtures {
    credential: String,
    assignment: String,
}

async fn fixtures(world: &World, number: usize) -> Fixtures {
    let name = format!("shop{number}");
    world.application(&name).await;
    world.user(&format!("user{number}")).await;
    let path = format!("/trunkline/directory/applications/{name}/credentials");
    let credential = world.post(&path, &json!({ "kind": "secret" })).await.expect(201).body;
    let assignment = world.role(&json!(name), "reader", None).await;
    Fixtures { credential: text(&credential["id"]), assignment: text(&assignment["id"]) }
}

/// A call that succeeds with the right credentials, on fixtures of their own.
fn call(operation: &Operation, fixtures: &Fixtures, number: usize) -> Call {
    let id = if operation.id == "Credentials_Delete" { &fixtures.credential } else { &fixtures.assignment };
    let path = operation
        .path
        .replace("{clientId}", &format!("shop{number}"))
        .replace("{user}", &format!("user{number}"))
        .replace("{id}", id);
    let body: Option<Value> = match operation.id {
        "Applications_Create" => Some(json!({ "name": format!("new{number}") })),
        "Applications_Update" => Some(json!({ "isManagedIdentity": true })),
        "Credentials_Add" => Some(json!({ "kind": "secret" })),
        "DirectoryUsers_Create" => Some(json!({ "userName": format!("new{number}") })),
        "DirectoryUsers_Update" => Some(json!({ "displayName": "Ada" })),
        "RoleAssignments_Create" => Some(json!({ "principal": format!("shop{number}"), "role": "owner" })),
        _ => None,
    };
    let call = Call::new(operation.method.as_str(), path);
    match body {
        Some(body) => call.json(&body),
        None => call,
    }
}

async fn every_operation_refuses_strangers(store: TestStore) {
    let world = World::new(store).await;
    let routed: Vec<_> = world.directory.routes().operations().map(|operation| operation.id).collect();
    for operation in operations::ALL.iter().chain(crate::operations_oauth::ALL) {
        assert!(routed.contains(&operation.id), "{} has no handler", operation.id);
    }
    assert_eq!(routed.len(), operations::ALL.len() + crate::operations_oauth::ALL.len());
    let fixtures = fixtures(&world, 0).await;
    let (rows, audited) = (world.rows().await, world.app.audit_log().await.len());
    let own = world.resources.key("dev", KeySlot::Primary);
    for operation in operations::ALL {
        let call = call(operation, &fixtures, 0);
        world.app.call(call.clone()).await.expect_denied("CredentialsMissing");
        world.app.call(call.clone().signed(&own)).await.expect_error(403, "Forbidden");
        world.app.call(call.bearer("nonsense")).await.expect_denied("TokenUnknown");
    }
    world.nothing_changed(rows, audited).await;
}

async fn every_change_is_audited(store: TestStore) {
    let world = World::new(store).await;
    for (number, operation) in operations::ALL.iter().enumerate() {
        let fixtures = fixtures(&world, number).await;
        let before = world.app.audit_log().await.len();
        let answer = world.operate("owner", call(operation, &fixtures, number)).await;
        let answer = answer.expect(operation.success);
        let expected = before + usize::from(operation.is_change());
        assert_eq!(world.app.audit_log().await.len(), expected, "{}", operation.id);
        if operation.is_change() {
            world.app.newest_audit(operation.id, "owner", &answer).await;
        }
    }
}
