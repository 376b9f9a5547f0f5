//! `ResourceGroups_Delete`.

use serde_json::{Value, json};
use trunkline_store::StoreError;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{RESOURCES, SLICES, World};
use crate::GROUP_DELETION_JOB;

on_both_engines!(SLICES;
    a_group_goes_with_its_resources,
    the_default_group_comes_back_when_it_is_needed,
    contributors_may_delete,
    unknown_groups_are_not_found,
);

/// The payloads of the jobs that delete groups.
async fn jobs(world: &World) -> Vec<String> {
    let read: Result<Vec<String>, StoreError> = world
        .app
        .store
        .read(|tx| {
            let sql = "SELECT payload FROM jobs WHERE kind = ?1";
            tx.query_all(sql, trunkline_store::params![GROUP_DELETION_JOB])?
                .iter()
                .map(|row| row.get(0))
                .collect()
        })
        .await;
    read.expect("jobs can be read")
}

/// Runs them as the server would; again, as it would after a crash.
async fn run_jobs(world: &World) {
    for payload in jobs(world).await {
        for _ in 0..2 {
            world.resources.run_group_deletion(&payload).await.expect("deletes");
        }
    }
}

async fn a_group_goes_with_its_resources(store: TestStore) {
    let world = World::new(store).await;
    world.put_group("RG").await.expect(201);
    let body = json!({ "location": "global", "properties": { "dataLocation": "Europe" } });
    // More than one chunk of the deletion.
    for number in 0..60 {
        world.put("rg", &format!("r{number}"), &body).await.expect(201);
    }
    let [key, _] = world.keys("r7").await;
    let target = world.arm("/resourceGroups/rg").await;
    let answer = world.manage("contributor", Call::delete(target.clone())).await.expect(202);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("azure-asyncoperation"), "");
    let location = answer.header("location").to_owned();
    let running = world.follow("contributor", &location).await.expect(202);
    assert_eq!(running.header("location"), location);
    let (name, detail) = world.newest_of("ResourceGroups_Delete", "contributor", &answer).await;
    assert_eq!(name, "RG");
    assert!(location.contains(detail["operation"].as_str().expect("an id")));
    // While it goes, nothing new comes, and asking again is the same deletion.
    let shown = world.manage("reader", Call::get(target.clone())).await.expect(200);
    assert_eq!(shown.body["properties"]["provisioningState"], "Deleting");
    world.put("rg", "new", &body).await.expect_error(409, "ResourceGroupBeingDeleted");
    world.put_group("rg").await.expect_error(409, "ResourceGroupBeingDeleted");
    let again = world.manage("contributor", Call::delete(target.clone())).await.expect(202);
    assert_eq!(again.header("location"), location);
    assert_eq!(jobs(&world).await.len(), 1);

    run_jobs(&world).await;
    world.follow("contributor", &location).await.expect(204);
    world.manage("reader", Call::get(target)).await.expect_error(404, "ResourceGroupNotFound");
    assert_eq!(world.rows().await, [2, 4, 0]);
    let events = world.app.events().await;
    assert_eq!(events.len(), 60);
    assert!(events.iter().all(|event| event["kind"] == crate::RESOURCE_DELETED));
    world.who("r7.comm.example", &key).await.expect_error(404, "NotFound");
    // Made again, it is another group, which the old job leaves alone.
    world.put_group("rg").await.expect(201);
    run_jobs(&world).await;
    assert_eq!(world.app.count("resources_groups").await, 2);
}

async fn the_default_group_comes_back_when_it_is_needed(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm("/resourcegroups/default").await;
    world.manage("owner", Call::delete(target)).await.expect(202);
    world.create("new", &json!({})).await.expect_error(409, "ResourceGroupBeingDeleted");
    run_jobs(&world).await;
    assert_eq!(world.rows().await, [0, 0, 0]);
    assert_eq!(world.app.count("resources_groups").await, 0);
    let made = world.create("new", &json!({})).await.expect(201);
    assert_eq!(made.body["resourceGroup"], "default");
    let listed = world.operate("reader", Call::get(RESOURCES)).await.expect(200);
    assert_eq!(listed.body["value"].as_array().map(Vec::len), Some(1));
}

async fn contributors_may_delete(store: TestStore) {
    let world = World::new(store).await;
    world.put_group("rg").await.expect(201);
    let call = Call::delete(world.arm("/resourcegroups/rg").await);
    world.operate("contributor", call.clone()).await.expect_error(403, "Forbidden");
    world.takes_managers_from("contributor", &call).await;
}

async fn unknown_groups_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::delete(world.arm("/resourcegroups/nowhere").await);
    world.manage("owner", call).await.expect_error(404, "ResourceGroupNotFound");
    assert_eq!(jobs(&world).await, Vec::<String>::new());
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}
