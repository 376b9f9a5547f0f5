//! `ChatServer_ListReadReceipts`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, next};
use super::server_calls::server_at;

on_both_engines!(SLICES; everybody_stands_there_once, what_is_not_there_is_not_found, other_credentials_see_nothing);

async fn everybody_stands_there_once(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    let id = world.send(ADA, &thread, "x").await;
    for number in [BOB, EVE] {
        let call = Call::post(at(&thread, "/readReceipts")).json(&json!({ "chatMessageId": id }));
        world.call(number, call).await.expect(200);
    }
    let first = world.serve(Call::get(server_at(&thread, "/readReceipts?maxPageSize=1"))).await.expect(200);
    let second = world.serve(Call::get(next(&first).expect("another page"))).await.expect(200);
    assert_eq!(next(&second), None);
    let seen = world.call(ADA, Call::get(at(&thread, "/readReceipts"))).await.expect(200).body;
    assert_eq!(seen["value"], json!([first.body["value"][0], second.body["value"][0]]));
    assert_eq!(seen["value"].as_array().map(Vec::len), Some(2));
}

async fn what_is_not_there_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let unknown = server_at("19:unknown@thread.v2", "/readReceipts");
    world.serve(Call::get(unknown)).await.expect_error(404, "NotFound");
}

async fn other_credentials_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.refuses_other_resources(&Call::get(server_at(&thread, "/readReceipts")), false).await;
}
