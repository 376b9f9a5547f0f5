//! `EntraToken_Exchange`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{
    APPLICATION, CLIENTS, DEV, ENTRA, OBJECT, OTHER, SLICES, TENANT, World, claims, identity_path,
    revoke_path, text, user_path,
};

on_both_engines!(SLICES;
    a_directory_user_gets_a_token_of_an_identity,
    the_identity_is_always_the_same,
    users_tenants_and_resources_have_identities_of_their_own,
    two_exchanges_at_once_make_one_identity,
    a_deleted_identity_is_followed_by_another,
    tokens_are_revoked_like_others,
    only_directory_users_may_exchange,
    bodies_and_api_versions_are_checked,
    the_acs_limit_holds,
);

const METER: &str = "identity.exchanges";

async fn exchange(world: &World, token: &str) -> Answer {
    world.app.call(Call::post(ENTRA).json(&json!({})).bearer(token)).await
}

async fn identity(world: &World, token: &str) -> String {
    text(&exchange(world, token).await.expect(200).body["identity"]["id"])
}

async fn a_directory_user_gets_a_token_of_an_identity(store: TestStore) {
    let world = World::new(store).await;
    let answer = exchange(&world, &world.sign_in(CLIENTS, |_| {})).await.expect(200);
    let id = text(&answer.body["identity"]["id"]);
    let token = text(&answer.body["accessToken"]["token"]);
    let expires = world.now().truncate_to_second().plus(Duration::from_secs(4000));
    let access_token = json!({ "token": token, "expiresOn": expires.to_rfc3339() });
    assert_eq!(answer.body, json!({ "identity": { "id": id }, "accessToken": access_token }));
    let user = id.strip_prefix(&format!("8:acs:{DEV}_")).expect("an identity of the resource");
    assert!(user.parse::<uuid::Uuid>().is_ok(), "{id}");
    assert_ne!(user, OBJECT);
    assert_eq!(world.verify(&token).await, Ok((id.clone(), vec!["chat".to_owned(), "voip".to_owned()])));
    assert_eq!(claims(&token).get("key"), None, "no access key made it");
    assert_eq!(world.users().await, [(DEV.to_owned(), id, world.now())]);
    assert_eq!(world.usage().await, [("EntraToken_Exchange".to_owned(), METER.to_owned(), 1)]);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    // The token ends with the directory token.
    world.advance(Duration::from_secs(4000));
    assert_eq!(world.verify(&token).await, Err("TokenExpired"));
}

async fn the_identity_is_always_the_same(store: TestStore) {
    let world = World::new(store).await;
    let first = identity(&world, &world.sign_in(CLIENTS, |_| {})).await;
    for token in [
        world.sign_in(CLIENTS, |user| user.client_id = "another".to_owned()),
        world.sign_in(CLIENTS, |user| user.object_id = OBJECT.to_uppercase()),
        world.sign_in(CLIENTS, |user| user.issuer = "https://issuer.example/v2.0".to_owned()),
        world.sign_in("api://configured-for-an-issuer", |_| {}),
    ] {
        assert_eq!(identity(&world, &token).await, first);
    }
    assert_eq!(world.users().await.len(), 1);
    assert_eq!(world.usage().await, [("EntraToken_Exchange".to_owned(), METER.to_owned(), 5)]);
}

async fn users_tenants_and_resources_have_identities_of_their_own(store: TestStore) {
    let world = World::new(store).await;
    let token = world.sign_in(CLIENTS, |_| {});
    let mut ids = vec![
        identity(&world, &token).await,
        identity(&world, &world.sign_in(CLIENTS, |user| user.object_id = TENANT.to_owned())).await,
        identity(&world, &world.sign_in(CLIENTS, |user| user.tenant_id = APPLICATION.to_owned())).await,
    ];
    // Issuers without tenants are told apart by their names.
    for issuer in ["https://a.example", "https://b.example"] {
        let token = world.sign_in(CLIENTS, |user| {
            user.tenant_id.clear();
            user.issuer = issuer.to_owned();
        });
        ids.push(identity(&world, &token).await);
    }
    let elsewhere = Call::post(ENTRA).host(app::OTHER_HOST).bearer(&token);
    let answer = world.app.call(elsewhere).await.expect(200);
    let id = text(&answer.body["identity"]["id"]);
    assert!(id.starts_with(&format!("8:acs:{OTHER}_")), "{id}");
    let access_token = text(&answer.body["accessToken"]["token"]);
    assert!(world.verify_in("other", &access_token).await.is_ok());
    assert_eq!(world.verify(&access_token).await, Err("TokenOfAnotherResource"));
    ids.push(id);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert_eq!(world.app.count("identity_directory_users").await, 6);
}

