//! The directory's own tokens as credentials: each plane its own, and an end with whoever holds them.

use serde_json::{Value, json};
use trunkline_store::{Key, StoreError, params};
use trunkline_testkit::{TestStore, app, on_both_engines};
use trunkline_web::ports::{DirectoryRefusal, VerifyDirectoryToken as _};

use super::door::{DATA, Door, MANAGEMENT, Signer, TEAMS, claims, merged};
use super::harness::{SLICES, settings, text};

on_both_engines!(SLICES;
    each_audience_opens_its_own_routes,
    forged_and_untimely_tokens_are_refused,
    tokens_end_with_their_application,
    user_tokens_end_with_their_application_and_user,
    roles_count_from_the_moment_they_change,
    exchanges_take_users_with_their_audience,
    keys_rotate_and_old_tokens_stay_good,
);

async fn user_token(door: &Door, client_id: &str, scope: &str) -> String {
    let code = door.code(client_id, "ada@example.com", scope).await;
    text(&door.redeem(client_id, &code).await.expect(200).body["access_token"])
}

async fn each_audience_opens_its_own_routes(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let secret = door.secret(&application).await;
    for (scope, opened) in [
        (DATA, "data"),
        (MANAGEMENT, "management"),
        ("https://management.core.windows.net//.default", "management"),
        (&format!("{}/.default", app::ORIGIN), "management"),
        ("https://communication.azure.com/clients/.default", ""),
    ] {
        let token = door.application_token(&application, &secret, scope).await;
        for kind in ["data", "management", "user"] {
            let answer = door.probe(kind, &token).await;
            if kind == opened {
                answer.expect(200);
            } else {
                answer.expect_denied("AudienceInvalid");
            }
        }
    }
}

