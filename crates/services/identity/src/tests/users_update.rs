//! `Users_Update`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{SLICES, USERS, World, raw_id, user_path};

on_both_engines!(SLICES;
    a_merge_patch_sets_and_removes_labels,
    contributors_may_update,
    bad_patches_change_nothing,
    unknown_users_are_not_found,
    a_change_can_be_bound_to_the_state_that_was_read,
);

async fn patch(world: &World, id: &str, body: &Value) -> Answer {
    let call = Call::new("PATCH", user_path(id)).body("application/merge-patch+json", body.to_string());
    world.operate("contributor", call).await
}

async fn a_merge_patch_sets_and_removes_labels(store: TestStore) {
    let world = World::new(store).await;
    let new = json!({ "id": raw_id(1), "labels": { "keep": "1", "change": "2", "remove": "3" } });
    world.operate("owner", Call::post(USERS).json(&new)).await.expect(201);
    let token = world.token(&raw_id(1), &["chat"]).await;
    let change = json!({ "labels": { "change": "x", "remove": null, "absent": null, "add": "" } });
    let answer = patch(&world, &raw_id(1), &change).await.expect(200);
    let labels = json!({ "keep": "1", "change": "x", "add": "" });
    assert_eq!(answer.body["labels"], labels);
    let audited = world.app.newest_audit("Users_Update", "contributor", &answer).await;
    assert_eq!(audited, (raw_id(1), json!({ "labels": labels })));
    let shown = world.operate("reader", Call::get(user_path(&raw_id(1)))).await.expect(200);
    assert_eq!(shown.body, answer.body);
    assert_eq!(world.app.count("identity_labels").await, 3);
    assert!(world.verify(&token).await.is_ok());
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    let plain = Call::new("PATCH", user_path(&raw_id(1))).json(&json!({ "labels": {} }));
    assert_eq!(world.operate("owner", plain).await.expect(200).body, answer.body);
}

async fn contributors_may_update(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let call = Call::new("PATCH", user_path(&id)).json(&json!({ "labels": { "a": "b" } }));
    world.takes_operators_from("contributor", &call).await;
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn bad_patches_change_nothing(store: TestStore) {
    let world = World::new(store).await;
    let labels: serde_json::Map<String, Value> =
        (0..50).map(|number| (format!("label{number}"), json!("x"))).collect();
    let new = json!({ "id": raw_id(1), "labels": labels });
    world.operate("owner", Call::post(USERS).json(&new)).await.expect(201);
    for body in [json!([]), json!(null), json!({}), json!({ "labels": 1 }), json!({ "labels": { "a": 1 } })] {
        patch(&world, &raw_id(1), &body).await.expect_invalid("body");
    }
    patch(&world, &raw_id(1), &json!({ "labels": { "one-more": "x" } })).await.expect_invalid("labels");
    patch(&world, &raw_id(1), &json!({ "labels": { "": "x" } })).await.expect_invalid("labels");
    let text = Call::new("PATCH", user_path(&raw_id(1))).body("text/plain", "{}");
    world.operate("owner", text).await.expect_error(415, "UnsupportedMediaType");
    assert_eq!(world.app.count("identity_labels").await, 50);
    assert_eq!(world.app.audit_log().await.len(), 1);
    // One goes, one comes: never more than the limit.
    let swap = json!({ "labels": { "label0": null, "one-more": "x" } });
    patch(&world, &raw_id(1), &swap).await.expect(200);
}

async fn unknown_users_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({ "labels": { "a": "b" } });
    patch(&world, &raw_id(9), &body).await.expect_error(404, "IdentityNotFound");
    assert_eq!(world.app.count("identity_labels").await, 0);
    assert_eq!(world.app.audit_log().await.len(), 0);
}

async fn a_change_can_be_bound_to_the_state_that_was_read(store: TestStore) {
    let world = World::new(store).await;
    let id = world.create().await;
    let read = world.operate("reader", Call::get(user_path(&id))).await.expect(200);
    let tag = read.header("etag").to_owned();
    let bound = |tag: &str, labels: Value| {
        Call::new("PATCH", user_path(&id)).json(&json!({ "labels": labels })).header("if-match", tag)
    };
    let first = world.operate("owner", bound(&tag, json!({ "a": "1" }))).await.expect(200);
    let late = world.operate("owner", bound(&tag, json!({ "a": "2" }))).await;
    late.expect_error(412, "PreconditionFailed");
    let newer = first.header("etag").to_owned();
    assert_ne!(newer, tag);
    let held = Call::get(user_path(&id)).header("if-none-match", newer.as_str());
    let same = world.operate("reader", held).await.expect(304);
    assert_eq!((same.body.clone(), same.header("etag")), (Value::Null, newer.as_str()));
    let outdated = Call::get(user_path(&id)).header("if-none-match", tag.as_str());
    assert_eq!(world.operate("reader", outdated).await.expect(200).body["labels"], json!({ "a": "1" }));
    world.operate("owner", bound("*", json!({ "a": "3" }))).await.expect(200);
}
