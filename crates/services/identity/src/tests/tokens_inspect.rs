//! `Tokens_Inspect`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{DEV, SLICES, World, revoke_path, text};

on_both_engines!(SLICES;
    a_good_token_is_described,
    the_reason_is_told_for_a_bad_one,
    readers_may_inspect_and_it_leaves_no_trace,
);

async fn inspect(world: &World, token: &str) -> Value {
    let call = Call::post("/trunkline/tokens/:inspect").json(&json!({ "token": token }));
    world.operate("reader", call).await.expect(200).body
}

async fn a_good_token_is_described(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat", "voip"]).await;
    let mut shown = inspect(&world, &format!(" {token}\n")).await;
    assert_eq!(shown["claims"]["acsScope"], "chat,voip");
    shown.as_object_mut().expect("an object").remove("claims");
    let expires = world.now().plus(Duration::from_hours(24)).to_rfc3339();
    let expected = json!({
        "isValid": true, "resourceId": DEV, "userId": id, "scopes": ["chat", "voip"], "expiresOn": expires,
    });
    assert_eq!(shown, expected);
}

async fn the_reason_is_told_for_a_bad_one(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let bad = |shown: &Value, why: &str| {
        assert_eq!(shown["isValid"], false);
        assert!(text(&shown["reason"]).contains(why), "{shown}");
    };
    bad(&inspect(&world, "nonsense").await, "no token");
    bad(&inspect(&world, "").await, "no token");
    let token = world.token(&id, &["chat"]).await;
    let (message, _) = token.rsplit_once('.').expect("three segments");
    let forged = inspect(&world, &format!("{message}.AAAA")).await;
    bad(&forged, "damaged");
    assert_eq!(forged["claims"]["resourceId"], DEV, "the claims are shown, whoever signed them");
    let revoked = world.token(&id, &["chat"]).await;
    world.call(Call::post(revoke_path(&id))).await.expect(204);
    bad(&inspect(&world, &revoked).await, "revoked");
    let token = world.token(&id, &["chat"]).await;
    world.resources.regenerate("dev", KeySlot::Primary);
    bad(&inspect(&world, &token).await, "access key");
    let token = world.token(&id, &["chat"]).await;
    world.advance(Duration::from_hours(24));
    bad(&inspect(&world, &token).await, "expired");
    let token = world.token(&id, &["chat"]).await;
    world.resources.remove("dev");
    bad(&inspect(&world, &token).await, "another resource");
}

async fn readers_may_inspect_and_it_leaves_no_trace(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post("/trunkline/tokens/:inspect").json(&json!({ "token": "x" }));
    world.takes_operators_from("reader", &call).await;
    assert_eq!(world.app.audit_log().await.len(), 0);
    let empty = Call::post("/trunkline/tokens/:inspect").json(&json!({}));
    world.operate("reader", empty).await.expect_invalid("body");
}
