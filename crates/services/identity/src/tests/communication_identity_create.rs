//! `CommunicationIdentity_Create`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{CREATE, DEV, OTHER, SLICES, World, claims, text};
use crate::scope::Scope;

on_both_engines!(SLICES;
    an_identity_is_created_without_a_token,
    a_token_comes_with_the_identity,
    strangers_are_refused,
    api_versions_are_checked,
    lifetimes_have_two_ends,
    scopes_are_checked,
    bodies_are_checked,
    each_resource_has_identities_of_its_own,
    the_acs_limit_holds_and_the_generous_set_has_none,
);

async fn an_identity_is_created_without_a_token(store: TestStore) {
    let world = World::new(store).await;
    let bodies = [
        Call::post(CREATE),
        Call::post(CREATE).json(&json!({})),
        // Both SDKs send an empty body with a content type.
        Call::post(CREATE).body("application/json", ""),
        Call::post(CREATE).json(&json!({ "createTokenWithScopes": [], "expiresInMinutes": null })),
        Call::post(CREATE).json(&json!({ "somethingNewer": { "a": 1 } })),
    ];
    let mut ids = BTreeSet::new();
    for call in bodies {
        let answer = world.call(call).await.expect(201);
        let id = text(&answer.body["identity"]["id"]);
        assert_eq!(answer.body, json!({ "identity": { "id": id } }));
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        let user = id.strip_prefix(&format!("8:acs:{DEV}_")).expect("the form of the SDKs");
        assert!(user.parse::<uuid::Uuid>().is_ok(), "{id}");
        ids.insert(id);
    }
    let rows: Vec<_> = ids.into_iter().map(|id| (DEV.to_owned(), id, world.now())).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(world.users().await, rows);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    assert_eq!(world.app.count("web_repeatability").await, 0);
}

async fn a_token_comes_with_the_identity(store: TestStore) {
    let world = World::new(store).await;
    let wish = json!({ "createTokenWithScopes": ["chat", "voip"], "expiresInMinutes": 90 });
    let answer = world.call(Call::post(CREATE).json(&wish)).await.expect(201);
    let id = text(&answer.body["identity"]["id"]);
    let token = text(&answer.body["accessToken"]["token"]);
    let expires = world.now().plus(Duration::from_mins(90));
    assert_eq!(answer.body["accessToken"]["expiresOn"], expires.to_rfc3339());
    assert_eq!(world.verify(&token).await, Ok((id.clone(), vec!["chat".to_owned(), "voip".to_owned()])));
    let (issued, claims) = (world.now().as_seconds(), claims(&token));
    assert_eq!(claims["skypeid"], id.strip_prefix("8:").expect("a raw id"));
    assert_eq!(claims["scp"], 1792);
    assert_eq!(claims["csi"], issued.to_string());
    assert_eq!(claims["iat"], issued);
    assert_eq!(claims["exp"], expires.as_seconds());
    assert_eq!(claims["acsScope"], "chat,voip");
    assert_eq!((&claims["resourceId"], &claims["aud"]), (&json!(DEV), &json!(DEV)));
    assert_eq!(claims["iss"], "https://localhost:8443");
    assert_eq!(claims["key"], "primary:1");
    // Python decodes the payload with the plain alphabet.
    let payload = token.split('.').nth(1).expect("three segments");
    assert!(!payload.contains(['-', '_']), "{payload}");
    assert_eq!(world.users().await, [(DEV.to_owned(), id, world.now())]);
}

async fn strangers_are_refused(store: TestStore) {
    World::new(store).await.refuses_strangers(&Call::post(CREATE)).await;
}

async fn api_versions_are_checked(store: TestStore) {
    let world = World::new(store).await;
    world.checks_versions("/identities", Call::post, 201).await;
    assert_eq!(world.users().await.len(), 4);
}

