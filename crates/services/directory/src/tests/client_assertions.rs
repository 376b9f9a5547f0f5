//! Certificates instead of secrets.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use trunkline_testkit::{Answer, TestStore, app, on_both_engines};

use super::door::{DATA, Door, MANAGEMENT, Signer, expect_oauth_error, merged};
use super::harness::{SLICES, text};

on_both_engines!(SLICES;
    each_algorithm_and_each_name_of_the_certificate_works,
    an_assertion_is_good_once_for_each_resource,
    an_assertion_stays_used_over_a_restart,
    claims_that_do_not_fit_are_refused,
    forgeries_are_refused,
);

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Client {
    door: Door,
    id: String,
    signer: Signer,
}

impl Client {
    async fn new(store: TestStore, signer: Signer) -> Self {
        let door = Door::new(store).await;
        let application = door.application("shop").await;
        door.credential(&application, &json!({ "kind": "certificate", "certificate": signer.pem })).await;
        Self { id: text(&application["clientId"]), door, signer }
    }

    fn claims(&self, jti: &str) -> Value {
        let now = self.door.now().as_seconds();
        json!({
            "iss": self.id, "sub": self.id, "aud": self.door.token_endpoint(), "jti": jti,
            "iat": now, "nbf": now, "exp": now as f64 + 600.5,
        })
    }

    fn header(&self, algorithm: &str) -> Value {
        json!({ "alg": algorithm, "typ": "JWT", "x5t#S256": self.signer.x5t_sha256() })
    }

    async fn present(&self, assertion: &str, scope: &str) -> Answer {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", self.id.as_str()),
            ("client_assertion_type", KIND),
            ("client_assertion", assertion),
            ("scope", scope),
        ];
        self.door.ask(&fields).await
    }
}

async fn each_algorithm_and_each_name_of_the_certificate_works(store: TestStore) {
    let client = Client::new(store, Signer::rsa()).await;
    let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, &client.signer.der);
    let hexadecimal: String = sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    let names = [
        json!({ "x5t#S256": client.signer.x5t_sha256() }),
        // MSAL for Python pads it.
        json!({ "x5t": URL_SAFE.encode(sha1) }),
        json!({ "x5t": URL_SAFE_NO_PAD.encode(sha1) }),
        json!({ "kid": hexadecimal }),
        json!({ "kid": client.signer.x5t_sha256() }),
    ];
    for algorithm in ["RS256", "PS256"] {
        for (number, name) in names.iter().enumerate() {
            let header = merged(&json!({ "alg": algorithm }), name);
            let assertion = client.signer.sign(&header, &client.claims(&format!("{algorithm}{number}")));
            client.present(&assertion, DATA).await.expect(200);
        }
    }
    let ec = Client::new(TestStore::ephemeral(SLICES).await, Signer::ec()).await;
    for (number, audience) in [
        json!(ec.door.token_endpoint()),
        json!(ec.door.issuer()),
        json!([ec.door.issuer()]),
        json!(format!("{}/common/oauth2/v2.0/token", app::ORIGIN)),
    ]
    .into_iter()
    .enumerate()
    {
        let claims = merged(&ec.claims(&number.to_string()), &json!({ "aud": audience }));
        let assertion = ec.signer.sign(&ec.header("ES256"), &claims);
        ec.present(&assertion, DATA).await.expect(200);
    }
}

async fn an_assertion_is_good_once_for_each_resource(store: TestStore) {
    let client = Client::new(store, Signer::ec()).await;
    let assertion = client.signer.sign(&client.header("ES256"), &client.claims("one"));
    client.present(&assertion, DATA).await.expect(200);
    expect_oauth_error(&client.present(&assertion, DATA).await, 401, "invalid_client", 50_013);
    // The official clients use one for several resources.
    client.present(&assertion, MANAGEMENT).await.expect(200);
    expect_oauth_error(&client.present(&assertion, MANAGEMENT).await, 401, "invalid_client", 50_013);
    // Signed anew, the same jti is still used.
    let again = client.signer.sign(&client.header("ES256"), &client.claims("one"));
    expect_oauth_error(&client.present(&again, DATA).await, 401, "invalid_client", 50_013);
    assert_eq!(client.door.app.count("directory_assertions").await, 2);
    client.door.advance(600 + 300);
    assert_eq!(client.door.directory.purge().await.expect("it works"), 2);
    expect_oauth_error(&client.present(&assertion, DATA).await, 401, "invalid_client", 700_024);
}

async fn an_assertion_stays_used_over_a_restart(store: TestStore) {
    let client = Client::new(store, Signer::ec()).await;
    let assertion = client.signer.sign(&client.header("ES256"), &client.claims("one"));
    client.present(&assertion, DATA).await.expect(200);
    let client = Client { door: client.door.restarted().await, ..client };
    expect_oauth_error(&client.present(&assertion, DATA).await, 401, "invalid_client", 50_013);
}

