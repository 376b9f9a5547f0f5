//! Client credentials with a secret, and what the token endpoint refuses before it looks at anybody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::door::{DATA, Door, FORM, MANAGEMENT, changed, claims, expect_oauth_error};
use super::harness::{SLICES, text};

on_both_engines!(SLICES;
    a_secret_gets_a_token_of_its_application,
    basic_authentication_works_as_well,
    wrong_clients_and_secrets_are_refused,
    an_application_asks_at_a_limited_rate,
    an_expired_secret_is_refused,
    malformed_requests_are_refused,
    scopes_must_name_one_known_resource,
);

async fn a_secret_gets_a_token_of_its_application(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let secret = door.secret(&application).await;
    let id = text(&application["clientId"]);
    let fields = [
        ("client_id", id.as_str()),
        ("client_secret", &secret),
        ("grant_type", "client_credentials"),
        ("scope", DATA),
        ("client_info", "1"),
        ("x-client-SKU", "MSAL.Python"),
    ];
    let reply = door.ask(&fields).await.expect(200);
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(reply.body["token_type"], "Bearer");
    assert_eq!((&reply.body["expires_in"], &reply.body["ext_expires_in"]), (&json!(3599), &json!(3599)));
    assert!(reply.body.get("refresh_token").is_none() && reply.body.get("id_token").is_none());
    let claims = claims(&reply.body["access_token"]);
    let now = door.now().as_seconds();
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(now), Some(now + 3600)));
    assert_eq!(claims["aud"], "https://communication.azure.com");
    assert_eq!((&claims["oid"], &claims["sub"]), (&application["objectId"], &application["objectId"]));
    assert_eq!((&claims["appid"], &claims["azp"]), (&application["clientId"], &application["clientId"]));
    assert_eq!((claims["idtyp"].as_str(), claims["ver"].as_str()), (Some("app"), Some("2.0")));
    assert_eq!(text(&claims["tid"]), door.tenant);
    let who = door.probe("data", &text(&reply.body["access_token"])).await.expect(200).body;
    assert_eq!((&who["id"], &who["clientId"]), (&application["objectId"], &application["clientId"]));
    for tenant in ["common", "organizations"] {
        let call = Call::post(format!("/{tenant}/oauth2/v2.0/token")).body(FORM, super::door::form(&fields));
        door.app.call(call).await.expect(200);
    }
}

async fn basic_authentication_works_as_well(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let given = "a+secret/with=signs%25";
    door.credential(&application, &json!({ "kind": "secret", "secret": given })).await;
    let id = text(&application["clientId"]);
    let ask = |id: &str, secret: &str, fields: &[(&str, &str)]| {
        let value = STANDARD.encode(format!("{id}:{secret}"));
        door.app.call(door.call(fields).header("authorization", format!("Basic {value}")))
    };
    let fields = [("grant_type", "client_credentials"), ("scope", DATA)];
    let encoded = trunkline_web::context::encode(given);
    ask(&id, &encoded, &fields).await.expect(200);
    let wrong = ask(&id, "another-secret-entirely", &fields).await;
    expect_oauth_error(&wrong, 401, "invalid_client", 7_000_215);
    assert!(wrong.header("www-authenticate").starts_with("Basic"));
    let twice = ask(&id, &encoded, &changed(&fields, "client_secret", given)).await;
    expect_oauth_error(&twice, 400, "invalid_request", 9_002_313);
    let other = changed(&fields, "client_id", "00000000-0000-0000-0000-000000000009");
    expect_oauth_error(&ask(&id, &encoded, &other).await, 400, "invalid_request", 9_002_313);
    for value in ["Basic", "Basic !!", "Basic YWJj", "Bearer abc", "Basic\u{e9}"] {
        let answer = door.app.call(door.call(&fields).header("authorization", value)).await;
        expect_oauth_error(&answer, 400, "invalid_request", 9_002_313);
    }
}

async fn wrong_clients_and_secrets_are_refused(store: TestStore) {
    let door = Door::new(store).await;
    let (shop, other) = (door.application("shop").await, door.application("other").await);
    let (secret, foreign) = (door.secret(&shop).await, door.secret(&other).await);
    let id = text(&shop["clientId"]);
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
        ("scope", DATA),
    ];
    door.ask(&good).await.expect(200);
    let last = &secret[..secret.len() - 1];
    for wrong in ["x", foreign.as_str(), last, &secret.to_uppercase(), "\u{0}", "' OR 1=1 --"] {
        let answer = door.ask(&changed(&good, "client_secret", wrong)).await;
        expect_oauth_error(&answer, 401, "invalid_client", 7_000_215);
    }
    let none = door.ask(&changed(&good, "client_secret", "")).await;
    expect_oauth_error(&none, 401, "invalid_client", 7_000_218);
    let object_id = text(&shop["objectId"]);
    for unknown in ["00000000-0000-0000-0000-000000000009", "shop", object_id.as_str(), "é\"\\<script>"] {
        let answer = door.ask(&changed(&good, "client_id", unknown)).await;
        expect_oauth_error(&answer, 400, "unauthorized_client", 700_016);
    }
    let nobody = door.ask(&changed(&good, "client_id", "")).await;
    expect_oauth_error(&nobody, 400, "invalid_request", 900_144);
    door.delete(&format!("/trunkline/directory/applications/{id}")).await;
    expect_oauth_error(&door.ask(&good).await, 400, "unauthorized_client", 700_016);
}

