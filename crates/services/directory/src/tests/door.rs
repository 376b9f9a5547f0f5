//! The token service behind the whole pipeline, with routes that say who calls, and an internet in memory.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trunkline_kernel::jws::{SigningKey, Unverified};
use trunkline_kernel::limits::LimitSet;
use trunkline_kernel::{Clock as _, Timestamp};
use trunkline_store::vault::Vault;
use trunkline_testkit::app::FixedResources;
use trunkline_testkit::{Answer, Call, FixedOperators, TestApp, TestStore, app};
use trunkline_web::context::encode;
use trunkline_web::{Allow, ApiError, Context, Method, Operation, Principal, Reply, Role, Routes};

use super::harness::{APPLICATIONS, ROLES, USERS, settings, text};
use crate::{DirectoryService, FetchJson, Issuer, Parts, Settings};

pub(super) const DATA: &str = "https://communication.azure.com//.default";
pub(super) const MANAGEMENT: &str = "https://management.azure.com/.default";
pub(super) const TEAMS: &str = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
pub(super) const REDIRECT: &str = "https://app.example/done";
pub(super) const PASSWORD: &str = "correct horse";
/// Long enough for RFC 7636.
pub(super) const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters";

static PROBE_DATA: Operation =
    Operation::own("Probe_Data", Method::Get, "/probe/data", &[Allow::Application(Role::Reader)]);
static PROBE_MANAGEMENT: Operation =
    Operation::own("Probe_Management", Method::Get, "/probe/management", &[Allow::Management(Role::Reader)]);
static PROBE_USER: Operation =
    Operation::own("Probe_User", Method::Get, "/probe/user", &[Allow::DirectoryUser]);

/// Documents by address; counts how often one was asked for.
#[derive(Default)]
pub(super) struct FakeWeb {
    documents: Mutex<HashMap<String, Value>>,
    asked: AtomicUsize,
}

impl FakeWeb {
    pub(super) fn publish(&self, url: &str, document: Value) {
        self.documents.lock().unwrap().insert(url.to_owned(), document);
    }

    /// Publishes discovery and key set of `issuer` with the keys of `signers`.
    pub(super) fn publish_issuer(&self, issuer: &str, signers: &[&Signer]) {
        let jwks_uri = format!("{issuer}/keys");
        let discovery = json!({ "issuer": issuer, "jwks_uri": jwks_uri });
        self.publish(&format!("{issuer}/.well-known/openid-configuration"), discovery);
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.publish(&jwks_uri, json!({ "keys": keys }));
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl FetchJson for FakeWeb {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.documents.lock().unwrap().get(url).cloned();
        Box::pin(async move { found })
    }
}

/// The service and what surrounds it.
pub(super) struct Door {
    pub(super) app: TestApp,
    pub(super) directory: Arc<DirectoryService>,
    pub(super) web: Arc<FakeWeb>,
    pub(super) tenant: String,
    vault: Vault,
}

impl Door {
    pub(super) async fn new(store: TestStore) -> Self {
        Self::with(store, Vec::new(), settings()).await
    }

    pub(super) async fn with(store: TestStore, issuers: Vec<Issuer>, settings: Settings) -> Self {
        let vault = Vault::ephemeral(Arc::clone(store.entropy()) as _);
        Self::open(store, vault, issuers, settings).await
    }

    /// The same data, with nothing left in memory.
    pub(super) async fn restarted(self) -> Self {
        Self::open(self.app.store, self.vault, Vec::new(), settings()).await
    }

    async fn open(store: TestStore, vault: Vault, issuers: Vec<Issuer>, settings: Settings) -> Self {
        let resources = Arc::new(FixedResources::default());
        let web = Arc::new(FakeWeb::default());
        let directory = DirectoryService::open(Parts {
            store: store.store().clone(),
            vault: vault.clone(),
            clock: Arc::clone(store.clock()) as _,
            entropy: Arc::clone(store.entropy()) as _,
            fetcher: Arc::clone(&web) as _,
            resources: Arc::clone(&resources) as _,
            issuers,
            settings,
        })
        .await
        .expect("a new database can be used");
        let probes = Routes::new()
            .add(&PROBE_DATA, &Arc::new(()), probe)
            .add(&PROBE_MANAGEMENT, &Arc::new(()), probe)
            .add(&PROBE_USER, &Arc::new(()), probe);
        let app = TestApp::new(
            store,
            directory.routes().join(probes),
            resources,
            vec![Arc::clone(directory.verifier()) as _, Arc::new(FixedOperators)],
            app::settings(LimitSet::Generous),
        );
        let tenant = directory.tenant_id().to_string();
        Self { app, directory, web, tenant, vault }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.app.clock().advance(std::time::Duration::from_secs(seconds));
    }

