//! `OperationsStatus_Get`.

use serde_json::json;
use trunkline_store::StoreError;
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};
use trunkline_web::long_running;

use super::arm::{Home, SLICES, World, hook, in_subscription};

on_both_engines!(SLICES; it_follows_the_handshake, a_failure_says_why, others_are_not_found, readers_may_look,
    wrong_places_are_refused);

async fn begun(world: &World) -> (Answer, String) {
    let answer = world.put(Home::Resource, "hook-1", &hook("https://example.org/")).await.expect(201);
    let status = answer.header("azure-asyncoperation");
    let target = status.strip_prefix(app::ORIGIN).expect("ours").to_owned();
    (answer, target)
}

async fn it_follows_the_handshake(store: TestStore) {
    let world = World::new(store).await;
    let (_, target) = begun(&world).await;
    let poll = async || world.manage("reader:1", Call::get(target.clone())).await.expect(200);
    let polled = poll().await;
    let path = target.split('?').next().expect("a path");
    let id = path.rsplit('/').next().expect("an id");
    let began = world.now();
    assert_eq!(polled.body, json!({ "id": path, "name": id, "status": "InProgress", "startTime": began }));
    assert_eq!(polled.header("retry-after"), "1");
    world.app.clock().advance(std::time::Duration::from_secs(5));
    world.confirm(Home::Resource, "hook-1").await;
    let polled = poll().await;
    let over = world.now();
    assert_eq!(
        polled.body,
        json!({ "id": path, "name": id, "status": "Succeeded", "startTime": began, "endTime": over })
    );
    assert_eq!(polled.header("retry-after"), "");
}

async fn a_failure_says_why(store: TestStore) {
    let world = World::new(store).await;
    let (_, target) = begun(&world).await;
    world.refuse(Home::Resource, "hook-1", "The endpoint answered 202.").await;
    let polled =
        world.manage("reader", Call::get(target.to_uppercase().replace("API-VERSION", "api-version")));
    let polled = polled.await.expect(200);
    assert_eq!(polled.body["status"], "Failed");
    assert_eq!(
        polled.body["error"],
        json!({
            "code": "Url validation",
            "message": "Webhook validation handshake failed. The endpoint answered 202.",
        })
    );
}

async fn others_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let start = |tx: &mut trunkline_store::Tx<'_>| -> Result<(), StoreError> {
        long_running::start(tx, "backup-1", "backup", trunkline_kernel::Timestamp::from_seconds(1))
    };
    let key = trunkline_store::Key::system("test");
    world.app.store.store().write(key, start).await.expect("rows can be written");
    for id in ["backup-1", "none", "00000000-0000-0000-0000-000000000000"] {
        let target = in_subscription(&format!(
            "/providers/Microsoft.EventGrid/locations/global/operationsStatus/{id}"
        ));
        world.manage("reader", Call::get(target)).await.expect_error(404, "OperationNotFound");
    }
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    let (_, target) = begun(&world).await;
    world.takes_managers_from("reader", false, &Call::get(target)).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let (_, target) = begun(&world).await;
    world.refuses_wrong_places(&Call::get, &target).await;
}
