//! `ResourceGroups_CreateOrUpdate`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES;
    a_group_is_made_and_changed,
    contributors_of_the_installation_may_make_groups,
    wrong_names_and_fields_are_refused,
);

async fn put(world: &World, name: &str, body: &Value) -> Answer {
    let target = world.arm(&format!("/resourcegroups/{name}")).await;
    world.manage("contributor", Call::new("PUT", target).json(body)).await
}

async fn a_group_is_made_and_changed(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({ "location": "West Europe", "tags": { "a": "b" } });
    let made = put(&world, "My-Group_(1).x", &body).await.expect(201);
    assert_eq!(made.body["name"], "My-Group_(1).x");
    assert_eq!((&made.body["location"], &made.body["tags"]), (&json!("westeurope"), &json!({ "a": "b" })));
    let audited = world.newest_of("ResourceGroups_CreateOrUpdate", "contributor", &made).await;
    assert_eq!(audited, ("My-Group_(1).x".to_owned(), json!({ "location": "westeurope" })));
    let again = put(&world, "MY-GROUP_(1).X", &json!({ "location": "westeurope" })).await.expect(200);
    assert_eq!((&again.body["name"], &again.body["tags"]), (&json!("My-Group_(1).x"), &json!({})));
    let moved = json!({ "location": "eastus" });
    put(&world, "my-group_(1).x", &moved).await.expect_error(409, "InvalidResourceGroupLocation");
    assert_eq!(world.app.count("resources_groups").await, 2);
    assert_eq!(world.app.events().await.len(), 0);
}

async fn contributors_of_the_installation_may_make_groups(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm("/resourcegroups/rg").await;
    let call = Call::new("PUT", target).json(&json!({ "location": "x" }));
    world.operate("contributor", call.clone()).await.expect_error(403, "Forbidden");
    world.takes_managers_from("contributor", &call).await;
}

async fn wrong_names_and_fields_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let good = json!({ "location": "x" });
    for name in ["a.", "a%20b", "a%2Fb", "%00", "a*", &"x".repeat(91)] {
        put(&world, name, &good).await.expect_error(400, "InvalidResourceGroup");
    }
    put(&world, "rg", &json!({})).await.expect_error(400, "LocationRequired");
    put(&world, "rg", &json!({ "location": " " })).await.expect_error(400, "LocationRequired");
    put(&world, "rg", &json!({ "location": "x".repeat(65) })).await.expect_invalid("location");
    put(&world, "rg", &json!({ "location": "x", "tags": { "?": "" } })).await.expect_invalid("tags");
    put(&world, "rg", &json!({ "location": 1 })).await.expect_invalid("body");
    assert_eq!(world.app.count("resources_groups").await, 1);
}
