//! `Discovery_Get` and `Keys_Get`: how anybody verifies a token.

use serde_json::{Value, json};
use trunkline_kernel::jws::{Jwk, Unverified, VerifyingKey};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::harness::{SLICES, World, claims, text};

on_both_engines!(SLICES;
    anybody_can_verify_a_token_from_the_published_documents,
    each_resource_is_its_own_issuer,
);

async fn anybody_can_verify_a_token_from_the_published_documents(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat"]).await;
    let issuer = text(&claims(&token)["iss"]);
    let get = |url: String| {
        let target = url.strip_prefix(app::ORIGIN).expect("at the origin").to_owned();
        world.app.call(Call::get(target))
    };
    let discovery = get(format!("{issuer}/.well-known/openid-configuration")).await.expect(200).body;
    assert_eq!(discovery["issuer"], issuer);
    assert_eq!(discovery["id_token_signing_alg_values_supported"], json!(["ES256"]));
    let keys = get(text(&discovery["jwks_uri"])).await.expect(200).body;
    let unverified = Unverified::parse(&token).expect("a token");
    let named = |key: &&Value| key["kid"].as_str() == unverified.kid();
    let published = keys["keys"].as_array().expect("a list").iter().find(named).expect("the key").clone();
    assert_eq!(published.get("d"), None, "no private part");
    let jwk: Jwk = serde_json::from_value(published).expect("a key");
    let key = VerifyingKey::from_jwk(&jwk).expect("usable");
    assert_eq!(unverified.verify::<Value>(&key).expect("verifies")["resourceId"], claims(&token)["aud"]);
}

async fn each_resource_is_its_own_issuer(store: TestStore) {
    let world = World::new(store).await;
    let ask = |host: &str| world.app.call(Call::get("/.well-known/openid-configuration").host(host));
    let other = ask(app::OTHER_HOST).await.expect(200).body;
    assert_eq!(other["issuer"], "https://other.comm.example:8443");
    assert_eq!(other["jwks_uri"], "https://other.comm.example:8443/trunkline/keys");
    // Hosts of no resource get the server's own.
    assert_eq!(ask("foreign.example").await.expect(200).body["issuer"], app::ORIGIN);
    // Credentials are not needed, and nobody looks at them.
    world.app.call(Call::get("/trunkline/keys").bearer("nonsense")).await.expect(200);
}
