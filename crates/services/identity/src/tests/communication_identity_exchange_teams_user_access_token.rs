//! `CommunicationIdentity_ExchangeTeamsUserAccessToken`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};
use trunkline_web::ports::DirectoryRefusal;

use super::harness::{
    APPLICATION, CLIENTS, DEV, EXCHANGE, OBJECT, SLICES, TEAMS, World, claims, revoke_path, text,
};

on_both_engines!(SLICES;
    a_directory_token_becomes_a_token_of_the_teams_user,
    strangers_are_refused,
    applications_with_a_role_may_exchange,
    every_refusal_says_why,
    tokens_last_a_day_at_most,
    api_versions_and_bodies_are_checked,
    what_passes_can_be_tried_again,
    without_a_directory_nothing_can_be_exchanged,
);

fn body(token: &str) -> Value {
    json!({ "token": token, "appId": APPLICATION, "userId": OBJECT })
}

async fn exchange(world: &World, token: &str) -> Answer {
    world.call(Call::post(EXCHANGE).json(&body(token))).await
}

async fn a_directory_token_becomes_a_token_of_the_teams_user(store: TestStore) {
    let world = World::new(store).await;
    let directory_token = world.sign_in(TEAMS, |_| {});
    let answer = exchange(&world, &directory_token).await.expect(200);
    let token = text(&answer.body["token"]);
    let expires = world.now().truncate_to_second().plus(Duration::from_secs(4000));
    assert_eq!(answer.body, json!({ "token": token, "expiresOn": expires.to_rfc3339() }));
    let id = format!("8:orgid:{OBJECT}");
    let expected = (id.clone(), vec!["chat".to_owned(), "voip".to_owned()]);
    assert_eq!(world.verify(&token).await, Ok(expected));
    assert_eq!(claims(&token)["skypeid"], format!("orgid:{OBJECT}"));
    assert_eq!(world.users().await, [(DEV.to_owned(), id.clone(), world.now())]);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    // The second exchange finds the user, and revocation ends its tokens like any other's.
    let again = text(&exchange(&world, &directory_token).await.expect(200).body["token"]);
    assert_eq!(world.users().await.len(), 1);
    let operation = "CommunicationIdentity_ExchangeTeamsUserAccessToken".to_owned();
    assert_eq!(world.usage().await, [(operation, "identity.exchanges".to_owned(), 2)]);
    world.call(Call::post(revoke_path(&id))).await.expect(204);
    for token in [token, again] {
        assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    }
}

async fn strangers_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let token = world.sign_in(TEAMS, |_| {});
    world.refuses_strangers(&Call::post(EXCHANGE).json(&body(&token))).await;
    assert_eq!(world.usage().await.len(), 1, "only the stranger's identity was counted");
}

async fn applications_with_a_role_may_exchange(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(EXCHANGE).json(&body(&world.sign_in(TEAMS, |_| {})));
    world.app.call(call.clone().bearer("app:data:reader")).await.expect_error(403, "Forbidden");
    let answer = world.app.call(call.bearer("app:data:contributor:1")).await.expect(200);
    assert_eq!(claims(&text(&answer.body["token"])).get("key"), None);
}

async fn every_refusal_says_why(store: TestStore) {
    let world = World::new(store).await;
    let now = world.now();
    let refused = |why| world.refused_token(DirectoryRefusal::Refused(why));
    for (token, why) in [
        ("garbage".to_owned(), "issuer is not configured"),
        (String::new(), "issuer is not configured"),
        (refused("its signature does not fit"), "its signature does not fit"),
        (world.sign_in(TEAMS, |user| user.expires = now), "expired"),
        (world.sign_in(TEAMS, |user| user.client_id = OBJECT.to_owned()), "appId"),
        (world.sign_in(TEAMS, |user| user.client_id.clear()), "appId"),
        (world.sign_in(TEAMS, |user| user.object_id = APPLICATION.to_owned()), "userId"),
        (world.sign_in(TEAMS, |user| user.object_id.clear()), "userId"),
    ] {
        let answer = exchange(&world, &token).await.expect_denied("DirectoryTokenRefused");
        let message = text(&answer.body["error"]["message"]);
        assert!(message.contains(why), "{message} should say: {why}");
    }
    let other_door = world.sign_in(CLIENTS, |_| {});
    exchange(&world, &other_door).await.expect_denied("AudienceInvalid");
    for strange in ["é", "a b", "a>b", "a~b"] {
        let token = world.sign_in(TEAMS, |user| user.object_id = strange.to_owned());
        let asked = json!({ "token": token, "appId": APPLICATION, "userId": strange });
        world.call(Call::post(EXCHANGE).json(&asked)).await.expect_denied("DirectoryTokenRefused");
    }
    assert_eq!((world.users().await, world.usage().await), (vec![], vec![]));
    for accepted in [
        world.sign_in(TEAMS, |user| user.object_id = OBJECT.to_uppercase()),
        world.sign_in(TEAMS, |user| user.client_id = APPLICATION.to_uppercase()),
        world.sign_in("api://configured-for-an-issuer", |_| {}),
    ] {
        exchange(&world, &accepted).await.expect(200);
    }
    assert_eq!(world.users().await.len(), 1, "letters of a GUID have no case");
}

async fn tokens_last_a_day_at_most(store: TestStore) {
    let world = World::new(store).await;
    let later = world.now().plus(Duration::from_hours(48));
    let answer = exchange(&world, &world.sign_in(TEAMS, |user| user.expires = later)).await.expect(200);
    let expires = world.now().plus(Duration::from_hours(24)).truncate_to_second();
    assert_eq!(answer.body["expiresOn"], expires.to_rfc3339());
}

async fn api_versions_and_bodies_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let whole = body(&world.sign_in(TEAMS, |_| {}));
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

async fn what_passes_can_be_tried_again(store: TestStore) {
    let world = World::new(store).await;
    let token = world.refused_token(DirectoryRefusal::Unreachable);
    let answer = exchange(&world, &token).await.expect_error(503, "ServiceUnavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(world.users().await, []);
}

async fn without_a_directory_nothing_can_be_exchanged(store: TestStore) {
    let world = World::with(store, LimitSet::Acs).await;
    let token = world.refused_token(DirectoryRefusal::NotConfigured);
    for _ in 0..500 {
        exchange(&world, &token).await.expect_error(400, "TeamsExchangeNotConfigured");
    }
    let refused = exchange(&world, &token).await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(world.users().await, []);
}
