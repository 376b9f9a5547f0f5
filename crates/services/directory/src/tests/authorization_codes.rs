//! Codes become tokens once, for the client, address and verifier they were made for.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::door::{
    DATA, Door, TEAMS, VERIFIER, challenge, changed, claims, expect_oauth_error, redemption, request,
};
use super::harness::{SLICES, text};

on_both_engines!(SLICES;
    a_code_becomes_the_tokens_that_were_asked_for,
    a_code_is_bound_to_client_address_and_verifier,
    a_code_that_comes_again_ends_what_came_of_it,
    a_code_ends_with_its_time_and_its_user,
    a_client_with_a_credential_proves_itself,
    two_redemptions_at_once_give_one_set_of_tokens,
);

const SCOPES: &str =
    "openid profile offline_access https://auth.msft.communication.azure.com/Teams.ManageCalls";

async fn prepared(store: TestStore) -> (Door, String, serde_json::Value) {
    let door = Door::new(store).await;
    let id = text(&door.application("shop").await["clientId"]);
    let user = door.user("ada@example.com").await;
    (door, id, user)
}

async fn a_code_becomes_the_tokens_that_were_asked_for(store: TestStore) {
    let (door, id, user) = prepared(store).await;
    let code = door.code(&id, "ada@example.com", SCOPES).await;
    let reply = door.redeem(&id, &code).await.expect(200).body;
    let access = claims(&reply["access_token"]);
    assert_eq!(access["aud"], "https://auth.msft.communication.azure.com");
    assert_eq!((access["idtyp"].as_str(), access["scp"].as_str()), (Some("user"), Some("Teams.ManageCalls")));
    assert_eq!((&access["oid"], &access["sub"]), (&user["objectId"], &user["objectId"]));
    assert_eq!((access["name"].as_str(), text(&access["appid"])), (Some("Ada L."), id.clone()));
    let named = claims(&reply["id_token"]);
    assert_eq!((text(&named["aud"]), named["nonce"].as_str()), (id.clone(), Some("n-1")));
    assert_eq!(named["preferred_username"], "ada@example.com");
    assert_eq!((&named["iss"], named.get("idtyp")), (&json!(door.issuer()), None));
    assert!(text(&reply["refresh_token"]).starts_with("1.p."));
    let info = claims(&json!(format!("eyJhbGciOiJ4In0.{}.", text(&reply["client_info"]))));
    assert_eq!(info, json!({ "uid": user["objectId"], "utid": door.tenant }));
    assert!(text(&reply["scope"]).contains("/Teams.ManageCalls"), "{reply}");
    let who = door.probe("user", &text(&reply["access_token"])).await.expect(200).body;
    assert_eq!(
        (&who["id"], &who["name"], &who["tenant"]),
        (&user["objectId"], &json!("Ada L."), &json!(door.tenant))
    );
    // No more than what was asked for.
    let code = door.code(&id, "ada@example.com", TEAMS).await;
    let reply = door.redeem(&id, &code).await.expect(200).body;
    assert!(reply.get("refresh_token").is_none() && reply.get("id_token").is_none(), "{reply}");
    let code = door.code(&id, "ada@example.com", "openid").await;
    let reply = door.redeem(&id, &code).await.expect(200).body;
    for kind in ["data", "management", "user"] {
        door.probe(kind, &text(&reply["access_token"])).await.expect_denied("AudienceInvalid");
        door.probe(kind, &text(&reply["id_token"])).await.expect_denied("TokenInvalid");
    }
}

async fn a_code_is_bound_to_client_address_and_verifier(store: TestStore) {
    let (door, id, _) = prepared(store).await;
    let other = text(&door.application("other").await["clientId"]);
    let code = door.code(&id, "ada@example.com", SCOPES).await;
    let good = redemption(&id, &code);
    let plain = challenge(VERIFIER);
    for (name, value, error, number) in [
        ("client_id", other.as_str(), "invalid_grant", 70_000),
        ("code", "x", "invalid_grant", 70_000),
        ("code", "", "invalid_request", 900_144),
        ("redirect_uri", "", "invalid_request", 900_144),
        ("redirect_uri", "http://localhost/done", "invalid_grant", 500_112),
        ("redirect_uri", "https://app.example/done/", "invalid_grant", 500_112),
        ("code_verifier", "", "invalid_grant", 501_481),
        ("code_verifier", "another-verifier-of-at-least-forty-three-chars", "invalid_grant", 501_481),
        // The challenge itself, as `plain` would have it.
        ("code_verifier", plain.as_str(), "invalid_grant", 501_481),
        ("code_verifier", "short", "invalid_grant", 501_481),
    ] {
        let answer = door.ask(&changed(&good, name, value)).await;
        assert_eq!(answer.body["error_codes"], json!([number]), "{name}={value}: {}", answer.body);
        expect_oauth_error(&answer, 400, error, number);
    }
    assert_eq!(door.app.count("directory_refresh_tokens").await, 0);
    door.ask(&good).await.expect(200);
}

