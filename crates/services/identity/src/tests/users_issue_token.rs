//! `Users_IssueToken`.

use std::time::Duration;

use serde_json::json;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{SLICES, World, claims, raw_id, text, user_path};

on_both_engines!(SLICES;
    a_token_is_issued_and_audited_without_being_kept,
    contributors_may_issue,
    bad_wishes_and_unknown_users_are_refused,
);

async fn issue(world: &World, id: &str, wish: &serde_json::Value) -> Answer {
    let call = Call::post(format!("{}/:issueToken", user_path(id))).json(wish);
    world.operate("contributor", call).await
}

async fn a_token_is_issued_and_audited_without_being_kept(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let wish = json!({ "scopes": ["voip.join"], "expiresInMinutes": 60 });
    let answer = issue(&world, &id, &wish).await.expect(200);
    let token = text(&answer.body["token"]);
    let expires = world.now().plus(Duration::from_hours(1)).to_rfc3339();
    assert_eq!(answer.body, json!({ "token": token, "expiresOn": expires }));
    assert_eq!(world.verify(&token).await, Ok((id.clone(), vec!["voip.join".to_owned()])));
    assert_eq!(claims(&token).get("key"), None, "no access key can end it");
    let audited = world.app.newest_audit("Users_IssueToken", "contributor", &answer).await;
    assert_eq!(audited, (id, json!({})));
}

async fn contributors_may_issue(store: TestStore) {
    let world = World::new(store).await;
    let path = format!("{}/:issueToken", user_path(&world.create().await));
    let call = Call::post(path).json(&json!({ "scopes": ["chat"] }));
    world.takes_operators_from("contributor", &call).await;
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn bad_wishes_and_unknown_users_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    issue(&world, &id, &json!({ "scopes": [] })).await.expect_invalid("scopes");
    for minutes in [59, 1441] {
        let wish = json!({ "scopes": ["chat"], "expiresInMinutes": minutes });
        issue(&world, &id, &wish).await.expect_invalid("expiresInMinutes");
    }
    let wish = json!({ "scopes": ["chat"] });
    issue(&world, &raw_id(1), &wish).await.expect_error(404, "IdentityNotFound");
    assert_eq!(world.app.audit_log().await.len(), 0);
}
