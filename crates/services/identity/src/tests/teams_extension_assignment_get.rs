//! `TeamsExtensionAssignment_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{APPLICATION, OBJECT, SLICES, TENANT, World, assignment_path};

on_both_engines!(SLICES;
    an_assignment_is_shown,
    what_is_not_there_is_not_found,
    readers_may_look_and_strangers_may_not,
    ids_in_the_path_are_guids,
);

async fn put(world: &World) {
    let wish = json!({ "principalType": "user", "clientIds": [APPLICATION] });
    let call = Call::new("PUT", assignment_path(TENANT, OBJECT)).json(&wish);
    world.call(call).await.expect(201);
}

async fn an_assignment_is_shown(store: TestStore) {
    let world = World::new(store).await;
    put(&world).await;
    let expected = json!({
        "tenantId": TENANT, "objectId": OBJECT, "principalType": "user", "clientIds": [APPLICATION],
    });
    for (tenant, object) in [(TENANT, OBJECT), (TENANT, &*OBJECT.to_uppercase())] {
        let answer = world.call(Call::get(assignment_path(tenant, object))).await.expect(200);
        assert_eq!(answer.body, expected);
    }
}

async fn what_is_not_there_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    put(&world).await;
    for (tenant, object) in [(OBJECT, TENANT), (TENANT, APPLICATION), (APPLICATION, OBJECT)] {
        let answer = world.call(Call::get(assignment_path(tenant, object))).await;
        answer.expect_error(404, "AssignmentNotFound");
    }
    let key = world.resources.key("other", KeySlot::Primary);
    let elsewhere = Call::get(assignment_path(TENANT, OBJECT)).host(app::OTHER_HOST).signed(&key);
    world.app.call(elsewhere).await.expect_error(404, "AssignmentNotFound");
}

async fn readers_may_look_and_strangers_may_not(store: TestStore) {
    let world = World::new(store).await;
    put(&world).await;
    let call = Call::get(assignment_path(TENANT, OBJECT));
    world.refuses_strangers(&call).await;
    world.app.call(call.bearer("app:data:reader:1")).await.expect(200);
}

async fn ids_in_the_path_are_guids(store: TestStore) {
    let world = World::new(store).await;
    world.call(Call::get(assignment_path("x", OBJECT))).await.expect_invalid("tenantId");
    world.call(Call::get(assignment_path(TENANT, "a_b"))).await.expect_invalid("objectId");
    let path = format!("/access/teamsExtension/tenants/{TENANT}/assignments/{OBJECT}");
    world.call(Call::get(path.clone())).await.expect_error(400, "MissingApiVersionParameter");
    let old = world.call(Call::get(format!("{path}?api-version=2023-10-01"))).await;
    old.expect_error(400, "UnsupportedApiVersionValue");
}
