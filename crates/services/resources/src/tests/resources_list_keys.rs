//! `Resources_ListKeys`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{RESOURCES, SLICES, World};

on_both_engines!(SLICES; keys_and_connection_strings_are_shown, owners_may_look, unknown_resources_are_not_found);

async fn keys_and_connection_strings_are_shown(store: TestStore) {
    let world = World::new(store).await;
    let (first, second) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
    world.create("new", &json!({ "primaryKey": first, "secondaryKey": second })).await.expect(201);
    let answer = world.operate("owner", Call::get(format!("{RESOURCES}/new/keys"))).await.expect(200);
    let connection = |key: &str| format!("endpoint=https://new.comm.example:8443/;accesskey={key}");
    let expected = json!({
        "primaryKey": first, "secondaryKey": second,
        "primaryConnectionString": connection(&first), "secondaryConnectionString": connection(&second),
    });
    assert_eq!(answer.body, expected);
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = world.operate("owner", Call::get(format!("{RESOURCES}/dev/keys"))).await.expect(200);
    let connection = answer.body["primaryConnectionString"].as_str().expect("text");
    assert!(connection.starts_with("endpoint=https://localhost:8443/;accesskey="), "{connection}");
}

async fn owners_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("owner", &Call::get(format!("{RESOURCES}/dev/keys"))).await;
}

async fn unknown_resources_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let ask = |name: &str| world.operate("owner", Call::get(format!("{RESOURCES}/{name}/keys")));
    ask("nobody").await.expect_error(404, "NotFound");
    ask("no_name").await.expect_invalid("name");
}
