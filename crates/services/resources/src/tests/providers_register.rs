//! `Providers_Register`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; it_is_registered_already, readers_may_ask, others_are_not_found);

async fn it_is_registered_already(store: TestStore) {
    let world = World::new(store).await;
    let audited = world.app.audit_log().await.len();
    let target = world.arm("/providers/Microsoft.Communication/register").await;
    let answer = world.manage("reader", Call::post(target)).await.expect(200);
    assert_eq!(answer.body["registrationState"], "Registered");
    assert_eq!(world.app.audit_log().await.len(), audited, "nothing changes");
}

async fn readers_may_ask(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(world.arm("/providers/Microsoft.Communication/register").await);
    world.takes_managers_from("reader", &call).await;
}

async fn others_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(world.arm("/providers/Microsoft.Web/register").await);
    world.manage("reader", call).await.expect_error(404, "InvalidResourceNamespace");
}
