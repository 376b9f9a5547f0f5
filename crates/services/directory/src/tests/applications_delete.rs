//! `Applications_Delete`.

use serde_json::json;
use trunkline_store::{StoreError, params};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, World, text, woken};

on_both_engines!(SLICES;
    everything_of_it_goes_at_once,
    changes_elsewhere_are_followed,
    unknown_ones_are_not_found,
    owners_may_delete,
);

async fn everything_of_it_goes_at_once(store: TestStore) {
    let world = World::new(store).await;
    let (shop, till) = (world.application("shop").await, world.application("till").await);
    for application in [&shop, &till] {
        let path = format!("{APPLICATIONS}/{}/credentials", text(&application["clientId"]));
        world.post(&path, &json!({ "kind": "secret" })).await.expect(201);
        world.role(&application["clientId"], "reader", None).await;
    }
    let client_id = text(&shop["clientId"]);
    let written: Result<(), StoreError> = world
        .app
        .store
        .write(crate::sign_in::changes_key(), move |tx| {
            tx.execute(
                "INSERT INTO directory_refresh_tokens (hash, family, client_id, object_id, scope, expires_at)
                 VALUES (?1, 'f', ?2, 'o', 's', 9)",
                params![vec![1_u8], client_id.as_str()],
            )?;
            Ok(())
        })
        .await;
    written.expect("written");
    assert_eq!(world.grants(&shop["objectId"]).await, ["reader"]);
    let mut changes = world.changes();
    let answer = world.delete(format!("{APPLICATIONS}/{}", text(&shop["clientId"]))).await.expect(204);
    assert!(!world.is_known(&shop["objectId"]).await);
    assert_eq!(world.grants(&shop["objectId"]).await, Vec::<String>::new());
    assert_eq!(world.grants(&till["objectId"]).await, ["reader"]);
    assert_eq!(world.rows().await, [1, 1, 0, 1]);
    assert_eq!(world.app.count("directory_refresh_tokens").await, 0);
    woken(&mut changes).await;
    let audited = world.app.newest_audit("Applications_Delete", "owner", &answer).await;
    assert_eq!(audited, (text(&shop["clientId"]), json!({ "name": "shop" })));
}

async fn changes_elsewhere_are_followed(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    assert!(world.is_known(&shop["objectId"]).await);
    let tasks = trunkline_tasks::Tasks::new();
    let mut changes = world.changes();
    let following = std::sync::Arc::clone(&world.directory).follow_changes(tasks.shutdown());
    tasks.spawn("directory changes", following);
    let wakes = world.app.store.wakes();
    // Another node deletes it: this one only sees the row go and the wake-up come.
    let deleted: Result<u64, StoreError> = world
        .app
        .store
        .write(crate::sign_in::changes_key(), |tx| {
            tx.execute("DELETE FROM directory_applications", params![])
        })
        .await;
    assert_eq!(deleted, Ok(1));
    let forgotten = async {
        while world.is_known(&shop["objectId"]).await {
            wakes.publish(crate::CHANGED_TOPIC, "");
            woken(&mut changes).await;
            tokio::task::yield_now().await;
        }
    };
    let forgotten = tokio::time::timeout(std::time::Duration::from_secs(10), forgotten).await;
    assert!(forgotten.is_ok(), "the wake-up was not followed");
    assert!(tasks.stop(std::time::Duration::from_secs(10)).await);
}

async fn unknown_ones_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.delete(format!("{APPLICATIONS}/nobody")).await.expect_error(404, "NotFound");
    world.nothing_changed([0; 4], 0).await;
}

async fn owners_may_delete(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    world.takes_operators_from("owner", &Call::delete(format!("{APPLICATIONS}/shop"))).await;
}
