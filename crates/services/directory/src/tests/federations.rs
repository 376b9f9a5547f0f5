//! Workload identity federation: tokens of another issuer stand for an application.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, TestStore, on_both_engines};

use super::door::{DATA, Door, Signer, expect_oauth_error, merged};
use super::harness::{SLICES, text};

on_both_engines!(SLICES;
    a_token_of_the_federated_issuer_is_enough,
    issuer_subject_and_audience_fit_exactly,
    forged_and_untimely_tokens_are_refused,
    an_unreachable_issuer_is_asked_rarely,
);

const ISSUER: &str = "https://cluster.example/ns";
const SUBJECT: &str = "system:serviceaccount:shop:calls";

struct Workload {
    door: Door,
    id: String,
    signer: Signer,
}

impl Workload {
    async fn new(store: TestStore) -> Self {
        let door = Door::new(store).await;
        let application = door.application("shop").await;
        let federation = json!({ "kind": "federated", "issuer": ISSUER, "subject": SUBJECT });
        door.credential(&application, &federation).await;
        Self { id: text(&application["clientId"]), door, signer: Signer::ec() }
    }

    fn claims(&self) -> Value {
        let now = self.door.now().as_seconds();
        json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"], "iat": now,
            "exp": now + 24 * 3600,
        })
    }

    async fn present(&self, assertion: &str) -> Answer {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", self.id.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
            ("scope", DATA),
        ];
        self.door.ask(&fields).await
    }
}

async fn a_token_of_the_federated_issuer_is_enough(store: TestStore) {
    let workload = Workload::new(store).await;
    workload.door.web.publish_issuer(ISSUER, &[&workload.signer]);
    let assertion = workload.signer.token(&workload.claims());
    // A file in the workload holds it for hours, so it is good more than once.
    for _ in 0..3 {
        let token = workload.present(&assertion).await.expect(200);
        workload.door.probe("data", &text(&token.body["access_token"])).await.expect(200);
    }
    assert_eq!(workload.door.web.asked(), 2);
}

async fn issuer_subject_and_audience_fit_exactly(store: TestStore) {
    let workload = Workload::new(store).await;
    workload.door.web.publish_issuer(ISSUER, &[&workload.signer]);
    for changes in [
        json!({ "sub": "system:serviceaccount:shop:other" }),
        json!({ "sub": SUBJECT.to_uppercase() }),
        json!({ "sub": format!("{SUBJECT}2") }),
        json!({ "iss": format!("{ISSUER}/") }),
        json!({ "iss": "https://cluster.example" }),
        json!({ "aud": "api://azureadtokenexchange" }),
        json!({ "aud": ["other"] }),
    ] {
        let assertion = workload.signer.token(&merged(&workload.claims(), &changes));
        expect_oauth_error(&workload.present(&assertion).await, 401, "invalid_client", 70_021);
    }
    // Nobody was asked for keys of what does not fit.
    assert_eq!(workload.door.web.asked(), 0);
    let other = workload.door.application("other").await;
    let assertion = workload.signer.token(&workload.claims());
    let stranger = Workload { id: text(&other["clientId"]), ..workload };
    expect_oauth_error(&stranger.present(&assertion).await, 401, "invalid_client", 70_021);
}

async fn forged_and_untimely_tokens_are_refused(store: TestStore) {
    let workload = Workload::new(store).await;
    workload.door.web.publish_issuer(ISSUER, &[&workload.signer]);
    let (now, forger) = (workload.door.now().as_seconds(), Signer::ec());
    let kid = workload.signer.jwk()["kid"].clone();
    for (assertion, number) in [
        (forger.token(&workload.claims()), 700_027),
        (forger.sign(&json!({ "alg": "ES256", "kid": kid }), &workload.claims()), 700_027),
        (workload.signer.sign(&json!({ "alg": "RS256", "kid": kid }), &workload.claims()), 700_027),
        (workload.signer.sign(&json!({ "alg": "ES256" }), &workload.claims()), 700_027),
        (workload.signer.token(&merged(&workload.claims(), &json!({ "exp": now }))), 700_024),
        (workload.signer.token(&merged(&workload.claims(), &json!({ "nbf": now + 301 }))), 700_024),
    ] {
        expect_oauth_error(&workload.present(&assertion).await, 401, "invalid_client", number);
    }
}

async fn an_unreachable_issuer_is_asked_rarely(store: TestStore) {
    let workload = Workload::new(store).await;
    let assertion = workload.signer.token(&workload.claims());
    for _ in 0..3 {
        let answer = workload.present(&assertion).await;
        expect_oauth_error(&answer, 503, "temporarily_unavailable", 90_033);
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(workload.door.web.asked(), 1);
    // A document that names another issuer counts as none.
    let foreign = json!({ "issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys" });
    workload.door.web.publish(&format!("{ISSUER}/.well-known/openid-configuration"), foreign);
    workload.door.advance(30);
    assert_eq!(workload.present(&assertion).await.status, 503);
    workload.door.web.publish_issuer(ISSUER, &[&workload.signer]);
    workload.door.advance(30);
    workload.present(&assertion).await.expect(200);
}
