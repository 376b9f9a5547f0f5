//! How tokens end, and which texts are no tokens at all.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trunkline_kernel::jws::SigningKey;
use trunkline_kernel::{Clock as _, ResourceId};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{
    CREATE, DEV, OTHER, SLICES, USERS, World, claims, issue_path, raw_id, revoke_path, text, user_path,
};

on_both_engines!(SLICES;
    regenerating_a_key_ends_what_was_made_with_it_and_nothing_else,
    deleting_a_resource_deletes_its_users,
    forged_tokens_are_refused,
    tokens_that_somebody_holds_are_good_until_they_end,
    revocations_elsewhere_are_followed,
);

async fn regenerating_a_key_ends_what_was_made_with_it_and_nothing_else(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let wish = Call::post(issue_path(&id)).json(&json!({ "scopes": ["chat"] }));
    let (primary, secondary) =
        (world.resources.key("dev", KeySlot::Primary), world.resources.key("dev", KeySlot::Secondary));
    let by_primary = world.token(&id, &["chat"]).await;
    let by_secondary = text(&world.app.call(wish.clone().signed(&secondary)).await.expect(200).body["token"]);
    let path = format!("{USERS}/{id}/:issueToken");
    let call = Call::post(path).json(&json!({ "scopes": ["chat"] }));
    let by_operator = text(&world.operate("owner", call).await.expect(200).body["token"]);
    assert_eq!(claims(&by_operator).get("key"), None);
    world.resources.regenerate("dev", KeySlot::Primary);
    assert_eq!(world.verify(&by_primary).await, Err("TokenRevoked"));
    assert!(world.verify(&by_secondary).await.is_ok());
    assert!(world.verify(&by_operator).await.is_ok());
    world.app.call(wish.clone().signed(&primary)).await.expect_denied("SignatureMismatch");
    world.app.call(wish.clone().signed(&secondary)).await.expect(200);
    let fresh = world.token(&id, &["chat"]).await;
    assert_eq!(claims(&fresh)["key"], "primary:2");
    assert!(world.verify(&fresh).await.is_ok());
    world.resources.regenerate("dev", KeySlot::Secondary);
    assert_eq!(world.verify(&by_secondary).await, Err("TokenRevoked"));
    assert!(world.verify(&fresh).await.is_ok());
}

async fn deleting_a_resource_deletes_its_users(store: TestStore) {
    let world = World::new(store).await;
    // More than one transaction deletes.
    for number in 0..201 {
        let new = json!({ "id": raw_id(number), "labels": { "number": number.to_string() } });
        world.operate("owner", Call::post(USERS).json(&new)).await.expect(201);
    }
    let key = world.resources.key("other", KeySlot::Primary);
    let elsewhere = Call::post(CREATE).host(app::OTHER_HOST).signed(&key);
    world.app.call(elsewhere).await.expect(201);
    let token = world.token(&raw_id(200), &["chat"]).await;
    assert!(world.verify(&token).await.is_ok());
    let dev: ResourceId = DEV.parse().expect("a GUID");
    let now = world.app.clock().now();
    let before = now.minus(Duration::from_secs(1));
    assert_eq!(world.identity.delete_users_of(dev, before).await.ok(), Some(0), "they were made since");
    assert_eq!(world.identity.delete_users_of(dev, now).await.ok(), Some(201));
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    let left = world.users().await;
    assert_eq!((left.len(), left[0].0.as_str()), (1, OTHER));
    assert_eq!(world.app.count("identity_labels").await, 0);
    // Events come at least once.
    assert_eq!(world.identity.delete_users_of(dev, now).await.ok(), Some(0));
}

async fn tokens_that_somebody_holds_are_good_until_they_end(store: TestStore) {
    let world = World::new(store).await;
    let [id, other, gone] = [world.create().await, world.create().await, world.create().await];
    let mut held = Vec::new();
    for raw_id in [&id, &other, &gone] {
        let token = world.token(raw_id, &["chat"]).await;
        let generation = text(&claims(&token)["gen"]).parse::<i64>().expect("a number");
        held.push((Arc::from(&**raw_id), generation, Some(Arc::from("primary:1"))));
    }
    held.push((Arc::from(&*id), held[0].1, None));
    held.push((Arc::from(&*id), held[0].1.wrapping_add(1), None));
    held.push((Arc::from("8:acs:nobody"), held[0].1, None));
    let good = async || {
        let answer = world.identity.still_good(&world.resources.view("dev"), held.clone()).await;
        answer.expect("the store answers")
    };
    assert_eq!(good().await, [true, true, true, true, false, false]);
    world.call(Call::post(revoke_path(&other))).await.expect(204);
    world.operate("owner", Call::delete(user_path(&gone))).await.expect(204);
    assert_eq!(good().await, [true, false, false, true, false, false]);
    world.resources.regenerate("dev", KeySlot::Primary);
    assert_eq!(good().await, [false, false, false, true, false, false]);
    let elsewhere = world.identity.still_good(&world.resources.view("other"), held.clone()).await;
    assert_eq!(elsewhere.expect("the store answers"), [false; 6]);
}

