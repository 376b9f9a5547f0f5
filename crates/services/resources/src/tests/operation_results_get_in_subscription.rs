//! `OperationResults_GetInSubscription`; what it says of a deletion that runs is tested with
//! `ResourceGroups_Delete`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; readers_may_look, unknown_operations_are_not_found);

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.put_group("rg").await.expect(201);
    let call = Call::delete(world.arm("/resourcegroups/rg").await);
    let accepted = world.manage("owner", call).await.expect(202);
    let location = accepted.header("location").to_owned();
    let target = location.strip_prefix(trunkline_testkit::app::ORIGIN).expect("ours").to_owned();
    world.takes_managers_from("reader", &Call::get(target)).await;
}

async fn unknown_operations_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm("/operationresults/2dee53b4-368b-45b4-ab52-8493fb117652").await;
    world.manage("owner", Call::get(target)).await.expect_error(404, "OperationNotFound");
}
