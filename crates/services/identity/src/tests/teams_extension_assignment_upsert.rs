//! `TeamsExtensionAssignment_Upsert`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{
    APPLICATION, DEV, EXTENSION, OBJECT, SLICES, TEAMS, TENANT, World, assignment_path, text, woken,
};

on_both_engines!(SLICES;
    an_assignment_is_created_and_replaced,
    taking_an_application_away_ends_tokens_and_adding_one_does_not,
    bodies_and_ids_are_checked,
    contributors_may_assign_and_strangers_may_not,
    two_creations_at_once_make_one,
);

const TABLE: &str = "identity_teams_extension_assignments";

async fn put(world: &World, wish: &Value) -> Answer {
    world.call(Call::new("PUT", assignment_path(TENANT, OBJECT)).json(wish)).await
}

async fn an_assignment_is_created_and_replaced(store: TestStore) {
    let world = World::new(store).await;
    let without = json!({ "tenantId": TENANT, "objectId": OBJECT, "principalType": "resourceAccount" });
    let wish = json!({ "principalType": "resourceAccount" });
    assert_eq!(put(&world, &wish).await.expect(201).body, without);
    let long = json!({ "principalType": "teamsResourceAccount", "clientIds": null, "newer": 1 });
    assert_eq!(put(&world, &long).await.expect(200).body, without);
    let wish = json!({ "principalType": "user", "clientIds": [APPLICATION, "spa", "SPA"] });
    let mut with = wish.clone();
    with["clientIds"] = json!([APPLICATION, "spa"]);
    with["tenantId"] = json!(TENANT);
    with["objectId"] = json!(OBJECT);
    assert_eq!(put(&world, &wish).await.expect(200).body, with);
    let shown = world.call(Call::get(assignment_path(TENANT, OBJECT))).await.expect(200);
    assert_eq!(shown.body, with);
    assert_eq!(world.app.count(TABLE).await, 1);
    assert_eq!((world.users().await, world.usage().await), (vec![], vec![]));
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn taking_an_application_away_ends_tokens_and_adding_one_does_not(store: TestStore) {
    let world = World::new(store).await;
    let with = |ids: &[&str]| json!({ "principalType": "user", "clientIds": ids });
    put(&world, &with(&[APPLICATION])).await.expect(201);
    let call = Call::post(EXTENSION).bearer(&world.sign_in(TEAMS, |_| {}));
    let answer = world.app.call(call.clone()).await.expect(200);
    let (id, token) = (text(&answer.body["identity"]["id"]), text(&answer.body["accessToken"]["token"]));
    put(&world, &with(&[APPLICATION, "another"])).await.expect(200);
    put(&world, &with(&[])).await.expect(200);
    assert!(world.verify(&token).await.is_ok());
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    let mut wakes = world.revocations();
    put(&world, &with(&["another"])).await.expect(200);
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    assert_eq!(woken(&mut wakes).await, format!("{DEV} {id}"));
    let event = json!({ "resource": DEV, "kind": crate::TOKENS_REVOKED, "subject": id, "payload": {} });
    assert_eq!(world.app.events().await, [event]);
    world.app.call(call).await.expect_error(403, "Forbidden");
}

async fn bodies_and_ids_are_checked(store: TestStore) {
    let world = World::new(store).await;
    for bad in [
        json!({}),
        json!({ "principalType": "group" }),
        json!({ "principalType": "user", "clientIds": "x" }),
        json!({ "principalType": "user", "clientIds": [1] }),
    ] {
        put(&world, &bad).await.expect_invalid("body");
    }
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    for bad in [json!([""]), json!(["a b"]), json!(["é"]), json!(["x".repeat(201)]), json!(many)] {
        put(&world, &json!({ "principalType": "user", "clientIds": bad })).await.expect_invalid("clientIds");
    }
    world
        .call(Call::new("PUT", assignment_path(TENANT, OBJECT)))
        .await
        .expect_error(415, "UnsupportedMediaType");
    let wish = json!({ "principalType": "user" });
    for (tenant, object, target) in [("x", OBJECT, "tenantId"), (TENANT, "8:acs:x", "objectId")] {
        world
            .call(Call::new("PUT", assignment_path(tenant, object)).json(&wish))
            .await
            .expect_invalid(target);
    }
    assert_eq!(world.app.count(TABLE).await, 0);
    let most: Vec<String> = (0..100).map(|number| format!("{number:0>200}")).collect();
    put(&world, &json!({ "principalType": "user", "clientIds": most })).await.expect(201);
}

async fn contributors_may_assign_and_strangers_may_not(store: TestStore) {
    let world = World::new(store).await;
    let wish = json!({ "principalType": "user" });
    let call = Call::new("PUT", assignment_path(TENANT, OBJECT)).json(&wish);
    world.refuses_strangers(&call).await;
    world.app.call(call.clone().bearer("app:data:reader")).await.expect_error(403, "Forbidden");
    assert_eq!(world.app.count(TABLE).await, 0);
    world.app.call(call.bearer("app:data:contributor:1")).await.expect(201);
}

async fn two_creations_at_once_make_one(store: TestStore) {
    let world = World::new(store).await;
    let wish = json!({ "principalType": "user" });
    let (first, second) = tokio::join!(put(&world, &wish), put(&world, &wish));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    assert_eq!(world.app.count(TABLE).await, 1);
}
