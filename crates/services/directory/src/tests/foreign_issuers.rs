//! Tokens of a configured issuer elsewhere: audiences, tenants, clients, and roles from claims.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::Role;
use trunkline_web::ports::{DirectoryRefusal, VerifyDirectoryToken as _};
use trunkline_web::principal::ApplicationRole;

use super::door::{Door, Signer, merged};
use super::harness::{ROLES, SLICES, settings, text};
use crate::{Issuer, RoleGrant};

on_both_engines!(SLICES;
    claims_become_roles_as_configured,
    assignments_count_for_strangers_but_not_for_namesakes,
    nobody_speaks_for_a_tenant_of_others,
    claims_that_do_not_fit_are_refused,
    forged_tokens_are_refused_and_keys_are_fetched_rarely,
    users_exchange_and_applications_do_not,
);

const ISSUER: &str = "https://login.example/tenant";
const TENANT: &str = "11111111-0000-0000-0000-000000000000";
const CLIENT: &str = "22222222-0000-0000-0000-000000000000";
const OBJECT: &str = "33333333-0000-0000-0000-000000000000";
const OWN: &str = "https://calls.example";

fn issuer() -> Issuer {
    let grant = |role, resource: Option<&str>| RoleGrant {
        role,
        resource: resource.map(|name| name.parse().unwrap()),
    };
    Issuer {
        issuer: ISSUER.to_owned(),
        audiences: vec![OWN.to_owned()],
        management_audiences: vec!["https://calls.example/manage".to_owned()],
        clients: vec![CLIENT.to_owned()],
        tenants: vec![TENANT.to_owned()],
        jwks_url: None,
        role_claim: "roles".to_owned(),
        roles: BTreeMap::from([
            ("Calls.Read".to_owned(), grant(ApplicationRole::General(Role::Reader), Some("dev"))),
            ("Calls.Other".to_owned(), grant(ApplicationRole::General(Role::Owner), Some("other"))),
            ("Calls.Gone".to_owned(), grant(ApplicationRole::General(Role::Owner), Some("gone"))),
            ("Calls.All".to_owned(), grant(ApplicationRole::General(Role::Owner), None)),
        ]),
    }
}

struct World {
    door: Door,
    signer: Signer,
}

impl World {
    async fn new(store: TestStore) -> Self {
        let door = Door::with(store, vec![issuer()], settings()).await;
        let signer = Signer::ec();
        door.web.publish_issuer(ISSUER, &[&signer]);
        Self { door, signer }
    }

    fn claims(&self, changes: &Value) -> Value {
        let now = self.door.now().as_seconds();
        let base = json!({
            "iss": ISSUER, "aud": "https://communication.azure.com", "tid": TENANT, "oid": OBJECT,
            "sub": OBJECT, "appid": CLIENT, "iat": now, "nbf": now, "exp": now + 3600,
        });
        merged(&base, changes)
    }

    fn token(&self, changes: &Value) -> String {
        self.signer.token(&self.claims(changes))
    }
}

async fn claims_become_roles_as_configured(store: TestStore) {
    let world = World::new(store).await;
    for (changes, kind, status) in [
        (json!({ "roles": ["Calls.Read"] }), "data", 200),
        (json!({ "roles": "Calls.Read" }), "data", 200),
        (json!({ "roles": ["x", "Calls.All"] }), "data", 200),
        (json!({ "roles": ["Calls.All"], "aud": ["https://other.example", OWN] }), "data", 200),
        (json!({ "roles": ["Calls.All"], "aud": "https://management.azure.com/" }), "management", 200),
        (json!({ "roles": ["Calls.All"], "aud": "https://calls.example/manage" }), "management", 200),
        (json!({ "roles": ["Calls.Other"] }), "data", 403),
        (json!({ "roles": ["Calls.Gone"] }), "data", 403),
        (json!({ "roles": ["calls.read"] }), "data", 403),
        (json!({ "roles": { "Calls.All": true } }), "data", 403),
        (json!({ "groups": ["Calls.All"] }), "data", 403),
        (json!({}), "data", 403),
        (json!({ "roles": ["Calls.All"], "aud": "https://calls.example/manage" }), "data", 401),
        (json!({ "roles": ["Calls.All"] }), "management", 401),
    ] {
        let answer = world.door.probe(kind, &world.token(&changes)).await;
        assert_eq!(answer.status, status, "{changes}: {}", answer.body);
    }
    let who = world.door.probe("data", &world.token(&json!({ "roles": ["Calls.All"] }))).await.body;
    assert_eq!((who["id"].as_str(), who["clientId"].as_str()), (Some(OBJECT), Some(CLIENT)));
}

