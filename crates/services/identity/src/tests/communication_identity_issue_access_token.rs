//! `CommunicationIdentity_IssueAccessToken`.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{SLICES, World, claims, issue_path, raw_id, text};
use crate::scope::Scope;

on_both_engines!(SLICES;
    a_token_is_issued_and_nothing_is_written,
    strangers_are_refused,
    api_versions_are_checked,
    lifetimes_have_two_ends,
    scopes_are_checked,
    bodies_are_checked,
    unknown_identities_are_not_found,
    the_acs_limit_holds,
);

async fn a_token_is_issued_and_nothing_is_written(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    world.advance(Duration::from_micros(1_234_567));
    let wish = json!({ "scopes": Scope::ALL.map(Scope::as_str), "expiresInMinutes": 60 });
    let answer = world.call(Call::post(issue_path(&id)).json(&wish)).await.expect(200);
    let token = text(&answer.body["token"]);
    // A token's times are whole seconds, and the reply says the same.
    let expires = world.now().truncate_to_second().plus(Duration::from_hours(1));
    assert_eq!(answer.body, json!({ "token": token, "expiresOn": expires.to_rfc3339() }));
    assert_eq!(claims(&token)["exp"], expires.as_seconds());
    assert_eq!(claims(&token)["acsScope"], "chat,voip,chat.join,chat.join.limited,voip.join");
    let (who, scopes) = world.verify(&token).await.expect("valid");
    assert_eq!((who, scopes.len()), (id.clone(), 5));
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    assert_eq!(world.app.audit_log().await.len(), 0);
    // The path may be encoded, as one SDK writes it.
    let encoded = issue_path(&id.replace(':', "%3A"));
    world.call(Call::post(encoded).json(&wish)).await.expect(200);
    let signed_with = |slot| world.resources.key("dev", slot);
    let call = Call::post(issue_path(&id)).json(&wish).signed(&signed_with(KeySlot::Secondary));
    let second = world.app.call(call).await.expect(200);
    assert_eq!(claims(&text(&second.body["token"]))["key"], "secondary:1");
}

async fn strangers_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let call = Call::post(issue_path(&id)).json(&json!({ "scopes": ["chat"] }));
    world.refuses_strangers(&call).await;
}

async fn api_versions_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let path = format!("/identities/{}/:issueAccessToken", world.create().await);
    world.checks_versions(&path, |path| Call::post(path).json(&json!({ "scopes": ["chat"] })), 200).await;
}

async fn lifetimes_have_two_ends(store: TestStore) {
    let world = World::new(store).await;
    let path = issue_path(&world.create().await);
    let ask = |minutes: Value| {
        let wish = json!({ "scopes": ["voip"], "expiresInMinutes": minutes });
        world.call(Call::post(path.clone()).json(&wish))
    };
    for minutes in [59, 1441, 0, -1440, i32::MIN] {
        ask(json!(minutes)).await.expect_invalid("expiresInMinutes");
    }
    for minutes in [60, 1440] {
        let answer = ask(json!(minutes)).await.expect(200);
        let lasts = Duration::from_mins(minutes);
        assert_eq!(answer.body["expiresOn"], world.now().plus(lasts).to_rfc3339());
        let token = text(&answer.body["token"]);
        assert!(world.verify(&token).await.is_ok());
    }
    let token = text(&ask(json!(60)).await.expect(200).body["token"]);
    world.advance(Duration::from_hours(1).checked_sub(Duration::from_micros(1)).expect("positive"));
    assert!(world.verify(&token).await.is_ok());
    world.advance(Duration::from_micros(1));
    assert_eq!(world.verify(&token).await, Err("TokenExpired"));
}

async fn scopes_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let path = issue_path(&world.create().await);
    let ask = |scopes: Value| world.call(Call::post(path.clone()).json(&json!({ "scopes": scopes })));
    ask(json!([])).await.expect_invalid("scopes");
    for bad in [json!(["email"]), json!(["CHAT"]), json!("chat"), Value::Null, json!({}), json!(["chat", 1])]
    {
        ask(bad).await.expect_invalid("body");
    }
    for scope in Scope::ALL.map(Scope::as_str) {
        let token = text(&ask(json!([scope])).await.expect(200).body["token"]);
        assert_eq!(world.verify(&token).await.expect("valid").1, [scope]);
    }
    let token = text(&ask(json!(["voip", "chat", "voip", "chat"])).await.expect(200).body["token"]);
    assert_eq!(claims(&token)["acsScope"], "voip,chat");
}

async fn bodies_are_checked(store: TestStore) {
    let world = World::new(store).await;
    let path = issue_path(&world.create().await);
    for bad in ["", "{}", "[", r#"{"scopes":["chat"],"scopes":["voip"]}"#] {
        let call = Call::post(path.clone()).body("application/json", bad);
        world.call(call).await.expect_invalid("body");
    }
    let text = Call::post(path.clone()).body("text/plain", r#"{"scopes":["chat"]}"#);
    world.call(text).await.expect_error(415, "UnsupportedMediaType");
    let charset = Call::post(path).body("Application/JSON; charset=utf-8", r#"{"scopes":["chat"]}"#);
    world.call(charset).await.expect(200);
}

async fn unknown_identities_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    for unknown in [raw_id(7), id.to_uppercase(), id.replace("000000000001_", "000000000002_")] {
        let call = Call::post(issue_path(&unknown)).json(&json!({ "scopes": ["chat"] }));
        world.call(call).await.expect_error(404, "IdentityNotFound");
    }
    // A raw id of another resource, asked for there.
    let key = world.resources.key("other", KeySlot::Primary);
    let call = Call::post(issue_path(&id)).host(trunkline_testkit::app::OTHER_HOST);
    let call = call.json(&json!({ "scopes": ["chat"] })).signed(&key);
    world.app.call(call).await.expect_error(404, "IdentityNotFound");
}

async fn the_acs_limit_holds(store: TestStore) {
    let world = World::with(store, LimitSet::Acs).await;
    let path = issue_path(&world.create().await);
    let bad = Call::post(path.clone()).json(&json!({ "scopes": [] }));
    for _ in 0..1000 {
        world.call(bad.clone()).await.expect_invalid("scopes");
    }
    let refused = world.call(bad.clone()).await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "1");
    // Other operations are not touched.
    world.create().await;
}
