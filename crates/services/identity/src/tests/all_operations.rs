//! A walk over every operation of the service.

use std::collections::BTreeSet;

use serde_json::json;
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::{Allow, KeySlot, Operation, Role};

use super::harness::{CLIENTS, OBJECT, SLICES, TEAMS, TENANT, World};
use crate::operations;

on_both_engines!(SLICES;
    every_operation_is_routed,
    every_operation_refuses_strangers,
    applications_need_the_role_of_the_operation,
    every_change_of_an_operator_is_audited,
);

/// A call that would succeed with the right credentials, as far as one body can fit all.
fn call(operation: &Operation, user: &str) -> Call {
    let path = operation.path.replace("{name}", "dev").replace("{id}", user);
    let path = path.replace("{tenantId}", TENANT).replace("{objectId}", OBJECT);
    let call = Call::new(operation.method.as_str(), format!("{path}?api-version=2025-06-30"));
    let body = json!({
        "scopes": ["chat"], "labels": {}, "token": "x", "appId": "x", "userId": "x", "principalType": "user",
    });
    if operation.body.schema().is_some() { call.json(&body) } else { call }
}

async fn every_operation_is_routed(store: TestStore) {
    let world = World::new(store).await;
    let routed: Vec<_> = world.identity.routes().operations().map(|operation| operation.id).collect();
    let listed: Vec<_> = operations::ALL.iter().map(|operation| operation.id).collect();
    assert_eq!(routed, listed);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
}

async fn every_operation_refuses_strangers(store: TestStore) {
    let world = World::new(store).await;
    let user = world.create().await;
    let token = world.token(&user, &["chat", "voip"]).await;
    let foreign_key = world.resources.key("other", KeySlot::Primary);
    let own_key = world.resources.key("dev", KeySlot::Primary);
    let rows = world.users().await;
    for operation in operations::ALL {
        let ask = |call: Call| world.app.call(call);
        if operation.allow.contains(&Allow::Anyone) {
            ask(call(operation, &user)).await.expect(200);
            continue;
        }
        ask(call(operation, &user)).await.expect_denied("CredentialsMissing");
        ask(call(operation, &user).signed(&foreign_key)).await.expect_denied("SignatureMismatch");
        let foreign = call(operation, &user).host(app::OTHER_HOST).bearer(&token);
        ask(foreign).await.expect_denied("TokenOfAnotherResource");
        ask(call(operation, &user).bearer(&token)).await.expect_error(403, "Forbidden");
        let takes_keys = operation.allow.contains(&Allow::ResourceKey);
        if !takes_keys {
            ask(call(operation, &user).signed(&own_key)).await.expect_error(403, "Forbidden");
        }
        if operation.operator_role().is_none() {
            ask(call(operation, &user).bearer("owner")).await.expect_error(403, "Forbidden");
        }
        let applications = ["app:data:none", "app:data:owner:2", "app:management:owner"];
        for application in applications {
            let answer = ask(call(operation, &user).bearer(application)).await;
            assert!(matches!(answer.status, 401 | 403), "{} {application}", operation.id);
        }
        for audience in
            [CLIENTS, TEAMS].into_iter().filter(|_| !operation.allow.contains(&Allow::DirectoryUser))
        {
            let directory_user = world.sign_in(audience, |_| {});
            let answer = ask(call(operation, &user).bearer(&directory_user)).await;
            assert!(matches!(answer.status, 401 | 403), "{}", operation.id);
        }
    }
    assert_eq!(world.users().await, rows);
    assert_eq!(world.app.audit_log().await.len(), 0);
    assert!(world.verify(&token).await.is_ok());
}

async fn applications_need_the_role_of_the_operation(store: TestStore) {
    let world = World::new(store).await;
    for operation in operations::ALL.iter().filter(|operation| operation.allow.contains(&Allow::ResourceKey))
    {
        let user = world.create().await;
        let least = if operation.is_change() { Role::Contributor } else { Role::Reader };
        assert!(operation.allow.contains(&Allow::Application(least)), "{}", operation.id);
        for role in [Role::Reader, Role::Contributor, Role::Owner] {
            let token = format!("app:data:{}:1", role.as_str());
            let answer = world.app.call(call(operation, &user).bearer(&token)).await;
            assert_eq!(answer.status == 403, role < least, "{} {token}: {}", operation.id, answer.body);
        }
    }
}

async fn every_change_of_an_operator_is_audited(store: TestStore) {
    let world = World::new(store).await;
    for operation in operations::ALL.iter().filter(|operation| operation.operator_role().is_some()) {
        let user = world.create().await;
        let before = world.app.audit_log().await.len();
        let answer = world.operate("owner", call(operation, &user)).await.expect(operation.success);
        if operation.is_change() {
            world.app.newest_audit(operation.id, "owner", &answer).await;
            assert_eq!(world.app.audit_log().await.len(), before + 1, "{}", operation.id);
        } else {
            assert_eq!(world.app.audit_log().await.len(), before, "{}", operation.id);
        }
    }
}