async fn assignments_count_for_strangers_but_not_for_namesakes(store: TestStore) {
    let world = World::new(store).await;
    let assign = async |principal: &Value| {
        let role = json!({ "principal": principal, "role": "owner" });
        world.door.app.call(Call::post(ROLES).json(&role).bearer("owner")).await
    };
    world.door.probe("data", &world.token(&json!({}))).await.expect_error(403, "Forbidden");
    assign(&json!(OBJECT)).await.expect(201);
    world.door.probe("data", &world.token(&json!({}))).await.expect(200);
    let own = world.door.application("shop").await;
    let namesake = world.token(&json!({ "oid": own["objectId"], "sub": own["objectId"] }));
    world.door.probe("data", &namesake).await.expect_error(403, "Forbidden");
}

async fn nobody_speaks_for_a_tenant_of_others(store: TestStore) {
    let open = Issuer { issuer: "https://open.example".to_owned(), tenants: Vec::new(), ..issuer() };
    let door = Door::with(store, vec![issuer(), open.clone()], settings()).await;
    let signer = Signer::ec();
    door.web.publish_issuer(&open.issuer, &[&signer]);
    let world = World { door, signer };
    let own = world.door.tenant.clone();
    let bare = own.replace('-', "");
    for tenant in [own.as_str(), &own.to_uppercase(), &bare, &format!("{{{own}}}"), TENANT] {
        let changes = json!({ "iss": open.issuer, "tid": tenant, "roles": ["Calls.All"] });
        world.door.probe("data", &world.token(&changes)).await.expect_denied("TokenOfAnotherTenant");
        let exchange = json!({ "iss": open.issuer, "tid": tenant, "aud": OWN, "scp": "x" });
        let refused = world.door.directory.verifier().verify_user(&world.token(&exchange)).await;
        assert!(matches!(refused.expect("it works"), Err(DirectoryRefusal::Refused(_))), "{tenant}");
    }
    for tenant in [json!(null), json!("11111111-0000-0000-0000-000000000001"), json!("contoso")] {
        let changes = json!({ "iss": open.issuer, "tid": tenant, "roles": ["Calls.All"] });
        world.door.probe("data", &world.token(&changes)).await.expect(200);
    }
}

async fn claims_that_do_not_fit_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let now = world.door.now().as_seconds();
    for (changes, code) in [
        (json!({ "exp": now }), "TokenExpired"),
        (json!({ "nbf": now + 301 }), "TokenNotYetValid"),
        (json!({ "tid": "11111111-0000-0000-0000-000000000001" }), "TokenOfAnotherTenant"),
        (json!({ "tid": null }), "TokenOfAnotherTenant"),
        (json!({ "appid": "22222222-0000-0000-0000-000000000001" }), "TokenOfAnotherClient"),
        (json!({ "appid": null }), "TokenOfAnotherClient"),
        (json!({ "aud": "https://graph.microsoft.com" }), "AudienceInvalid"),
        (json!({ "aud": "https://calls.example/" }), "AudienceInvalid"),
        (json!({ "aud": [] }), "AudienceInvalid"),
        (json!({ "oid": null, "sub": null }), "TokenInvalid"),
        (json!({ "exp": null }), "TokenInvalid"),
        (json!({ "exp": "never" }), "TokenInvalid"),
        (json!({ "iss": "https://login.example/other" }), "TokenUnknown"),
        (json!({ "iss": "https://login.example/tenant/" }), "TokenUnknown"),
    ] {
        let token = world.token(&merged(&changes, &json!({ "roles": ["Calls.All"] })));
        world.door.probe("data", &token).await.expect_denied(code);
    }
    for other_names in
        [json!({ "appid": null, "azp": CLIENT }), json!({ "appid": null, "client_id": CLIENT })]
    {
        let token = world.token(&merged(&other_names, &json!({ "roles": ["Calls.All"] })));
        world.door.probe("data", &token).await.expect(200);
    }
}

