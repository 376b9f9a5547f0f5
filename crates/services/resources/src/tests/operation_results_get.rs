//! `OperationResults_Get`.

use trunkline_store::{Key, StoreError};
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::long_running::{self, OperationError};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; a_result_is_awaited, readers_may_look);

const BASE: &str = "/providers/Microsoft.Communication/locations/global/operationResults";
const ID: &str = "2dee53b4-368b-45b4-ab52-8493fb117652";

async fn a_result_is_awaited(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm(&format!("{BASE}/{ID}")).await;
    let get = || world.manage("reader", Call::get(target.clone()));
    get().await.expect_error(404, "OperationNotFound");
    let (now, write) = (world.now(), Key::system("test"));
    let start = move |tx: &mut trunkline_store::Tx<'_>| long_running::start(tx, ID, "arm.test", now);
    let started: Result<(), StoreError> = world.app.store.write(write.clone(), start).await;
    started.expect("written");
    let running = get().await.expect(202);
    assert!(running.header("location").contains(ID) && running.header("retry-after") == "1");
    let fail = move |tx: &mut trunkline_store::Tx<'_>| {
        let error = OperationError { code: "Broken".into(), message: "It broke in the middle.".into() };
        long_running::finish(tx, ID, &Err(error), now)
    };
    let failed: Result<(), StoreError> = world.app.store.write(write, fail).await;
    failed.expect("written");
    get().await.expect_error(409, "OperationFailed");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::delete(world.service("other", "").await);
    let deleted = world.manage("owner", call).await.expect(202);
    let location = deleted.header("location").to_owned();
    let target = location.strip_prefix(trunkline_testkit::app::ORIGIN).expect("ours").to_owned();
    world.takes_managers_from("reader", &Call::get(target)).await;
}
