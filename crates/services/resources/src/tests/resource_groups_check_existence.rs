//! `ResourceGroups_CheckExistence`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, World};

on_both_engines!(SLICES; a_group_is_there_or_not, readers_may_ask);

async fn a_group_is_there_or_not(store: TestStore) {
    let world = World::new(store).await;
    world.manage("reader", Call::new("HEAD", world.arm("/resourcegroups/Default").await)).await.expect(204);
    let missing = world
        .manage("reader", Call::new("HEAD", world.arm("/resourcegroups/nowhere").await))
        .await
        .expect(404);
    assert_eq!(missing.header("x-ms-error-code"), "ResourceGroupNotFound");
    assert!(missing.bytes.is_empty());
}

async fn readers_may_ask(store: TestStore) {
    let world = World::new(store).await;
    let target = world.arm("/resourcegroups/default").await;
    let ask = || Call::new("HEAD", target.clone());
    world.app.call(ask()).await.expect(401);
    world.app.call(ask().bearer("app:data:owner")).await.expect(401);
    world.app.call(ask().bearer("user")).await.expect(403);
    for role in ["none", "owner:1"] {
        world.manage(role, ask()).await.expect(403);
    }
    world.operate("reader", ask()).await.expect(204);
}
