//! `Credentials_Add`.

use serde_json::{Value, json};
use trunkline_store::{StoreError, params};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, World, text, woken};
use crate::credentials::{CREDENTIALS_MAX, hash_secret};

on_both_engines!(SLICES;
    a_generated_secret_is_shown_once_and_kept_as_a_hash,
    a_given_secret_is_kept_as_a_hash,
    a_certificate_shows_its_thumbprint_and_end,
    a_federation_shows_whom_it_trusts,
    bad_credentials_are_refused,
    there_is_a_limit,
    owners_may_add,
);

const PATH: &str = "/trunkline/directory/applications/shop/credentials";

async fn material(world: &World) -> Vec<u8> {
    let sql = "SELECT material FROM directory_credentials";
    let read: Result<Vec<u8>, StoreError> =
        world.app.store.read(move |tx| tx.query_one(sql, params![])?.get(0)).await;
    read.expect("one row")
}

pub(super) fn certificate() -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2030, 1, 1);
    parameters.self_signed(&key).expect("it can be made").pem()
}

async fn a_generated_secret_is_shown_once_and_kept_as_a_hash(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    let mut changes = world.changes();
    let new = json!({ "kind": "secret", "displayName": "first", "expiresOn": "2027-01-01T00:00:00Z" });
    let answer = world.post(PATH, &new).await.expect(201);
    let (id, secret) = (text(&answer.body["id"]), text(&answer.body["secret"]));
    assert!(secret.starts_with("tlcs_") && secret.len() == 48, "{secret}");
    let mut shown = json!({
        "id": id, "kind": "secret", "displayName": "first", "hint": secret[5..8],
        "expiresOn": "2027-01-01T00:00:00.000000+00:00", "createdOn": world.now().to_rfc3339(),
    });
    let listed = world.get(format!("{APPLICATIONS}/shop")).await.expect(200);
    assert_eq!(listed.body["credentials"], json!([shown]));
    shown["secret"] = json!(secret);
    assert_eq!(answer.body, shown);
    assert_eq!(material(&world).await, hash_secret(&secret));
    woken(&mut changes).await;
    let audited = world.app.newest_audit("Credentials_Add", "owner", &answer).await;
    let detail = json!({ "credential": id, "kind": "secret", "hint": secret[5..8] });
    assert_eq!(audited, (text(&shop["clientId"]), detail));
}

async fn a_given_secret_is_kept_as_a_hash(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let new = json!({ "kind": "secret", "secret": "a-given-secret-of-mine" });
    let answer = world.post(PATH, &new).await.expect(201);
    assert_eq!(answer.body["hint"], "a-g");
    assert_eq!(answer.body.get("expiresOn"), None);
    assert_eq!(material(&world).await, hash_secret("a-given-secret-of-mine"));
    world.post(PATH, &new).await.expect_error(409, "Conflict");
    world.nothing_changed([1, 1, 0, 0], 2).await;
}

async fn a_certificate_shows_its_thumbprint_and_end(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let new = json!({ "kind": "certificate", "certificate": certificate() });
    let answer = world.post(PATH, &new).await.expect(201);
    assert_eq!(text(&answer.body["hint"]).len(), 40);
    assert_eq!(answer.body["expiresOn"], "2030-01-01T00:00:00.000000+00:00");
    assert_eq!(answer.body.get("secret"), None);
    assert_eq!(answer.body.get("issuer"), None);
    world.post(PATH, &new).await.expect_error(409, "Conflict");
}

async fn a_federation_shows_whom_it_trusts(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let new = json!({ "kind": "federated", "issuer": "https://issuer.example", "subject": "system:shop" });
    let answer = world.post(PATH, &new).await.expect(201);
    assert_eq!(answer.body["issuer"], "https://issuer.example");
    assert_eq!(answer.body["subject"], "system:shop");
    assert_eq!(answer.body["audience"], "api://AzureADTokenExchange");
    world.post(PATH, &new).await.expect_error(409, "Conflict");
    let other = json!({
        "kind": "federated", "issuer": "https://issuer.example", "subject": "system:shop", "audience": "mine",
    });
    world.post(PATH, &other).await.expect(201);
}

async fn bad_credentials_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    for (new, target) in [
        (json!({ "kind": "secret", "secret": "fifteen-letters" }), "secret"),
        (json!({ "kind": "secret", "displayName": "x".repeat(121) }), "displayName"),
        (json!({ "kind": "secret", "expiresOn": "2020-01-01T00:00:00Z" }), "expiresOn"),
        (json!({ "kind": "secret", "certificate": certificate() }), "certificate"),
        (json!({ "kind": "certificate" }), "certificate"),
        (json!({ "kind": "certificate", "certificate": "x" }), "certificate"),
        (json!({ "kind": "certificate", "secret": "a-given-secret-of-mine" }), "secret"),
        (json!({ "kind": "federated", "subject": "x" }), "issuer"),
        (json!({ "kind": "federated", "issuer": "https://issuer.example" }), "subject"),
        (json!({ "kind": "federated", "issuer": "http://issuer.example", "subject": "x" }), "issuer"),
        (json!({ "kind": "password" }), "body"),
        (json!({}), "body"),
    ] {
        let answer = world.post(PATH, &new).await.expect_invalid(target);
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("fifteen-letters"));
    }
    let unknown = format!("{APPLICATIONS}/nobody/credentials");
    world.post(&unknown, &json!({ "kind": "secret" })).await.expect_error(404, "NotFound");
    world.nothing_changed([1, 0, 0, 0], 1).await;
}

async fn there_is_a_limit(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let add = || async { world.post(PATH, &json!({ "kind": "secret" })).await };
    for _ in 0..CREDENTIALS_MAX {
        add().await.expect(201);
    }
    add().await.expect_error(409, "Conflict");
    assert_eq!(world.rows().await[1], i64::try_from(CREDENTIALS_MAX).expect("small"));
}

async fn owners_may_add(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let call = Call::post(PATH).json(&Value::from_iter([("kind", "secret")]));
    world.takes_operators_from("owner", &call).await;
}