async fn claims_that_do_not_fit_are_refused(store: TestStore) {
    let client = Client::new(store, Signer::ec()).await;
    let now = client.door.now().as_seconds();
    let origin = app::ORIGIN;
    for (changes, number) in [
        (json!({ "exp": now }), 700_024),
        (json!({ "exp": now - 1 }), 700_024),
        (json!({ "exp": now + 2 * 3600 }), 700_024),
        (json!({ "nbf": now + 301 }), 700_024),
        (json!({ "aud": "https://login.microsoftonline.com/common/oauth2/v2.0/token" }), 700_023),
        (json!({ "aud": format!("{origin}/other/oauth2/v2.0/token") }), 700_023),
        (json!({ "aud": format!("{origin}.evil.example/common/oauth2/v2.0/token") }), 700_023),
        (json!({ "aud": [] }), 700_023),
        (json!({ "aud": 7 }), 50_027),
        (json!({ "aud": null }), 50_027),
        (json!({ "exp": null }), 50_027),
        (json!({ "exp": "soon" }), 50_027),
        (json!({ "jti": null }), 50_027),
        (json!({ "jti": "" }), 50_027),
        (json!({ "jti": "x".repeat(257) }), 50_027),
        // Not its own: then it would have to be one of a federation.
        (json!({ "iss": "https://issuer.example" }), 70_021),
        (json!({ "sub": "00000000-0000-0000-0000-000000000009" }), 70_021),
    ] {
        let assertion = client.signer.sign(&client.header("ES256"), &merged(&client.claims("a"), &changes));
        let answer = client.present(&assertion, DATA).await;
        assert_eq!(answer.body["error_codes"], json!([number]), "{changes}: {}", answer.body);
        expect_oauth_error(&answer, 401, "invalid_client", number);
    }
    assert_eq!(client.door.app.count("directory_assertions").await, 0);
    assert_eq!(client.door.web.asked(), 0);
    let good = client.signer.sign(&client.header("ES256"), &client.claims("a"));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", client.id.as_str()),
        ("client_assertion", good.as_str()),
        ("scope", DATA),
    ];
    expect_oauth_error(&client.door.ask(&fields).await, 400, "invalid_request", 900_144);
    let mut typed = fields.to_vec();
    typed.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"));
    expect_oauth_error(&client.door.ask(&typed).await, 400, "invalid_request", 9_002_313);
    let mut both = fields.to_vec();
    both.extend([("client_assertion_type", KIND), ("client_secret", "x")]);
    expect_oauth_error(&client.door.ask(&both).await, 400, "invalid_request", 9_002_313);
}

async fn forgeries_are_refused(store: TestStore) {
    let client = Client::new(store, Signer::ec()).await;
    let (other, rsa) = (Signer::ec(), Signer::rsa());
    let claims = client.claims("a");
    let good = client.signer.sign(&client.header("ES256"), &claims);
    let (message, signature) = good.rsplit_once('.').expect("three segments");
    let altered = merged(&claims, &json!({ "exp": client.door.now().as_seconds() + 700 }));
    let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let hs256 = {
        let message = format!("{}.{}", segment(&client.header("HS256")), segment(&claims));
        let tag =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, client.signer.pem.as_bytes()), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let unnamed = json!({ "alg": "ES256" });
    for (forged, number) in [
        // Signed by somebody else under the name of ours, and by somebody else altogether.
        (other.sign(&client.header("ES256"), &claims), 700_027),
        (other.sign(&json!({ "alg": "ES256", "x5t#S256": other.x5t_sha256() }), &claims), 700_027),
        (rsa.sign(&client.header("RS256"), &claims), 700_027),
        (rsa.sign(&client.header("PS256"), &claims), 700_027),
        (client.signer.sign(&unnamed, &claims), 700_027),
        (client.signer.sign(&client.header("RS256"), &claims), 700_027),
        (client.signer.sign(&client.header("none"), &claims), 700_027),
        (format!("{}.{}.", segment(&client.header("none")), segment(&claims)), 700_027),
        (hs256, 700_027),
        (format!("{message}."), 700_027),
        (format!("{}.{}.{signature}", segment(&client.header("ES256")), segment(&altered)), 700_027),
        (good[..good.len() - 2].to_owned(), 700_027),
        ("a.b.c".to_owned(), 50_027),
        ("x".repeat(17 * 1024), 50_027),
    ] {
        let answer = client.present(&forged, DATA).await;
        assert_eq!(answer.body["error_codes"], json!([number]), "{forged:.80}: {}", answer.body);
        expect_oauth_error(&answer, 401, "invalid_client", number);
    }
    assert_eq!(client.door.app.count("directory_assertions").await, 0);
    client.present(&good, DATA).await.expect(200);
}