    pub(super) fn issuer(&self) -> String {
        format!("{}/{}/v2.0", app::ORIGIN, self.tenant)
    }

    pub(super) fn token_endpoint(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", app::ORIGIN, self.tenant)
    }

    async fn operate(&self, path: &str, body: &Value) -> Value {
        self.app.call(Call::post(path).json(body).bearer("owner")).await.expect(201).body
    }

    /// An application with an address to come back to and a role on everything.
    pub(super) async fn application(&self, name: &str) -> Value {
        let new = json!({ "name": name, "redirectUris": [REDIRECT, "http://localhost/done"] });
        let made = self.operate(APPLICATIONS, &new).await;
        self.operate(ROLES, &json!({ "principal": made["objectId"], "role": "owner" })).await;
        made
    }

    /// Adds a credential and returns it as shown.
    pub(super) async fn credential(&self, application: &Value, credential: &Value) -> Value {
        let path = format!("{APPLICATIONS}/{}/credentials", text(&application["clientId"]));
        self.operate(&path, credential).await
    }

    pub(super) async fn secret(&self, application: &Value) -> String {
        text(&self.credential(application, &json!({ "kind": "secret" })).await["secret"])
    }

    /// A user with [`PASSWORD`].
    pub(super) async fn user(&self, name: &str) -> Value {
        self.operate(USERS, &json!({ "userName": name, "displayName": "Ada L.", "password": PASSWORD })).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) {
        self.app.call(Call::new("PATCH", path).json(body).bearer("owner")).await.expect(200);
    }

    pub(super) async fn delete(&self, path: &str) {
        self.app.call(Call::delete(path).bearer("owner")).await.expect(204);
    }

    pub(super) fn call(&self, fields: &[(&str, &str)]) -> Call {
        Call::post(format!("/{}/oauth2/v2.0/token", self.tenant)).body(FORM, form(fields))
    }

    /// Asks the token endpoint.
    pub(super) async fn ask(&self, fields: &[(&str, &str)]) -> Answer {
        self.app.call(self.call(fields)).await
    }

    /// Client credentials with a secret; the access token.
    pub(super) async fn application_token(&self, application: &Value, secret: &str, scope: &str) -> String {
        let id = text(&application["clientId"]);
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            ("client_secret", secret),
            ("scope", scope),
        ];
        text(&self.ask(&fields).await.expect(200).body["access_token"])
    }

    /// What the sign-in of `user` sends back: the decoded pairs of the address.
    pub(super) async fn sign_in(&self, request: &[(&str, &str)], user: &str) -> HashMap<String, String> {
        let mut fields = request.to_vec();
        fields.extend([("username", user), ("password", PASSWORD)]);
        let answer = self.submit(&fields).await.expect(303);
        let location = answer.header("location").to_owned();
        let (_, pairs) = location.split_once(['?', '#']).expect("an answer");
        read_pairs(pairs)
    }

    pub(super) async fn submit(&self, fields: &[(&str, &str)]) -> Answer {
        let path = format!("/{}/oauth2/v2.0/authorize", self.tenant);
        self.app.call(Call::post(path).body(FORM, form(fields))).await
    }

    pub(super) async fn show(&self, fields: &[(&str, &str)]) -> Answer {
        self.app.call(Call::get(format!("/{}/oauth2/v2.0/authorize?{}", self.tenant, form(fields)))).await
    }

    /// A code of `user` for the public application `client_id`.
    pub(super) async fn code(&self, client_id: &str, user: &str, scope: &str) -> String {
        let challenge = challenge(VERIFIER);
        self.sign_in(&request(client_id, scope, &challenge), user).await["code"].clone()
    }

    /// Redeems a code as the public application `client_id`.
    pub(super) async fn redeem(&self, client_id: &str, code: &str) -> Answer {
        self.ask(&redemption(client_id, code)).await
    }

    /// Who calls the probe `data`, `management` or `user` with that token.
    pub(super) async fn probe(&self, kind: &str, token: &str) -> Answer {
        self.app.call(Call::get(format!("/probe/{kind}")).bearer(token)).await
    }
}