async fn two_exchanges_at_once_make_one_identity(store: TestStore) {
    let world = World::new(store).await;
    let token = world.sign_in(CLIENTS, |_| {});
    let (a, b, c) =
        tokio::join!(identity(&world, &token), identity(&world, &token), identity(&world, &token));
    assert_eq!((&a, &a), (&b, &c));
    assert_eq!(world.users().await.len(), 1);
}

async fn a_deleted_identity_is_followed_by_another(store: TestStore) {
    let world = World::new(store).await;
    let token = world.sign_in(CLIENTS, |_| {});
    let first = identity(&world, &token).await;
    world.call(Call::delete(identity_path(&first))).await.expect(204);
    assert_eq!(world.app.count("identity_directory_users").await, 0);
    let second = identity(&world, &token).await;
    assert_ne!(first, second);
    world.operate("owner", Call::delete(user_path(&second))).await.expect(204);
    let third = identity(&world, &token).await;
    assert_ne!(second, third);
    assert_eq!(world.users().await, [(DEV.to_owned(), third, world.now())]);
    let now = world.now();
    let dev = DEV.parse().expect("a GUID");
    assert_eq!(world.identity.delete_users_of(dev, now).await.ok(), Some(1));
    assert_eq!(world.app.count("identity_directory_users").await, 0);
}

async fn tokens_are_revoked_like_others(store: TestStore) {
    let world = World::new(store).await;
    let directory_token = world.sign_in(CLIENTS, |_| {});
    let answer = exchange(&world, &directory_token).await.expect(200);
    let (id, token) = (text(&answer.body["identity"]["id"]), text(&answer.body["accessToken"]["token"]));
    world.call(Call::post(revoke_path(&id))).await.expect(204);
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    let fresh = exchange(&world, &directory_token).await.expect(200);
    assert_eq!(text(&fresh.body["identity"]["id"]), id);
    assert!(world.verify(&text(&fresh.body["accessToken"]["token"])).await.is_ok());
}

async fn only_directory_users_may_exchange(store: TestStore) {
    let world = World::new(store).await;
    world.takes_directory_users_only(CLIENTS, &Call::post(ENTRA).json(&json!({}))).await;
}

async fn bodies_and_api_versions_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let token = world.sign_in(CLIENTS, |_| {});
    let ask = |call: Call| world.app.call(call.bearer(&token));
    for call in [
        Call::post(ENTRA),
        Call::post(ENTRA).body("application/json", ""),
        Call::post(ENTRA).json(&json!({ "newer": 1 })),
        // One SDK doubles the slash when its endpoint ends in one.
        Call::post(format!("/{ENTRA}")).json(&json!({})),
    ] {
        ask(call).await.expect(200);
    }
    for bad in ["{", "[]", "1"] {
        ask(Call::post(ENTRA).body("application/json", bad)).await.expect_invalid("body");
    }
    ask(Call::post(ENTRA).body("text/plain", "x")).await.expect_error(415, "UnsupportedMediaType");
    let path = "/access/entra/:exchangeAccessToken";
    ask(Call::post(path)).await.expect_error(400, "MissingApiVersionParameter");
    for old in ["2023-10-01", "banana", ""] {
        let answer = ask(Call::post(format!("{path}?api-version={old}"))).await;
        answer.expect_error(400, "UnsupportedApiVersionValue");
    }
    for known in ["2024-04-01-preview", "2025-03-02-preview", "2025-06-30", "2099-12-31"] {
        ask(Call::post(format!("{path}?api-version={known}"))).await.expect(200);
    }
    assert_eq!(world.users().await.len(), 1);
}

async fn the_acs_limit_holds(store: TestStore) {
    let world = World::with(store, LimitSet::Acs).await;
    let token = world.sign_in(CLIENTS, |_| {});
    let bad = Call::post(ENTRA).body("application/json", "{").bearer(&token);
    for _ in 0..500 {
        world.app.call(bad.clone()).await.expect_invalid("body");
    }
    let refused = exchange(&world, &token).await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(world.users().await, []);
}