async fn an_application_asks_at_a_limited_rate(store: TestStore) {
    let door = Door::new(store).await;
    let shop = door.application("shop").await;
    let (id, secret) = (text(&shop["clientId"]), door.secret(&shop).await);
    let ask = |id: String, secret: String| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            ("client_secret", secret.as_str()),
            ("scope", DATA),
        ];
        door.call(&fields)
    };
    for _ in 0..600 {
        door.app.call(ask(id.clone(), "wrong".to_owned())).await.expect(401);
    }
    let refused = door.app.call(ask(id.clone(), secret.clone())).await;
    expect_oauth_error(&refused, 429, "temporarily_unavailable", 90_055);
    assert_eq!(refused.header("retry-after"), "1");
    let other = door.application("other").await;
    let other_secret = door.secret(&other).await;
    door.app.call(ask(text(&other["clientId"]), other_secret)).await.expect(200);
    door.advance(1);
    door.app.call(ask(id, secret)).await.expect(200);
}

async fn an_expired_secret_is_refused(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let ends = door.now().plus(std::time::Duration::from_mins(1)).to_rfc3339();
    let made = door.credential(&application, &json!({ "kind": "secret", "expiresOn": ends })).await;
    let secret = text(&made["secret"]);
    door.application_token(&application, &secret, DATA).await;
    door.advance(60);
    let id = text(&application["clientId"]);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
        ("scope", DATA),
    ];
    expect_oauth_error(&door.ask(&fields).await, 401, "invalid_client", 7_000_222);
}

async fn malformed_requests_are_refused(store: TestStore) {
    let door = Door::new(store).await;
    let path = format!("/{}/oauth2/v2.0/token", door.tenant);
    expect_oauth_error(&door.ask(&[]).await, 400, "invalid_request", 900_144);
    expect_oauth_error(&door.ask(&[("grant_type", "")]).await, 400, "invalid_request", 900_144);
    for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "Client_Credentials"]
    {
        let answer = door.ask(&[("grant_type", grant)]).await;
        expect_oauth_error(&answer, 400, "unsupported_grant_type", 70_003);
    }
    let twice = [("grant_type", "client_credentials"), ("grant_type", "client_credentials")];
    expect_oauth_error(&door.ask(&twice).await, 400, "invalid_request", 9_002_313);
    let repeated = [("scope", DATA), ("grant_type", "client_credentials"), ("scope", MANAGEMENT)];
    expect_oauth_error(&door.ask(&repeated).await, 400, "invalid_request", 9_002_313);
    for body in ["grant_type=%zz", "grant_type=%ff", "%00=%00&%00=1"] {
        let answer = door.app.call(Call::post(path.clone()).body(FORM, body)).await;
        expect_oauth_error(&answer, 400, "invalid_request", 9_002_313);
    }
    let json = Call::post(path.clone()).json(&json!({ "grant_type": "client_credentials" }));
    expect_oauth_error(&door.app.call(json).await, 400, "invalid_request", 9_002_313);
    let large = "x".repeat(app::settings(trunkline_kernel::limits::LimitSet::Generous).body_bytes_max + 1);
    let answer = door.app.call(Call::post(path.clone()).body(FORM, large)).await;
    answer.expect_error(413, "RequestBodyTooLarge");
    door.app.call(Call::get(path)).await.expect_error(405, "MethodNotAllowed");
}

async fn scopes_must_name_one_known_resource(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let secret = door.secret(&application).await;
    let id = text(&application["clientId"]);
    let ask = async |scope: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id.as_str()),
            ("client_secret", secret.as_str()),
            ("scope", scope),
        ];
        door.ask(&fields).await
    };
    expect_oauth_error(&ask("").await, 400, "invalid_request", 900_144);
    expect_oauth_error(&ask("https://graph.microsoft.com/.default").await, 400, "invalid_resource", 500_011);
    expect_oauth_error(&ask("https://management.azure.com").await, 400, "invalid_scope", 1_002_012);
    expect_oauth_error(&ask(&format!("{DATA} {MANAGEMENT}")).await, 400, "invalid_scope", 70_011);
    let own = ask(&format!("{}/.default", app::ORIGIN)).await.expect(200);
    assert_eq!(claims(&own.body["access_token"])["aud"], app::ORIGIN);
    let correlated = door.call(&[]).header("client-request-id", "00000000-0000-0000-0000-00000000000a");
    let answer = door.app.call(correlated).await;
    assert_eq!(answer.body["correlation_id"], "00000000-0000-0000-0000-00000000000a");
    let invented = door.app.call(door.call(&[]).header("client-request-id", "<script>")).await;
    assert_eq!(invented.body["correlation_id"], invented.body["trace_id"]);
}
