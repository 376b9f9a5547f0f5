//! `RoleAssignments_Create`.

use std::collections::BTreeMap;

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ROLES, SLICES, World, settings, text, woken};
use crate::Issuer;

on_both_engines!(SLICES;
    a_role_holds_at_once_where_it_was_given,
    every_name_of_a_principal_is_understood,
    principals_of_other_issuers_need_an_issuer,
    conflicts_are_told,
    bad_roles_principals_and_resources_are_refused,
    owners_may_assign,
);

const FOREIGN: &str = "ffffffff-0000-4000-8000-000000000001";

async fn a_role_holds_at_once_where_it_was_given(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    assert_eq!(world.grants(&shop["objectId"]).await, Vec::<String>::new());
    let mut changes = world.changes();
    let new = json!({ "principal": shop["clientId"], "role": "sms-sender", "resource": "dev" });
    let answer = world.post(ROLES, &new).await.expect(201);
    let id = text(&answer.body["id"]);
    let shown = json!({
        "id": id, "principalId": shop["objectId"], "principalName": "shop", "role": "sms-sender",
        "resource": "dev", "createdOn": world.now().to_rfc3339(),
    });
    assert_eq!(answer.body, shown);
    let dev = world.resources.view("dev").id;
    assert_eq!(world.grants(&shop["objectId"]).await, [format!("sms-sender@{dev}")]);
    woken(&mut changes).await;
    let audited = world.app.newest_audit("RoleAssignments_Create", "owner", &answer).await;
    let detail = json!({ "principal": shop["objectId"], "role": "sms-sender", "resource": "dev" });
    assert_eq!(audited, (id, detail));
    let everywhere = world.role(&shop["clientId"], "owner", None).await;
    assert_eq!(everywhere.get("resource"), None);
    assert_eq!(world.grants(&shop["objectId"]).await, ["owner".to_owned(), format!("sms-sender@{dev}")]);
    // A deleted resource takes the roles on it along.
    let before = world.now().minus(std::time::Duration::from_micros(1));
    let kept = world.directory.forget_resource(dev, before).await.expect("written");
    assert_eq!(kept, 0, "it was given since");
    assert_eq!(world.directory.forget_resource(dev, world.now()).await.expect("written"), 1);
    assert_eq!(world.grants(&shop["objectId"]).await, ["owner"]);
    assert_eq!(world.directory.forget_resource(dev, world.now()).await.expect("written"), 0);
}

async fn every_name_of_a_principal_is_understood(store: TestStore) {
    let world = World::new(store).await;
    let (shop, ada) = (world.application("shop").await, world.user("ada").await);
    for (named, role, principal) in [
        (&shop["objectId"], "reader", &shop),
        (&shop["clientId"], "contributor", &shop),
        (&json!("shop"), "owner", &shop),
        (&ada["objectId"], "reader", &ada),
        (&json!("ADA"), "owner", &ada),
    ] {
        let given = world.role(named, role, None).await;
        assert_eq!(given["principalId"], principal["objectId"], "{named}");
    }
    world.user("shop").await;
    let new = json!({ "principal": "shop", "role": "reader", "resource": "dev" });
    world.post(ROLES, &new).await.expect_error(409, "Conflict");
}

async fn principals_of_other_issuers_need_an_issuer(store: TestStore) {
    let world = World::new(store).await;
    let new = json!({ "principal": FOREIGN, "role": "reader" });
    world.post(ROLES, &new).await.expect_error(404, "NotFound");
    world.nothing_changed([0; 4], 0).await;
    let issuer = Issuer {
        issuer: "https://issuer.example".to_owned(),
        audiences: Vec::new(),
        management_audiences: Vec::new(),
        clients: Vec::new(),
        tenants: Vec::new(),
        jwks_url: None,
        role_claim: "roles".to_owned(),
        roles: BTreeMap::new(),
    };
    let world = world.restarted(vec![issuer], settings()).await;
    let answer = world.post(ROLES, &new).await.expect(201);
    assert_eq!(answer.body["principalId"], FOREIGN);
    assert_eq!(answer.body.get("principalName"), None);
    assert_eq!(world.grants(&json!(FOREIGN)).await, ["reader"]);
    assert!(!world.is_known(&json!(FOREIGN)).await);
    let mistyped = json!({ "principal": "nobody", "role": "reader" });
    world.post(ROLES, &mistyped).await.expect_error(404, "NotFound");
}

async fn conflicts_are_told(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    world.role(&shop["clientId"], "reader", None).await;
    world.role(&shop["clientId"], "reader", Some("dev")).await;
    let again = json!({ "principal": "shop", "role": "reader" });
    world.post(ROLES, &again).await.expect_error(409, "RoleAssignmentExists");
    world.nothing_changed([1, 0, 0, 2], 3).await;
}

async fn bad_roles_principals_and_resources_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    for role in ["", "Owner", "sender", "fax-sender"] {
        let new = json!({ "principal": "shop", "role": role });
        world.post(ROLES, &new).await.expect_invalid("role");
    }
    for (resource, status) in [("nobody", 404), ("", 400), ("-", 400)] {
        let new = json!({ "principal": "shop", "role": "reader", "resource": resource });
        let answer = world.post(ROLES, &new).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.body["error"]["target"], "resource");
    }
    for principal in ["", "nobody", FOREIGN] {
        let answer = world.post(ROLES, &json!({ "principal": principal, "role": "reader" })).await;
        assert_eq!(answer.expect_error(404, "NotFound").body["error"]["target"], "principal");
    }
    world.post(ROLES, &json!({ "role": "reader" })).await.expect_invalid("body");
    world.nothing_changed([1, 0, 0, 0], 1).await;
}

async fn owners_may_assign(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let call = Call::post(ROLES).json(&json!({ "principal": "shop", "role": "reader" }));
    world.takes_operators_from("owner", &call).await;
}
