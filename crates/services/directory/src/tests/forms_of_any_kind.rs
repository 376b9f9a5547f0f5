//! No form, query or token makes the service fail.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use trunkline_testkit::{Call, TestStore};

use super::door::{Door, FORM, Signer, form};
use super::harness::{SLICES, text};

/// Names that matter, and others.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "scope",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "response_type",
        "response_mode",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "username",
        "password",
        "resource",
        "tenant",
    ];
    prop_oneof![4 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

/// Values that lead deep into the service, and others.
fn value(client_id: &str) -> impl Strategy<Value = String> + use<> {
    let known = [
        client_id,
        "client_credentials",
        "authorization_code",
        "refresh_token",
        "code",
        "S256",
        "form_post",
        "https://app.example/done",
        "http://localhost:1/done",
        "https://communication.azure.com/.default",
        "openid",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "ada@example.com",
        "e30.e30.e30",
        "a.b.c",
    ];
    let known = known.map(str::to_owned).to_vec();
    prop_oneof![4 => proptest::sample::select(known), 2 => "\\PC{0,40}", 1 => "[\\x00-\\xff]{0,40}"]
}

#[test]
fn no_form_query_or_token_fails() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (door, id) = runtime.block_on(async {
        let door = Door::new(TestStore::ephemeral(SLICES).await).await;
        let id = text(&door.application("shop").await["clientId"]);
        door.user("ada@example.com").await;
        (door, id)
    });
    let fields = proptest::collection::vec((name(), value(&id)), 0..12);
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(fields, "\\PC{0,60}"), |(fields, raw)| {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let path = |end: &str| format!("/{}/oauth2/v2.0/{end}", door.tenant);
        runtime.block_on(async {
            for call in [
                Call::post(path("token")).body(FORM, form(&pairs)),
                Call::post(path("token")).body(FORM, raw.clone()),
                Call::post(path("authorize")).body(FORM, form(&pairs)),
                Call::get(format!("{}?{}", path("authorize"), form(&pairs))),
                Call::get(format!("/metadata/identity/oauth2/token?{}", form(&pairs)))
                    .header("metadata", "true"),
            ] {
                let answer = door.app.call(call).await;
                prop_assert!(answer.status < 500, "{}: {}", answer.status, answer.body);
                let echoed = String::from_utf8_lossy(&answer.bytes).to_lowercase();
                prop_assert!(!echoed.contains("<script>alert"));
            }
            Ok(())
        })
    });
    outcome.expect("no answer is a failure of the server");
}

#[test]
fn no_claims_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (door, signer) = runtime.block_on(async {
        let door = Door::new(TestStore::ephemeral(SLICES).await).await;
        (door, Signer::ec())
    });
    let claim = prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        any::<i64>().prop_map(|number| json!(number)),
        "\\PC{0,30}".prop_map(|text| json!(text)),
    ];
    let names = ["aud", "exp", "nbf", "oid", "sub", "appid", "idtyp", "gen", "sid", "tid"];
    let claims = proptest::collection::vec((proptest::sample::select(names.to_vec()), claim), 0..8);
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&claims, |claims| {
        let mut document = json!({ "iss": door.issuer() });
        for (name, value) in claims {
            document[name] = value;
        }
        let status = runtime.block_on(async { door.probe("data", &signer.token(&document)).await.status });
        prop_assert_eq!(status, 401);
        Ok(())
    });
    outcome.expect("every such token is refused");
}
