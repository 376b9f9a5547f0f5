//! Refresh tokens: each gives the next one, and ends its whole family when it comes again.

use serde_json::{Value, json};
use trunkline_store::params;
use trunkline_testkit::{Answer, TestStore, on_both_engines};

use super::door::{Door, changed, claims, expect_oauth_error};
use super::harness::{SLICES, text};

on_both_engines!(SLICES;
    each_token_gives_the_next_one_for_any_resource,
    a_token_that_comes_again_ends_its_family,
    a_token_made_while_its_family_ended_is_refused,
    a_token_is_bound_to_its_client,
    a_token_ends_with_time_password_and_user,
);

const SCOPES: &str = "openid offline_access https://auth.msft.communication.azure.com/Teams.ManageCalls";

struct Signed {
    door: Door,
    id: String,
    user: Value,
    reply: Value,
}

impl Signed {
    async fn new(store: TestStore) -> Self {
        let door = Door::new(store).await;
        let id = text(&door.application("shop").await["clientId"]);
        let user = door.user("ada@example.com").await;
        let code = door.code(&id, "ada@example.com", SCOPES).await;
        let reply = door.redeem(&id, &code).await.expect(200).body;
        Self { door, id, user, reply }
    }

    fn token(&self) -> String {
        text(&self.reply["refresh_token"])
    }

    async fn refresh(&self, token: &str, scope: &str) -> Answer {
        let fields =
            [("grant_type", "refresh_token"), ("client_id", self.id.as_str()), ("refresh_token", token)];
        self.door.ask(&changed(&fields, "scope", scope)).await
    }
}

async fn each_token_gives_the_next_one_for_any_resource(store: TestStore) {
    let signed = Signed::new(store).await;
    let mut token = signed.token();
    for (scope, audience) in [
        ("", "https://auth.msft.communication.azure.com"),
        ("https://communication.azure.com/clients/VoIP", "https://communication.azure.com/clients"),
        ("https://management.azure.com/.default openid", "https://management.azure.com"),
        ("", "https://auth.msft.communication.azure.com"),
    ] {
        signed.door.advance(60);
        let reply = signed.refresh(&token, scope).await.expect(200).body;
        assert_eq!(claims(&reply["access_token"])["aud"], audience);
        assert_eq!(claims(&reply["access_token"])["oid"], signed.user["objectId"]);
        let next = text(&reply["refresh_token"]);
        assert_ne!(next, token);
        token = next;
    }
    let wrong = signed.refresh(&token, "https://graph.microsoft.com/.default").await;
    expect_oauth_error(&wrong, 400, "invalid_resource", 500_011);
    signed.refresh(&token, "").await.expect(200);
}

async fn a_token_that_comes_again_ends_its_family(store: TestStore) {
    let signed = Signed::new(store).await;
    let first = signed.token();
    let reply = signed.refresh(&first, "").await.expect(200).body;
    let (second, access) = (text(&reply["refresh_token"]), text(&reply["access_token"]));
    // Two threads of one client, or a reply that was lost.
    signed.door.advance(10);
    let third = text(&signed.refresh(&first, "").await.expect(200).body["refresh_token"]);
    signed.door.probe("user", &access).await.expect(200);
    signed.door.advance(1);
    expect_oauth_error(&signed.refresh(&first, "").await, 400, "invalid_grant", 50_173);
    signed.door.probe("user", &access).await.expect_denied("TokenRevoked");
    for token in [first, second, third] {
        expect_oauth_error(&signed.refresh(&token, "").await, 400, "invalid_grant", 70_000);
    }
    assert_eq!(signed.door.app.count("directory_refresh_tokens").await, 0);
    assert_eq!(signed.door.app.count("directory_ended_families").await, 1);
    signed.door.advance(90 * 24 * 3600);
    signed.door.directory.purge().await.expect("it works");
    assert_eq!(signed.door.app.count("directory_ended_families").await, 0);
}

async fn a_token_made_while_its_family_ended_is_refused(store: TestStore) {
    let signed = Signed::new(store).await;
    let token = signed.token();
    // What another node can leave behind on PostgreSQL: the family is ended and one of its tokens is there.
    let end = "INSERT INTO directory_ended_families (family, expires_at)
               SELECT family, expires_at FROM directory_refresh_tokens";
    let key = trunkline_store::Key::system("test");
    let ended: Result<u64, trunkline_store::StoreError> =
        signed.door.app.store.store().write(key, move |tx| tx.execute(end, params![])).await;
    assert_eq!(ended.expect("written"), 1);
    expect_oauth_error(&signed.refresh(&token, "").await, 400, "invalid_grant", 70_000);
}

async fn a_token_is_bound_to_its_client(store: TestStore) {
    let signed = Signed::new(store).await;
    let token = signed.token();
    let other = text(&signed.door.application("other").await["clientId"]);
    let fields =
        [("grant_type", "refresh_token"), ("client_id", other.as_str()), ("refresh_token", token.as_str())];
    expect_oauth_error(&signed.door.ask(&fields).await, 400, "invalid_grant", 70_000);
    let confidential = token.replacen("1.p.", "1.c.", 1);
    expect_oauth_error(&signed.refresh(&confidential, "").await, 401, "invalid_client", 7_000_218);
    for wrong in ["x", "1.p.", &token[..token.len() - 1], &text(&signed.reply["access_token"])] {
        expect_oauth_error(&signed.refresh(wrong, "").await, 400, "invalid_grant", 70_000);
    }
    expect_oauth_error(&signed.refresh("", "").await, 400, "invalid_request", 900_144);
    signed.refresh(&token, "").await.expect(200);
}

async fn a_token_ends_with_time_password_and_user(store: TestStore) {
    let signed = Signed::new(store).await;
    let path = format!("/trunkline/directory/users/{}", text(&signed.user["objectId"]));
    let access = text(&signed.reply["access_token"]);
    signed.door.probe("user", &access).await.expect(200);
    signed.door.patch(&path, &json!({ "password": "another password" })).await;
    signed.door.probe("user", &access).await.expect_denied("TokenRevoked");
    expect_oauth_error(&signed.refresh(&signed.token(), "").await, 400, "invalid_grant", 70_000);
    signed.door.patch(&path, &json!({ "password": super::door::PASSWORD })).await;
    let code = signed.door.code(&signed.id, "ada@example.com", SCOPES).await;
    let reply = signed.door.redeem(&signed.id, &code).await.expect(200).body;
    let token = text(&reply["refresh_token"]);
    signed.door.advance(90 * 24 * 3600);
    expect_oauth_error(&signed.refresh(&token, "").await, 400, "invalid_grant", 700_082);
    signed.door.delete(&path).await;
    assert_eq!(signed.door.app.count("directory_refresh_tokens").await, 0);
}