async fn probe(_: Arc<()>, context: Context) -> Result<Reply, ApiError> {
    let shown = match &context.principal {
        Principal::Application { id, client_id, .. } => {
            json!({ "kind": "application", "id": &**id, "clientId": &**client_id })
        }
        Principal::DirectoryUser(user) => json!({
            "kind": "user", "id": user.object_id, "clientId": user.client_id,
            "tenant": user.tenant_id, "audience": user.audience, "name": user.name,
        }),
        other => json!({ "kind": other.key() }),
    };
    Ok(Reply::json(http::StatusCode::OK, &shown))
}

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

pub(super) fn read_pairs(pairs: &str) -> HashMap<String, String> {
    let decode =
        |text: &str| trunkline_web::signature::percent_decode(text).expect("encoded by us").into_owned();
    pairs
        .split('&')
        .map(|pair| pair.split_once('=').expect("a pair"))
        .map(|(name, value)| (name.to_owned(), decode(value)))
        .collect()
}

pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// A good authorization request.
pub(super) fn request<'a>(client_id: &'a str, scope: &'a str, challenge: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("client_id", client_id),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", scope),
        ("state", "s&t=\"é"),
        ("nonce", "n-1"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

/// The redemption of a code that a [`request`] gave.
pub(super) fn redemption<'a>(client_id: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_info", "1"),
    ]
}

/// The same fields, with one replaced, added, or (when empty) left out.
pub(super) fn changed<'a>(
    fields: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut fields: Vec<_> = fields.iter().copied().filter(|(known, _)| *known != name).collect();
    if !value.is_empty() {
        fields.push((name, value));
    }
    fields
}

/// The reply must be an error of Entra's shape with that OAuth code and number.
#[track_caller]
pub(super) fn expect_oauth_error(answer: &Answer, status: u16, error: &str, number: u32) {
    let body = &answer.body;
    assert_eq!((answer.status, body["error"].as_str()), (status, Some(error)), "{body}");
    assert_eq!(body["error_codes"], json!([number]), "{body}");
    let description = text(&body["error_description"]);
    assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
    assert!(description.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\'));
    for field in ["timestamp", "trace_id", "correlation_id"] {
        assert!(!text(&body[field]).is_empty(), "{field}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// The claims of a token, nobody's signature checked.
pub(super) fn claims(token: &Value) -> Value {
    Unverified::parse(&text(token)).and_then(|token| token.peek()).expect("a token")
}

/// A key of a client or issuer, with a certificate.
pub(super) struct Signer {
    key: Pair,
    pub(super) pem: String,
    pub(super) der: Vec<u8>,
}

enum Pair {
    Ec(Box<EcdsaKeyPair>, Value),
    Rsa(RsaKeyPair),
}

impl Signer {
    pub(super) fn ec() -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let document = key.serialize_der();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document).expect("a P-256 key");
        let jwk = serde_json::to_value(SigningKey::from_pkcs8(&document).expect("a P-256 key").jwk());
        Self::with(&key, Pair::Ec(Box::new(pair), jwk.expect("a JSON Web Key")))
    }

    pub(super) fn rsa() -> Self {
        let made = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let document = made.as_der().expect("PKCS#8");
        let key = rcgen::KeyPair::try_from(document.as_ref()).expect("an RSA key");
        let pair = RsaKeyPair::from_pkcs8(document.as_ref()).expect("an RSA key");
        Self::with(&key, Pair::Rsa(pair))
    }

    fn with(key: &rcgen::KeyPair, pair: Pair) -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let certificate = parameters.self_signed(key).expect("it can be made");
        Self { key: pair, pem: certificate.pem(), der: certificate.der().to_vec() }
    }

    /// The published key of an issuer.
    pub(super) fn jwk(&self) -> Value {
        match &self.key {
            Pair::Ec(_, jwk) => jwk.clone(),
            Pair::Rsa(_) => unreachable!("issuers of these tests have EC keys"),
        }
    }

    pub(super) fn x5t_sha256(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.der))
    }

    /// A token with that header, signed as `alg` in it says.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", segment(header), segment(claims));
        let random = SystemRandom::new();
        let signature = match &self.key {
            Pair::Ec(pair, _) => pair.sign(&random, message.as_bytes()).expect("it signs").as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding = if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message.as_bytes(), &mut signature).expect("it signs");
                signature
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token of an issuer with this key.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": "ES256", "kid": self.jwk()["kid"], "typ": "JWT" }), claims)
    }
}

/// `base` with the members of `changes`; null removes one.
pub(super) fn merged(base: &Value, changes: &Value) -> Value {
    let mut merged = base.clone();
    let members = merged.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    merged
}