async fn forged_tokens_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat"]).await;
    let (message, signature) = token.rsplit_once('.').expect("three segments");
    let (header, payload) = message.split_once('.').expect("two segments");
    let kid = world.identity.tokens().keys().key_set().keys[0].kid.clone().expect("a name");
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with_header = |value: Value| format!("{}.{payload}.{signature}", encode(value));
    let mut promoted = claims(&token);
    promoted["acsScope"] = json!("chat,voip");
    let public = world.identity.tokens().keys().key_set().keys[0].x.clone().expect("a coordinate");
    let tagged = format!("{}.{}", encode(json!({ "alg": "HS256", "kid": kid })), encode(promoted.clone()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes()), tagged.as_bytes());
    let stranger = SigningKey::from_pkcs8(SigningKey::generate_pkcs8().expose()).expect("a fresh key");
    for (forged, code) in [
        (with_header(json!({ "alg": "none", "kid": kid })), "TokenInvalid"),
        (format!("{}.{payload}.", encode(json!({ "alg": "none", "kid": kid }))), "TokenInvalid"),
        (format!("{tagged}.{}", URL_SAFE_NO_PAD.encode(tag)), "TokenInvalid"),
        (with_header(json!({ "alg": "RS256", "kid": kid })), "TokenInvalid"),
        (format!("{header}.{}.{signature}", encode(promoted.clone())), "TokenInvalid"),
        (format!("{message}.{}", &signature[..signature.len() - 6]), "TokenInvalid"),
        (format!("{message}."), "TokenInvalid"),
        (stranger.sign(&promoted), "TokenUnknown"),
        (with_header(json!({ "alg": "ES256" })), "TokenUnknown"),
        (with_header(json!({ "alg": "ES256", "kid": "../../etc" })), "TokenUnknown"),
        (message.to_owned(), "TokenUnknown"),
        (token.to_uppercase(), "TokenUnknown"),
        ("x".repeat(20_000), "TokenUnknown"),
        ("..".to_owned(), "TokenUnknown"),
    ] {
        assert_eq!(world.verify(&forged).await, Err(code), "{forged:.200}");
        let call = Call::post(CREATE).bearer(&forged);
        world.app.call(call).await.expect_denied(code);
    }
    assert_eq!(world.verify_in("other", &token).await, Err("TokenOfAnotherResource"));
    assert!(world.verify(&token).await.is_ok());
    world.advance(Duration::from_hours(24));
    assert_eq!(world.verify(&token).await, Err("TokenExpired"));
}

async fn revocations_elsewhere_are_followed(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let token = world.token(&id, &["chat"]).await;
    assert!(world.verify(&token).await.is_ok());
    let tasks = trunkline_tasks::Tasks::new();
    tasks.spawn("revocations", Arc::clone(&world.identity).follow_revocations(tasks.shutdown()));
    // Another node's change: the row, and the wake-up it sends. This node's cache does not know of it yet.
    let (changed, wake) = (id.clone(), format!("{DEV} {id}"));
    let dev: ResourceId = DEV.parse().expect("a GUID");
    let written: Result<bool, trunkline_store::StoreError> = world
        .app
        .store
        .write(trunkline_store::Key::new(DEV, &id), move |tx| {
            tx.wake(crate::REVOKED_TOPIC, &wake)?;
            crate::rows::change_generation(tx, dev, &changed, 7)
        })
        .await;
    assert_eq!(written.ok(), Some(true));
    // The task may not have subscribed before the first wake-up: it is sent again until it is heard.
    let heard = async {
        while world.verify(&token).await.is_ok() {
            world.app.store.wakes().publish(crate::REVOKED_TOPIC, &format!("{DEV} {id}"));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), heard).await.expect("the wake-up is heard");
    assert_eq!(world.verify(&token).await, Err("TokenRevoked"));
    tasks.stop(Duration::from_secs(5)).await;
}
