//! `Applications_Get`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, World, text};

on_both_engines!(SLICES; ids_and_the_name_find_it, unknown_ones_are_not_found, readers_may_look);

async fn ids_and_the_name_find_it(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("my shop").await;
    world.application("till").await;
    for named in [text(&shop["clientId"]), text(&shop["objectId"]), "my%20shop".to_owned()] {
        assert_eq!(world.get(format!("{APPLICATIONS}/{named}")).await.expect(200).body, shop);
    }
}

async fn unknown_ones_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    for named in ["nobody", "ada", "aaaaaaaa-0000-4000-8000-000000000001"] {
        world.get(format!("{APPLICATIONS}/{named}")).await.expect_error(404, "NotFound");
    }
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    world.takes_operators_from("reader", &Call::get(format!("{APPLICATIONS}/shop"))).await;
}
