//! `TeamsExtensionToken_Exchange`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{
    APPLICATION, DEV, EXTENSION, OBJECT, SLICES, TEAMS, TENANT, World, assignment_path, identity_path, text,
};

on_both_engines!(SLICES;
    an_assigned_user_gets_a_token,
    users_without_a_fitting_assignment_are_refused,
    an_assignment_holds_in_its_resource_only,
    a_deleted_identity_comes_back_without_its_old_tokens,
    only_directory_users_may_exchange,
    bodies_and_api_versions_are_checked,
);

async fn exchange(world: &World, token: &str) -> Answer {
    world.app.call(Call::post(EXTENSION).json(&json!({})).bearer(token)).await
}

async fn assign(world: &World, client_ids: &[&str]) {
    let wish = json!({ "principalType": "user", "clientIds": client_ids });
    let call = Call::new("PUT", assignment_path(TENANT, OBJECT)).json(&wish);
    let status = world.call(call).await.status;
    assert!(matches!(status, 200 | 201), "{status}");
}

async fn an_assigned_user_gets_a_token(store: TestStore) {
    let world = World::new(store).await;
    assign(&world, &[]).await;
    let answer = exchange(&world, &world.sign_in(TEAMS, |_| {})).await.expect(200);
    let id = format!("8:acs:{DEV}_{TENANT}_{OBJECT}");
    let token = text(&answer.body["accessToken"]["token"]);
    let expires = world.now().truncate_to_second().plus(Duration::from_secs(4000));
    let access_token = json!({ "token": token, "expiresOn": expires.to_rfc3339() });
    assert_eq!(answer.body, json!({ "identity": { "id": id }, "accessToken": access_token }));
    assert_eq!(world.verify(&token).await, Ok((id.clone(), vec!["chat".to_owned(), "voip".to_owned()])));
    assert_eq!(world.users().await, [(DEV.to_owned(), id, world.now())]);
    exchange(&world, &world.sign_in(TEAMS, |user| user.tenant_id = TENANT.to_uppercase())).await.expect(200);
    assert_eq!(world.users().await.len(), 1);
    let counted = ("TeamsExtensionToken_Exchange".to_owned(), "identity.exchanges".to_owned(), 2);
    assert_eq!(world.usage().await, [counted]);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}

async fn users_without_a_fitting_assignment_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let token = world.sign_in(TEAMS, |_| {});
    let refused = |answer: Answer| {
        let answer = answer.expect_error(403, "Forbidden");
        assert_eq!(answer.body["error"]["innererror"]["code"], "TeamsExtensionNotAssigned");
    };
    refused(exchange(&world, &token).await);
    assign(&world, &["33333333-bbbb-0000-0000-000000000000"]).await;
    refused(exchange(&world, &token).await);
    assign(&world, &["x", &APPLICATION.to_uppercase()]).await;
    exchange(&world, &token).await.expect(200);
    refused(exchange(&world, &world.sign_in(TEAMS, |user| user.client_id = "y".to_owned())).await);
    refused(exchange(&world, &world.sign_in(TEAMS, |user| user.client_id.clear())).await);
    refused(exchange(&world, &world.sign_in(TEAMS, |user| user.tenant_id = OBJECT.to_owned())).await);
    refused(exchange(&world, &world.sign_in(TEAMS, |user| user.object_id = TENANT.to_owned())).await);
    refused(exchange(&world, &world.sign_in(TEAMS, |user| user.tenant_id.clear())).await);
    world.call(Call::delete(assignment_path(TENANT, OBJECT))).await.expect(204);
    refused(exchange(&world, &token).await);
    assert_eq!(world.users().await.len(), 1);
    let counted = ("TeamsExtensionToken_Exchange".to_owned(), "identity.exchanges".to_owned(), 1);
    assert_eq!(world.usage().await, [counted]);
}

async fn an_assignment_holds_in_its_resource_only(store: TestStore) {
    let world = World::new(store).await;
    assign(&world, &[]).await;
    let elsewhere = Call::post(EXTENSION).host(app::OTHER_HOST).bearer(&world.sign_in(TEAMS, |_| {}));
    world.app.call(elsewhere).await.expect_error(403, "Forbidden");
    assert_eq!(world.users().await, []);
}

async fn a_deleted_identity_comes_back_without_its_old_tokens(store: TestStore) {
    let world = World::new(store).await;
    assign(&world, &[]).await;
    let directory_token = world.sign_in(TEAMS, |_| {});
    let answer = exchange(&world, &directory_token).await.expect(200);
    let (id, old) = (text(&answer.body["identity"]["id"]), text(&answer.body["accessToken"]["token"]));
    world.call(Call::delete(identity_path(&id))).await.expect(204);
    assert_eq!(world.verify(&old).await, Err("TokenRevoked"));
    let answer = exchange(&world, &directory_token).await.expect(200);
    assert_eq!(text(&answer.body["identity"]["id"]), id);
    assert!(world.verify(&text(&answer.body["accessToken"]["token"])).await.is_ok());
    assert_eq!(world.verify(&old).await, Err("TokenRevoked"));
}

async fn only_directory_users_may_exchange(store: TestStore) {
    let world = World::new(store).await;
    assign(&world, &[]).await;
    world.takes_directory_users_only(TEAMS, &Call::post(EXTENSION).json(&json!({}))).await;
}

async fn bodies_and_api_versions_are_checked(store: TestStore) {
    let world = World::new(store).await;
    assign(&world, &[]).await;
    let token = world.sign_in(TEAMS, |_| {});
    let ask = |call: Call| world.app.call(call.bearer(&token));
    ask(Call::post(EXTENSION)).await.expect(200);
    for bad in ["{", "[]", "1"] {
        ask(Call::post(EXTENSION).body("application/json", bad)).await.expect_invalid("body");
    }
    let path = "/access/teamsExtension/:exchangeAccessToken";
    ask(Call::post(path)).await.expect_error(400, "MissingApiVersionParameter");
    for old in ["2023-10-01", "2024-04-01-preview", "banana"] {
        let answer = ask(Call::post(format!("{path}?api-version={old}"))).await;
        answer.expect_error(400, "UnsupportedApiVersionValue");
    }
    for known in ["2025-03-02-preview", "2025-06-30", "2099-12-31"] {
        ask(Call::post(format!("{path}?api-version={known}"))).await.expect(200);
    }
}
