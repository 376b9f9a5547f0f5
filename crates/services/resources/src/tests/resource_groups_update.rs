//! `ResourceGroups_Update`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; tags_change, contributors_may_change, wrong_groups_and_tags_are_refused);

async fn tags_change(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm("/resourcegroups/default").await;
    let patch =
        |body: serde_json::Value| world.manage("owner", Call::new("PATCH", target.clone()).json(&body));
    let answer = patch(json!({ "tags": { "a": "b" } })).await.expect(200);
    assert_eq!(answer.body["tags"], json!({ "a": "b" }));
    let audited = world.newest_of("ResourceGroups_Update", "owner", &answer).await;
    assert_eq!(audited, ("default".to_owned(), json!({ "changed": ["tags"] })));
    assert_eq!(patch(json!({})).await.expect(200).body["tags"], json!({ "a": "b" }));
    assert_eq!(patch(json!({ "tags": {} })).await.expect(200).body["tags"], json!({}));
}

async fn contributors_may_change(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::new("PATCH", world.arm("/resourcegroups/default").await).json(&json!({ "tags": {} }));
    world.takes_managers_from("contributor", &call).await;
}

async fn wrong_groups_and_tags_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let patch = |name: &'static str, body: serde_json::Value| {
        let world = &world;
        async move {
            let target = world.arm(&format!("/resourcegroups/{name}")).await;
            world.manage("owner", Call::new("PATCH", target).json(&body)).await
        }
    };
    patch("nowhere", json!({})).await.expect_error(404, "ResourceGroupNotFound");
    patch("default", json!({ "tags": { "": "x" } })).await.expect_invalid("tags");
    patch("default", json!({ "tags": 1 })).await.expect_invalid("body");
}
