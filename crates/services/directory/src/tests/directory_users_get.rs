//! `DirectoryUsers_Get`.

use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{SLICES, USERS, World, text};

on_both_engines!(SLICES; the_id_and_the_name_find_it, unknown_ones_are_not_found, readers_may_look);

async fn the_id_and_the_name_find_it(store: TestStore) {
    let world = World::new(store).await;
    let ada = world.user("ada@contoso.example").await;
    world.user("bea").await;
    for named in
        [text(&ada["objectId"]), "Ada@contoso.example".to_owned(), "ada%40contoso.example".to_owned()]
    {
        assert_eq!(world.get(format!("{USERS}/{named}")).await.expect(200).body, ada);
    }
}

async fn unknown_ones_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    for named in ["nobody", "shop", "aaaaaaaa-0000-4000-8000-000000000001"] {
        world.get(format!("{USERS}/{named}")).await.expect_error(404, "NotFound");
    }
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.user("ada").await;
    world.takes_operators_from("reader", &Call::get(format!("{USERS}/ada"))).await;
}
