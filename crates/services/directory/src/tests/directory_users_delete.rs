//! `DirectoryUsers_Delete`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, USERS, World, text, woken};

on_both_engines!(SLICES; everything_of_the_user_goes_at_once, unknown_ones_are_not_found, owners_may_delete);

async fn everything_of_the_user_goes_at_once(store: TestStore) {
    let world = World::new(store).await;
    let (ada, bea) = (world.user("ada").await, world.user("bea").await);
    world.role(&ada["userName"], "reader", Some("dev")).await;
    world.role(&bea["userName"], "reader", None).await;
    assert_eq!(world.grants(&ada["objectId"]).await.len(), 1);
    let mut changes = world.changes();
    let answer = world.delete(format!("{USERS}/ada")).await.expect(204);
    assert!(!world.is_known(&ada["objectId"]).await);
    assert_eq!(world.grants(&ada["objectId"]).await, Vec::<String>::new());
    assert_eq!(world.grants(&bea["objectId"]).await, ["reader"]);
    assert_eq!(world.rows().await, [0, 0, 1, 1]);
    assert_eq!(world.sign_in("ada", "correct horse").await, "wrong");
    woken(&mut changes).await;
    let audited = world.app.newest_audit("DirectoryUsers_Delete", "owner", &answer).await;
    assert_eq!(audited, (text(&ada["objectId"]), json!({ "userName": "ada" })));
}

async fn unknown_ones_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.delete(format!("{USERS}/nobody")).await.expect_error(404, "NotFound");
    world.nothing_changed([0; 4], 0).await;
}

async fn owners_may_delete(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    world.takes_operators_from("owner", &Call::delete(format!("{USERS}/ada"))).await;
}
