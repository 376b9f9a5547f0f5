//! A walk over every operation of the service.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::{Method, Operation};

use super::harness::{SLICES, World};
use crate::operations;

on_both_engines!(SLICES; every_operation_refuses_strangers, every_change_is_audited);

/// Our own operations and those of ARM.
fn everything() -> impl Iterator<Item = &'static Operation> {
    let lists = [operations::ALL, operations::arm::ALL, operations::resource_manager::ALL];
    lists.into_iter().flatten().copied()
}

/// A call that would succeed with the right credentials.
fn call(operation: &Operation, name: &str) -> Call {
    let path = operation.path.replace("{name}", name).replace("{slot}", "primary");
    let call = Call::new(operation.method.as_str(), path);
    if operation.body.schema().is_some() {
        call.json(&json!({ "name": "ada", "role": "reader" }))
    } else {
        call
    }
}

async fn every_operation_refuses_strangers(store: TestStore) {
    let world = World::new(store).await;
    let routed: Vec<_> = world.resources.routes().operations().map(|operation| operation.id).collect();
    let listed: Vec<_> = everything().map(|operation| operation.id).collect();
    assert_eq!(routed, listed);
    let (rows, audited) = (world.rows().await, world.app.audit_log().await.len());
    let [own, _] = world.keys("dev").await;
    let [foreign, _] = world.keys("other").await;
    for operation in everything() {
        let call = call(operation, "dev");
        let ask = |call: Call| world.app.call(call);
        if operation.method == Method::Head {
            // Its refusals have no body to look at; its own test asks for the statuses.
            continue;
        }
        ask(call.clone()).await.expect_denied("CredentialsMissing");
        ask(call.clone().signed(&foreign)).await.expect_denied("SignatureMismatch");
        let at_home = call.clone().host(app::OTHER_HOST).signed(&foreign);
        ask(at_home).await.expect_error(403, "Forbidden");
        ask(call.clone().signed(&own)).await.expect_error(403, "Forbidden");
        ask(call.bearer("user")).await.expect_error(403, "Forbidden");
    }
    assert_eq!(world.rows().await, rows);
    assert_eq!(world.app.audit_log().await.len(), audited);
}

async fn every_change_is_audited(store: TestStore) {
    let world = World::new(store).await;
    for operation in operations::ALL {
        // Each operation finds what it needs, whatever the ones before it did.
        let name = match operation.id {
            "Resources_Create" => "new",
            "Operators_Delete" => "ada",
            _ => "other",
        };
        if world
            .resources
            .directory()
            .find(&"other".parse().expect("a name"))
            .await
            .is_ok_and(|r| r.is_none())
        {
            world.create("other", &json!({})).await.expect(201);
        }
        let before = world.app.audit_log().await.len();
        let answer = world.operate("owner", call(operation, name)).await.expect(operation.success);
        let expected = before + usize::from(operation.is_change());
        assert_eq!(world.app.audit_log().await.len(), expected, "{}", operation.id);
        if operation.is_change() {
            world.app.newest_audit(operation.id, "owner", &answer).await;
        }
    }
}
