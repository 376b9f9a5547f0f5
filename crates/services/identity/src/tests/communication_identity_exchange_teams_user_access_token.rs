//! `CommunicationIdentity_ExchangeTeamsUserAccessToken`.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trunkline_kernel::jws::SigningKey;
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{AUDIENCE, DEV, EXCHANGE, ISSUER, SLICES, TENANT, World, claims, revoke_path, text};

const APPLICATION: &str = "22222222-0000-0000-0000-000000000000";
const USER: &str = "33333333-aaaa-0000-0000-000000000000";
const KEYS_URL: &str = "https://issuer.example/keys";

on_both_engines!(SLICES;
    a_directory_token_becomes_a_token_of_the_teams_user,
    rs256_tokens_are_exchanged_too,
    strangers_are_refused,
    every_refusal_says_why,
    api_versions_and_bodies_are_checked,
    an_issuer_that_cannot_be_reached_is_not_asked_again_and_again,
    discovery_must_name_the_issuer_it_was_asked_for,
    without_issuers_nothing_can_be_exchanged,
);

fn es256() -> SigningKey {
    SigningKey::from_pkcs8(SigningKey::generate_pkcs8().expose()).expect("a fresh key")
}

fn publish(world: &World, keys: &Value) {
    let discovery = json!({ "issuer": ISSUER, "jwks_uri": KEYS_URL });
    world.web.publish(&format!("{ISSUER}/.well-known/openid-configuration"), discovery);
    world.web.publish(KEYS_URL, json!({ "keys": keys }));
}

fn good_claims(world: &World) -> Value {
    let now = world.now().as_seconds();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "tid": TENANT, "oid": USER, "appid": APPLICATION,
        "iat": now, "nbf": now, "exp": now + 4000,
    })
}

async fn exchange(world: &World, token: &str) -> Answer {
    let body = json!({ "token": token, "appId": APPLICATION, "userId": USER });
    world.call(Call::post(EXCHANGE).json(&body)).await
}

fn refusal(answer: Answer) -> String {
    let answer = answer.expect_denied("TeamsTokenRefused");
    text(&answer.body["error"]["message"])
}

async fn a_directory_token_becomes_a_token_of_the_teams_user(store: TestStore) {
    let world = World::new(store).await;
    let key = es256();
    publish(&world, &json!([key.jwk()]));
    let claimed = good_claims(&world);
    let answer = exchange(&world, &key.sign(&claimed)).await.expect(200);
    let token = text(&answer.body["token"]);
    let expires = world.now().truncate_to_second().plus(Duration::from_secs(4000));
    assert_eq!(answer.body, json!({ "token": token, "expiresOn": expires.to_rfc3339() }));
    let id = format!("8:orgid:{USER}");
    let expected = (id.clone(), vec!["chat".to_owned(), "voip".to_owned()]);
    assert_eq!(world.verify(&token).await, Ok(expected));
    assert_eq!(claims(&token)["skypeid"], format!("orgid:{USER}"));
    assert_eq!(world.users().await, [(DEV.to_owned(), id.clone(), world.now())]);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    // The second exchange finds the user, and revocation ends its tokens like any other's.
    let again = text(&exchange(&world, &key.sign(&claimed)).await.expect(200).body["token"]);
    assert_eq!(world.users().await.len(), 1);
    assert_eq!(world.web.asked(), 2, "the key set is fetched once, through discovery");
    world.call(Call::post(revoke_path(&id))).await.expect(204);
    for token in [token, again] {
        assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    }
}

async fn rs256_tokens_are_exchanged_too(store: TestStore) {
    let world = World::new(store).await;
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("RSA keys can be made");
    // RSAPublicKey (RFC 8017 §A.1.1) of 2048 bits: the modulus is at bytes 9 to 265, the exponent is 65537.
    let modulus = URL_SAFE_NO_PAD.encode(&pair.public_key().as_ref()[9..265]);
    publish(&world, &json!([{ "kty": "RSA", "kid": "r1", "use": "sig", "n": modulus, "e": "AQAB" }]));
    let sign = |header: Value| {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(&good_claims(&world)));
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("RSA signs");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    exchange(&world, &sign(json!({ "alg": "RS256", "kid": "r1" }))).await.expect(200);
    let wrong = exchange(&world, &sign(json!({ "alg": "ES256", "kid": "r1" }))).await;
    assert!(refusal(wrong).contains("signature does not fit"));
}

async fn strangers_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let key = es256();
    publish(&world, &json!([key.jwk()]));
    let token = key.sign(&good_claims(&world));
    let body = json!({ "token": token, "appId": APPLICATION, "userId": USER });
    world.refuses_strangers(&Call::post(EXCHANGE).json(&body)).await;
    assert_eq!(world.web.asked(), 0);
}

