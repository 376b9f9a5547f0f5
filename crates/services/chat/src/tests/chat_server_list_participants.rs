//! `ChatServer_ListParticipants`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, next, raw_id};
use super::server_calls::server_at;

on_both_engines!(SLICES; pages_are_in_the_order_of_joining, what_is_not_there_is_not_found, other_credentials_see_nothing);

async fn pages_are_in_the_order_of_joining(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[9, EVE, BOB]).await;
    world.remove(ADA, &thread, EVE).await;
    let mut target = Some(server_at(&thread, "/participants?maxPageSize=2"));
    let mut pages = Vec::new();
    while let Some(page) = target {
        let answer = world.serve(Call::get(page)).await.expect(200);
        let people = answer.body["value"].as_array().expect("a page").clone();
        pages.push(people.iter().map(|p| p["communicationIdentifier"]["rawId"].clone()).collect::<Vec<_>>());
        target = next(&answer);
    }
    assert_eq!(pages, [vec![json!(raw_id(ADA)), json!(raw_id(9))], vec![json!(raw_id(BOB))]]);
}

async fn what_is_not_there_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let unknown = server_at("19:unknown@thread.v2", "/participants");
    world.serve(Call::get(unknown)).await.expect_error(404, "NotFound");
    let thread = world.thread(ADA, &[]).await;
    let bad = server_at(&thread, "/participants?maxPageSize=x");
    world.serve(Call::get(bad)).await.expect_invalid("maxPageSize");
}

async fn other_credentials_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.refuses_other_resources(&Call::get(server_at(&thread, "/participants")), false).await;
}
