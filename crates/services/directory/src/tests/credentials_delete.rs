//! `Credentials_Delete`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, World, text, woken};

on_both_engines!(SLICES; it_goes_and_the_others_stay, those_of_others_are_not_found, owners_may_delete);

async fn add(world: &World, application: &str) -> String {
    let path = format!("{APPLICATIONS}/{application}/credentials");
    text(&world.post(&path, &json!({ "kind": "secret" })).await.expect(201).body["id"])
}

async fn it_goes_and_the_others_stay(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    let (first, second) = (add(&world, "shop").await, add(&world, "shop").await);
    let mut changes = world.changes();
    let answer = world.delete(format!("{APPLICATIONS}/shop/credentials/{first}")).await.expect(204);
    woken(&mut changes).await;
    let audited = world.app.newest_audit("Credentials_Delete", "owner", &answer).await;
    assert_eq!(audited, (text(&shop["clientId"]), json!({ "credential": first })));
    let shown = world.get(format!("{APPLICATIONS}/shop")).await.expect(200).body;
    assert_eq!(shown["credentials"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["credentials"][0]["id"], second);
}

async fn those_of_others_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    world.application("till").await;
    let id = add(&world, "shop").await;
    for path in
        [format!("till/credentials/{id}"), "shop/credentials/x".to_owned(), format!("x/credentials/{id}")]
    {
        world.delete(format!("{APPLICATIONS}/{path}")).await.expect_error(404, "NotFound");
    }
    world.nothing_changed([2, 1, 0, 0], 3).await;
}

async fn owners_may_delete(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let id = add(&world, "shop").await;
    world.takes_operators_from("owner", &Call::delete(format!("{APPLICATIONS}/shop/credentials/{id}"))).await;
}