async fn forged_tokens_are_refused_and_keys_are_fetched_rarely(store: TestStore) {
    let world = World::new(store).await;
    let (claims, forger) = (world.claims(&json!({ "roles": ["Calls.All"] })), Signer::ec());
    let kid = world.signer.jwk()["kid"].clone();
    for forged in [
        forger.token(&claims),
        forger.sign(&json!({ "alg": "ES256", "kid": kid }), &claims),
        world.signer.sign(&json!({ "alg": "RS256", "kid": kid }), &claims),
        world.signer.sign(&json!({ "alg": "none", "kid": kid }), &claims),
        world.signer.sign(&json!({ "alg": "ES256" }), &claims),
        unsigned(&kid, &claims),
        signed_with_public_key(&world.signer, &claims),
    ] {
        world.door.probe("data", &forged).await.expect_denied("TokenInvalid");
    }
    assert_eq!(world.door.web.asked(), 2, "one discovery and one key set");
    // A new key is found once the issuer may be asked again.
    world.door.web.publish_issuer(ISSUER, &[&world.signer, &forger]);
    world.door.probe("data", &forger.token(&claims)).await.expect_denied("TokenInvalid");
    world.door.advance(30);
    world.door.probe("data", &forger.token(&claims)).await.expect(200);
    // A withdrawn key ends within the age of a key set.
    world.door.web.publish_issuer(ISSUER, &[&forger]);
    world.door.advance(12 * 3600);
    let late = world.token(&json!({ "roles": ["Calls.All"] }));
    world.door.probe("data", &late).await.expect_denied("TokenInvalid");
}

/// `alg` none with an empty signature (RFC 7519 §6.1).
fn unsigned(kid: &Value, claims: &Value) -> String {
    let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", segment(&json!({ "alg": "none", "kid": kid })), segment(claims))
}

/// HS256 with the published key as the secret (RFC 8725 §2.1).
fn signed_with_public_key(signer: &Signer, claims: &Value) -> String {
    let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "HS256", "kid": signer.jwk()["kid"] });
    let message = format!("{}.{}", segment(&header), segment(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, signer.jwk().to_string().as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes())))
}

async fn users_exchange_and_applications_do_not(store: TestStore) {
    let world = World::new(store).await;
    let verifier = world.door.directory.verifier();
    let exchange = "https://auth.msft.communication.azure.com";
    for changes in [
        json!({ "aud": exchange, "scp": "Teams.ManageCalls", "name": "Ada" }),
        json!({ "aud": exchange, "idtyp": "user" }),
        json!({ "aud": exchange, "sub": "pairwise" }),
        json!({ "aud": OWN, "scp": "x" }),
        json!({ "aud": OWN, "scp": "x", "roles": ["Calls.All"] }),
    ] {
        let found = verifier.verify_user(&world.token(&changes)).await.expect("it works").expect("a user");
        assert_eq!((found.object_id.as_str(), found.tenant_id.as_str()), (OBJECT, TENANT));
        assert_eq!((found.issuer.as_str(), found.client_id.as_str()), (ISSUER, CLIENT));
    }
    for changes in [
        json!({ "aud": exchange }),
        json!({ "aud": exchange, "idtyp": "app", "scp": "x" }),
        json!({ "scp": "x" }),
        json!({ "aud": "https://management.azure.com", "scp": "x" }),
    ] {
        let refused = verifier.verify_user(&world.token(&changes)).await.expect("it works");
        assert!(matches!(refused, Err(DirectoryRefusal::Refused(_))), "{changes}");
    }
    let user = world.token(&json!({ "aud": exchange, "scp": "x" }));
    assert_eq!(text(&world.door.probe("user", &user).await.expect(200).body["id"]), OBJECT);
    world.door.probe("data", &user).await.expect_denied("AudienceInvalid");
    let application = world.token(&json!({ "aud": exchange, "roles": ["Calls.All"] }));
    world.door.probe("user", &application).await.expect_denied("AudienceInvalid");
    // Their own audience: with a role it calls services, without one it exchanges.
    let own = world.token(&json!({ "aud": OWN, "scp": "x" }));
    world.door.probe("user", &own).await.expect(200);
    let with_role = world.token(&json!({ "aud": OWN, "scp": "x", "roles": ["Calls.All"] }));
    world.door.probe("data", &with_role).await.expect(200);
    let unreachable = Door::with(TestStore::ephemeral(SLICES).await, vec![issuer()], settings()).await;
    unreachable.probe("user", &user).await.expect_error(503, "ServiceUnavailable");
    let answer = unreachable.directory.verifier().verify_user(&user).await.expect("it works");
    assert_eq!(answer, Err(DirectoryRefusal::Unreachable));
}
