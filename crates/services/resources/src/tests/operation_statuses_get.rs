//! `OperationStatuses_Get`.

use serde_json::json;
use trunkline_store::{Key, StoreError};
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::long_running;

use super::harness::{SLICES, World};

on_both_engines!(SLICES; operations_are_shown_at_every_stage, readers_may_look, foreign_operations_are_not_found);

const BASE: &str = "/providers/Microsoft.Communication/locations/global/operationStatuses";
const ID: &str = "2dee53b4-368b-45b4-ab52-8493fb117652";

/// An operation of `kind`, which has failed for `error`, or runs.
async fn start(world: &World, kind: &'static str, error: Option<&'static str>) {
    let now = world.now();
    world
        .app
        .store
        .write(Key::system("test"), move |tx| -> Result<(), StoreError> {
            long_running::start(tx, ID, kind, now)?;
            let Some(message) = error else { return Ok(()) };
            let error = long_running::OperationError { code: "Broken".into(), message: message.into() };
            long_running::finish(tx, ID, &Err(error), now)
        })
        .await
        .expect("written");
}

async fn operations_are_shown_at_every_stage(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({ "location": "global", "properties": { "dataLocation": "Europe" } });
    let made = world.put("default", "new", &body).await.expect(201);
    let done = world.follow("reader:1", made.header("azure-asyncoperation")).await.expect(200);
    let now = world.now().to_rfc3339();
    let name = done.body["name"].as_str().expect("an id").to_owned();
    let subscription = world.resources.subscription_id().await.expect("an id");
    let expected = json!({
        "id": format!("/subscriptions/{subscription}{BASE}/{name}"), "name": name, "status": "Succeeded",
        "startTime": now, "endTime": now,
    });
    assert_eq!(done.body, expected);
    assert_eq!(done.header("retry-after"), "");
    start(&world, "arm.test", None).await;
    let target = world.arm(&format!("{BASE}/{}", ID.to_uppercase())).await;
    let running = world.manage("reader", Call::get(target)).await.expect(200);
    assert_eq!((&running.body["status"], running.header("retry-after")), (&json!("InProgress"), "1"));
    assert_eq!(running.body.get("endTime"), None);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    start(&world, "arm.test", Some("It broke.")).await;
    let call = Call::get(world.arm(&format!("{BASE}/{ID}")).await);
    let failed = world.manage("reader", call.clone()).await.expect(200);
    assert_eq!(failed.body["status"], "Failed");
    assert_eq!(failed.body["error"], json!({ "code": "Broken", "message": "It broke." }));
    world.takes_managers_from("reader", &call).await;
}

async fn foreign_operations_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    start(&world, "server.backup", None).await;
    for id in [ID, "x"] {
        let call = Call::get(world.arm(&format!("{BASE}/{id}")).await);
        world.manage("owner", call).await.expect_error(404, "OperationNotFound");
    }
}