async fn every_refusal_says_why(store: TestStore) {
    let world = World::new(store).await;
    let (key, stranger) = (es256(), es256());
    publish(&world, &json!([key.jwk(), { "kty": "oct", "kid": "x" }, 7]));
    let changed = |name: &str, value: Value| {
        let mut claimed = good_claims(&world);
        claimed[name] = value;
        key.sign(&claimed)
    };
    let now = world.now().as_seconds();
    let good = key.sign(&good_claims(&world));
    let (message, signature) = good.rsplit_once('.').expect("three segments");
    let without_kid = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#),
        good.split_once('.').expect("three segments").1
    );
    let unsigned = {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": key.kid() }).to_string());
        format!("{header}.{}.", message.split_once('.').expect("two segments").1)
    };
    for (token, why) in [
        ("garbage".to_owned(), "not a JSON Web Token"),
        (String::new(), "not a JSON Web Token"),
        (key.sign(&json!({ "iss": ISSUER })), "lacks iss, aud or exp"),
        (changed("iss", json!("https://evil.example")), "issuer is not configured"),
        (changed("iss", json!(format!("{ISSUER}/"))), "issuer is not configured"),
        (without_kid, "names no key"),
        (stranger.sign(&good_claims(&world)), "not in the issuer's key set"),
        (unsigned, "signature does not fit"),
        (format!("{message}.{}", signature.replace(&signature[..4], "AAAA")), "signature does not fit"),
        (changed("aud", json!("https://other.example")), "audience"),
        (changed("aud", json!([])), "audience"),
        (changed("exp", json!(now)), "expired"),
        (changed("exp", json!(i64::MIN)), "expired"),
        (changed("nbf", json!(now + 301)), "not valid yet"),
        (changed("tid", json!("other")), "tenant"),
        (changed("tid", Value::Null), "tenant"),
        (changed("appid", json!(USER)), "appId"),
        (changed("appid", Value::Null), "appId"),
        (changed("oid", json!(APPLICATION)), "userId"),
        (changed("oid", Value::Null), "userId"),
    ] {
        let message = refusal(exchange(&world, &token).await);
        assert!(message.contains(why), "{message} should say: {why}");
    }
    assert_eq!(world.users().await, []);
    let mut by_azp = good_claims(&world);
    by_azp["azp"] = by_azp["appid"].take();
    for accepted in [
        key.sign(&by_azp),
        changed("aud", json!(["a", AUDIENCE])),
        changed("nbf", json!(now + 300)),
        changed("oid", json!(USER.to_uppercase())),
        changed("exp", json!(now + 1)),
    ] {
        exchange(&world, &accepted).await.expect(200);
    }
    assert_eq!(world.users().await.len(), 1, "letters of a GUID have no case");
}

async fn api_versions_and_bodies_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let key = es256();
    publish(&world, &json!([key.jwk()]));
    let whole = json!({ "token": key.sign(&good_claims(&world)), "appId": APPLICATION, "userId": USER });
    world.checks_versions("/teamsUser/:exchangeAccessToken", |path| Call::post(path).json(&whole), 200).await;
    for field in ["token", "appId", "userId"] {
        let mut partial = whole.clone();
        partial.as_object_mut().expect("an object").remove(field);
        world.call(Call::post(EXCHANGE).json(&partial)).await.expect_invalid("body");
        partial[field] = json!(7);
        world.call(Call::post(EXCHANGE).json(&partial)).await.expect_invalid("body");
    }
    let form = Call::post(EXCHANGE).body("text/plain", "x");
    world.call(form).await.expect_error(415, "UnsupportedMediaType");
}

async fn an_issuer_that_cannot_be_reached_is_not_asked_again_and_again(store: TestStore) {
    let world = World::new(store).await;
    let (key, next) = (es256(), es256());
    let token = |key: &SigningKey| key.sign(&good_claims(&world));
    let unreachable = exchange(&world, &token(&key)).await.expect_error(503, "ServiceUnavailable");
    assert_eq!(unreachable.header("retry-after"), "1");
    exchange(&world, &token(&key)).await.expect_error(503, "ServiceUnavailable");
    assert_eq!(world.web.asked(), 1);
    publish(&world, &json!([key.jwk()]));
    world.advance(Duration::from_secs(30));
    exchange(&world, &token(&key)).await.expect(200);
    assert_eq!(world.web.asked(), 3);
    // Unknown keys lead to one more fetch in 30 seconds, whatever comes.
    for _ in 0..5 {
        let message = refusal(exchange(&world, &token(&next)).await);
        assert!(message.contains("key set"), "{message}");
    }
    assert_eq!(world.web.asked(), 3);
    publish(&world, &json!([next.jwk()]));
    world.advance(Duration::from_secs(30));
    exchange(&world, &token(&next)).await.expect(200);
    assert!(refusal(exchange(&world, &token(&key)).await).contains("key set"), "a withdrawn key ends");
    assert_eq!(world.web.asked(), 5);
    // A key that stays is asked for again after half a day.
    world.advance(Duration::from_hours(12));
    exchange(&world, &token(&next)).await.expect(200);
    assert_eq!(world.web.asked(), 7);
}

async fn discovery_must_name_the_issuer_it_was_asked_for(store: TestStore) {
    let world = World::new(store).await;
    let key = es256();
    publish(&world, &json!([key.jwk()]));
    let discovery = json!({ "issuer": "https://evil.example", "jwks_uri": KEYS_URL });
    world.web.publish(&format!("{ISSUER}/.well-known/openid-configuration"), discovery);
    let answer = exchange(&world, &key.sign(&good_claims(&world))).await;
    answer.expect_error(503, "ServiceUnavailable");
    assert_eq!(world.web.asked(), 1);
    assert_eq!(world.users().await, []);
}

async fn without_issuers_nothing_can_be_exchanged(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, Vec::new()).await;
    for _ in 0..500 {
        exchange(&world, "x").await.expect_error(400, "TeamsExchangeNotConfigured");
    }
    let refused = exchange(&world, "x").await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(world.users().await, []);
}