async fn lifetimes_have_two_ends(store: TestStore) {
    let world = World::new(store).await;
    let ask = |minutes: Value| {
        let wish = json!({ "createTokenWithScopes": ["chat"], "expiresInMinutes": minutes });
        world.call(Call::post(CREATE).json(&wish))
    };
    for minutes in [json!(59), json!(1441), json!(0), json!(-60), json!(i32::MAX)] {
        ask(minutes).await.expect_invalid("expiresInMinutes");
    }
    for minutes in [json!(60.5), json!("60"), json!(4_294_967_356_i64), json!([60])] {
        ask(minutes).await.expect_invalid("body");
    }
    assert_eq!(world.users().await, []);
    for (minutes, lasts) in [(json!(60), 60), (json!(1440), 1440), (Value::Null, 1440)] {
        let expires = ask(minutes).await.expect(201).body["accessToken"]["expiresOn"].clone();
        assert_eq!(expires, world.now().plus(Duration::from_mins(lasts)).to_rfc3339());
    }
}

async fn scopes_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let ask =
        |scopes: Value| world.call(Call::post(CREATE).json(&json!({ "createTokenWithScopes": scopes })));
    for bad in [json!(["email"]), json!(["Chat"]), json!(["chat", ""]), json!("chat"), json!([1])] {
        ask(bad).await.expect_invalid("body");
    }
    assert_eq!(world.users().await, []);
    for scope in Scope::ALL.map(Scope::as_str) {
        let answer = ask(json!([scope, scope])).await.expect(201);
        let token = text(&answer.body["accessToken"]["token"]);
        assert_eq!(world.verify(&token).await.expect("valid").1, [scope]);
        assert_eq!(claims(&token)["acsScope"], scope);
    }
}

async fn bodies_are_checked(store: TestStore) {
    let world = World::new(store).await;
    for bad in ["{", "[]", "1", "null x", r#"{"expiresInMinutes":60,"expiresInMinutes":70}"#] {
        world.call(Call::post(CREATE).body("application/json", bad)).await.expect_invalid("body");
    }
    let form = Call::post(CREATE).body("application/x-www-form-urlencoded", "a=b");
    world.call(form).await.expect_error(415, "UnsupportedMediaType");
    world.call(Call::post(CREATE).raw_body("{}")).await.expect_error(415, "UnsupportedMediaType");
    assert_eq!(world.users().await, []);
}

async fn each_resource_has_identities_of_its_own(store: TestStore) {
    let world = World::new(store).await;
    let key = world.resources.key("other", KeySlot::Secondary);
    let wish = json!({ "createTokenWithScopes": ["chat"] });
    let call = Call::post(CREATE).host(trunkline_testkit::app::OTHER_HOST).json(&wish).signed(&key);
    let answer = world.app.call(call).await.expect(201);
    let id = text(&answer.body["identity"]["id"]);
    assert!(id.starts_with(&format!("8:acs:{OTHER}_")));
    let token = text(&answer.body["accessToken"]["token"]);
    assert_eq!(claims(&token)["key"], "secondary:1");
    assert_eq!(claims(&token)["iss"], "https://other.comm.example:8443");
    assert!(world.verify_in("other", &token).await.is_ok());
    assert_eq!(world.verify(&token).await, Err("TokenOfAnotherResource"));
}

async fn the_acs_limit_holds_and_the_generous_set_has_none(store: TestStore) {
    let world = World::with(store, LimitSet::Acs).await;
    // Refused bodies count as well, and write nothing.
    let bad = Call::post(CREATE).body("application/json", "{");
    for _ in 0..1000 {
        world.call(bad.clone()).await.expect_invalid("body");
    }
    let refused = world.call(Call::post(CREATE)).await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(world.users().await, []);
    // Another resource has its own budget, and refused credentials take nothing from it.
    let other = Call::post(CREATE).host(trunkline_testkit::app::OTHER_HOST);
    world.app.call(other.clone().signed(&[9; 64])).await.expect_denied("SignatureMismatch");
    let key = world.resources.key("other", KeySlot::Primary);
    world.app.call(other.signed(&key)).await.expect(201);
    world.advance(Duration::from_secs(1));
    world.call(Call::post(CREATE)).await.expect(201);
    world.advance(Duration::from_secs(30));
    for _ in 0..1000 {
        world.call(bad.clone()).await.expect_invalid("body");
    }
    world.call(Call::post(CREATE)).await.expect_error(429, "TooManyRequests");
}