async fn a_code_that_comes_again_ends_what_came_of_it(store: TestStore) {
    let (door, id, _) = prepared(store).await;
    let kept = door.code(&id, "ada@example.com", SCOPES).await;
    let kept = door.redeem(&id, &kept).await.expect(200).body;
    let code = door.code(&id, "ada@example.com", SCOPES).await;
    let reply = door.redeem(&id, &code).await.expect(200).body;
    let access = text(&reply["access_token"]);
    door.probe("user", &access).await.expect(200);
    // A stranger who does not know for whom it is ends nothing.
    let other = text(&door.application("other").await["clientId"]);
    expect_oauth_error(&door.redeem(&other, &code).await, 400, "invalid_grant", 70_000);
    door.probe("user", &access).await.expect(200);
    expect_oauth_error(&door.redeem(&id, &code).await, 400, "invalid_grant", 54_005);
    door.probe("user", &access).await.expect_denied("TokenRevoked");
    let refresh = text(&reply["refresh_token"]);
    let fields =
        [("grant_type", "refresh_token"), ("client_id", id.as_str()), ("refresh_token", refresh.as_str())];
    expect_oauth_error(&door.ask(&fields).await, 400, "invalid_grant", 70_000);
    // Another sign-in of the same user goes on.
    door.probe("user", &text(&kept["access_token"])).await.expect(200);
}

async fn a_code_ends_with_its_time_and_its_user(store: TestStore) {
    let (door, id, user) = prepared(store).await;
    let code = door.code(&id, "ada@example.com", SCOPES).await;
    door.advance(300);
    expect_oauth_error(&door.redeem(&id, &code).await, 400, "invalid_grant", 70_008);
    assert_eq!(door.directory.purge().await.expect("it works"), 1);
    assert_eq!(door.app.count("directory_codes").await, 0);
    let code = door.code(&id, "ada@example.com", SCOPES).await;
    let path = format!("/trunkline/directory/users/{}", text(&user["objectId"]));
    door.patch(&path, &json!({ "isEnabled": false })).await;
    let answer = door.redeem(&id, &code).await;
    assert!(
        [70_000, 50_057].contains(&answer.body["error_codes"][0].as_u64().expect("a number")),
        "{}",
        answer.body
    );
}

async fn a_client_with_a_credential_proves_itself(store: TestStore) {
    let (door, id, _) = prepared(store).await;
    let secret = door.secret(&json!({ "clientId": id })).await;
    let code = door.code(&id, "ada@example.com", SCOPES).await;
    let fields = redemption(&id, &code);
    expect_oauth_error(&door.ask(&fields).await, 401, "invalid_client", 7_000_218);
    let wrong = changed(&fields, "client_secret", "x");
    expect_oauth_error(&door.ask(&wrong).await, 401, "invalid_client", 7_000_215);
    // The secret does not stand for the verifier.
    let unproven = changed(&changed(&fields, "client_secret", &secret), "code_verifier", "");
    expect_oauth_error(&door.ask(&unproven).await, 400, "invalid_grant", 501_481);
    let reply = door.ask(&changed(&fields, "client_secret", &secret)).await.expect(200).body;
    let refresh = text(&reply["refresh_token"]);
    let again =
        [("grant_type", "refresh_token"), ("client_id", id.as_str()), ("refresh_token", refresh.as_str())];
    expect_oauth_error(&door.ask(&again).await, 401, "invalid_client", 7_000_218);
    door.ask(&changed(&again, "client_secret", &secret)).await.expect(200);
    // Without a challenge the secret is the proof, and a verifier out of nowhere is refused.
    let challenge = challenge(VERIFIER);
    let bare = changed(&request(&id, TEAMS, &challenge), "code_challenge", "");
    let code =
        door.sign_in(&changed(&bare, "code_challenge_method", ""), "ada@example.com").await["code"].clone();
    let with_secret = redemption(&id, &code);
    let with_secret = changed(&with_secret, "client_secret", &secret);
    expect_oauth_error(&door.ask(&with_secret).await, 400, "invalid_grant", 501_481);
    door.ask(&changed(&with_secret, "code_verifier", "")).await.expect(200);
    // An application on the user's machine has no secret to show, even where the same one has a service.
    let native = "http://localhost:5000/done";
    let asked = request(&id, DATA, &challenge);
    let code =
        door.sign_in(&changed(&asked, "redirect_uri", native), "ada@example.com").await["code"].clone();
    let fields = redemption(&id, &code);
    let reply = door.ask(&changed(&fields, "redirect_uri", native)).await.expect(200).body;
    assert_eq!(claims(&reply["access_token"])["scp"], "user_impersonation");
}

async fn two_redemptions_at_once_give_one_set_of_tokens(store: TestStore) {
    let (door, id, _) = prepared(store).await;
    let code = door.code(&id, "ada@example.com", SCOPES).await;
    let (first, second) = futures_util::future::join(door.redeem(&id, &code), door.redeem(&id, &code)).await;
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let good = if first.status == 200 { first } else { second };
    door.probe("user", &text(&good.body["access_token"])).await.expect_denied("TokenRevoked");
    assert_eq!(door.app.count("directory_refresh_tokens").await, 0);
}