async fn forged_and_untimely_tokens_are_refused(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let secret = door.secret(&application).await;
    let token = door.application_token(&application, &secret, DATA).await;
    let good = claims(&json!(token));
    let forger = Signer::ec();
    let parts: Vec<&str> = token.split('.').collect();
    let header: Value = {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(parts[0]).expect("base64");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let altered = forger.sign(&header, &merged(&good, &json!({ "oid": "x" })));
    let altered_payload = format!("{}.{}.{}", parts[0], altered.split('.').nth(1).expect("claims"), parts[2]);
    for forged in [
        forger.token(&good),
        forger.sign(&header, &good),
        forger.sign(&json!({ "alg": "none", "kid": header["kid"] }), &good),
        forger.sign(&json!({ "alg": "HS256", "kid": header["kid"] }), &good),
        forger.sign(&json!({ "alg": "ES256" }), &good),
        format!("{}.{}.", parts[0], parts[1]),
        altered_payload,
    ] {
        door.probe("data", &forged).await.expect_denied("TokenInvalid");
    }
    // A user access token of this server has another issuer, and no key here verifies it.
    for issuer in [app::ORIGIN.to_owned(), format!("{}/", door.issuer()), door.issuer().to_uppercase()] {
        let foreign = forger.token(&merged(&good, &json!({ "iss": issuer })));
        door.probe("data", &foreign).await.expect_denied("TokenUnknown");
    }
    for nonsense in ["a.b.c", "", "é", &"x".repeat(20_000)] {
        let answer = door.probe("data", nonsense).await;
        assert_eq!(answer.status, 401, "{nonsense:.10}");
    }
    door.advance(3599);
    door.probe("data", &token).await.expect(200);
    door.advance(1);
    door.probe("data", &token).await.expect_denied("TokenExpired");
    let off = Door::with(
        TestStore::ephemeral(SLICES).await,
        Vec::new(),
        crate::Settings { is_enabled: false, ..settings() },
    );
    off.await.probe("data", &token).await.expect_denied("TokenUnknown");
}

async fn tokens_end_with_their_application(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let secret = door.secret(&application).await;
    let token = door.application_token(&application, &secret, DATA).await;
    door.probe("data", &token).await.expect(200);
    let path = format!("/trunkline/directory/applications/{}", text(&application["clientId"]));
    door.delete(&path).await;
    door.probe("data", &token).await.expect_denied("TokenRevoked");
    // Another one under the same client id is somebody else.
    let again = json!({ "name": "shop", "clientId": application["clientId"] });
    let call = trunkline_testkit::Call::post(super::harness::APPLICATIONS).json(&again).bearer("owner");
    door.app.call(call).await.expect(201);
    door.probe("data", &token).await.expect_denied("TokenRevoked");
}

async fn user_tokens_end_with_their_application_and_user(store: TestStore) {
    let door = Door::new(store).await;
    let user = door.user("ada@example.com").await;
    let path = format!("/trunkline/directory/users/{}", text(&user["objectId"]));
    let application = text(&door.application("shop").await["clientId"]);
    let other = text(&door.application("other").await["clientId"]);
    let (token, kept) =
        (user_token(&door, &application, TEAMS).await, user_token(&door, &other, TEAMS).await);
    door.delete(&format!("/trunkline/directory/applications/{application}")).await;
    door.probe("user", &token).await.expect_denied("TokenRevoked");
    door.probe("user", &kept).await.expect(200);
    door.patch(&path, &json!({ "isEnabled": false })).await;
    door.probe("user", &kept).await.expect_denied("TokenRevoked");
    door.patch(&path, &json!({ "isEnabled": true })).await;
    door.delete(&path).await;
    door.probe("user", &kept).await.expect_denied("TokenRevoked");
}

async fn roles_count_from_the_moment_they_change(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let user = door.user("ada@example.com").await;
    let token =
        user_token(&door, &text(&application["clientId"]), "https://communication.azure.com/.default").await;
    door.probe("data", &token).await.expect_error(403, "Forbidden");
    let role = json!({ "principal": user["objectId"], "role": "reader", "resource": "dev" });
    let call = trunkline_testkit::Call::post(super::harness::ROLES).json(&role).bearer("owner");
    let made = door.app.call(call).await.expect(201).body;
    let who = door.probe("data", &token).await.expect(200).body;
    assert_eq!((&who["kind"], &who["id"]), (&json!("application"), &user["objectId"]));
    door.delete(&format!("{}/{}", super::harness::ROLES, text(&made["id"]))).await;
    door.probe("data", &token).await.expect_error(403, "Forbidden");
}

async fn exchanges_take_users_with_their_audience(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let id = text(&application["clientId"]);
    let user = door.user("ada@example.com").await;
    let verifier = door.directory.verifier();
    for scope in [TEAMS, "https://communication.azure.com/clients/VoIP"] {
        let token = user_token(&door, &id, scope).await;
        let found = verifier.verify_user(&token).await.expect("it works").expect("a good token");
        assert_eq!((found.object_id, found.client_id), (text(&user["objectId"]), id.clone()));
        assert_eq!((found.tenant_id, found.issuer), (door.tenant.clone(), door.issuer()));
        assert_eq!(found.expires.as_seconds(), door.now().as_seconds() + 3600);
        assert!(scope.starts_with(&found.audience), "{}", found.audience);
    }
    let refused =
        async |token: &str| verifier.verify_user(token).await.expect("it works").expect_err("refused");
    let data = user_token(&door, &id, "https://communication.azure.com/.default").await;
    assert_eq!(refused(&data).await, DirectoryRefusal::Refused("its audience is not one for exchanges"));
    let secret = door.secret(&application).await;
    let own = door
        .application_token(&application, &secret, "https://communication.azure.com/clients/.default")
        .await;
    assert!(
        matches!(refused(&own).await, DirectoryRefusal::Refused(reason) if reason.contains("application"))
    );
    assert!(matches!(refused("nonsense").await, DirectoryRefusal::Refused(_)));
    let off = crate::Settings { is_enabled: false, ..settings() };
    let off = Door::with(TestStore::ephemeral(SLICES).await, Vec::new(), off).await;
    let answer = off.directory.verifier().verify_user(&own).await.expect("it works");
    assert_eq!(answer, Err(DirectoryRefusal::NotConfigured));
}

async fn keys_rotate_and_old_tokens_stay_good(store: TestStore) {
    let door = Door::new(store).await;
    let application = door.application("shop").await;
    let secret = door.secret(&application).await;
    door.advance(31 * 24 * 3600);
    assert!(door.directory.rotate_signing_keys().await.expect("it works"));
    door.advance(24 * 3600 - 60);
    let old = door.application_token(&application, &secret, DATA).await;
    door.advance(120);
    let new = door.application_token(&application, &secret, DATA).await;
    assert_ne!(old.split('.').next(), new.split('.').next(), "signed with one key");
    door.probe("data", &old).await.expect(200);
    door.probe("data", &new).await.expect(200);
    assert_eq!(door.directory.reseal().await.expect("it works"), 2);
    // Somebody who writes the key's row cannot make it open.
    let damaged: Result<u64, StoreError> = door
        .app
        .store
        .write(Key::system("test"), |tx| {
            tx.execute("UPDATE directory_signing_keys SET sealed = ?1", params![vec![1_u8, 2]])
        })
        .await;
    damaged.expect("it can be written");
    assert!(door.directory.reseal().await.is_err());
}
