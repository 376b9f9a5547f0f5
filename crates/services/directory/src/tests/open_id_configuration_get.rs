//! What clients read before anything else.

use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::door::{DATA, Door, claims, expect_oauth_error};
use super::harness::{SLICES, settings, text};

on_both_engines!(SLICES; the_document_leads_to_every_endpoint, other_tenants_and_a_service_that_is_off_refuse);

async fn the_document_leads_to_every_endpoint(store: TestStore) {
    let door = Door::new(store).await;
    for tenant in [door.tenant.as_str(), &door.tenant.to_uppercase(), "common", "organizations"] {
        for path in ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"] {
            let document = door.app.call(Call::get(format!("/{tenant}/{path}"))).await.expect(200).body;
            assert_eq!(document["issuer"], door.issuer());
            assert_eq!(document["token_endpoint"], door.token_endpoint());
            let base = format!("{}/{}", app::ORIGIN, door.tenant);
            assert_eq!(document["authorization_endpoint"], format!("{base}/oauth2/v2.0/authorize"));
            assert_eq!(document["jwks_uri"], format!("{base}/discovery/v2.0/keys"));
        }
    }
    let keys =
        door.app.call(Call::get(format!("/{}/discovery/v2.0/keys", door.tenant))).await.expect(200).body;
    let application = door.application("shop").await;
    let secret = door.secret(&application).await;
    let token = door.application_token(&application, &secret, DATA).await;
    let header = token.split('.').next().expect("a header");
    let header =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).expect("base64");
    let header: serde_json::Value = serde_json::from_slice(&header).expect("JSON");
    assert_eq!((header["alg"].as_str(), header["typ"].as_str()), (Some("ES256"), Some("JWT")));
    assert!(keys["keys"].as_array().expect("keys").iter().any(|key| key["kid"] == header["kid"]), "{keys}");
    assert!(keys["keys"].as_array().expect("keys").iter().all(|key| key.get("d").is_none()), "{keys}");
    assert_eq!(text(&claims(&token.into())["iss"]), door.issuer());
}

async fn other_tenants_and_a_service_that_is_off_refuse(store: TestStore) {
    let door = Door::new(store).await;
    for path in ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"] {
        let other = format!("/00000000-0000-0000-0000-000000000009/{path}");
        expect_oauth_error(&door.app.call(Call::get(other)).await, 400, "invalid_tenant", 90_002);
        let consumers = door.app.call(Call::get(format!("/consumers/{path}"))).await;
        expect_oauth_error(&consumers, 400, "invalid_tenant", 90_002);
    }
    let off = crate::Settings { is_enabled: false, ..settings() };
    let door = Door::with(TestStore::ephemeral(SLICES).await, Vec::new(), off).await;
    let tenant = &door.tenant;
    for path in ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"] {
        let answer = door.app.call(Call::get(format!("/{tenant}/{path}"))).await;
        expect_oauth_error(&answer, 404, "invalid_request", 90_014);
    }
    expect_oauth_error(&door.ask(&[("grant_type", "x")]).await, 404, "invalid_request", 90_014);
    assert_eq!(door.show(&[]).await.status, 404);
}
