//! `Providers_Get`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; it_is_registered, readers_may_look, others_are_not_found);

async fn it_is_registered(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm("/providers/microsoft.communication").await;
    let answer = world.manage("reader", Call::get(target)).await.expect(200);
    assert_eq!(answer.body["namespace"], "Microsoft.Communication");
    assert_eq!(answer.body["registrationState"], "Registered");
    assert_eq!(answer.body["resourceTypes"][0]["resourceType"], "CommunicationServices");
    assert_eq!(answer.body["resourceTypes"][0]["apiVersions"][0], "2025-09-01");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::get(world.arm("/providers/Microsoft.Communication").await);
    world.takes_managers_from("reader", &call).await;
}

async fn others_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::get(world.arm("/providers/Microsoft.Web").await);
    world.manage("reader", call).await.expect_error(404, "InvalidResourceNamespace");
}
