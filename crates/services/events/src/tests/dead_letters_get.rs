//! `DeadLetters_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World};
use super::dead_letters_list::bury;
use super::operators::{DEV, web_hook};

on_both_engines!(SLICES; a_file_is_shown_with_its_events, a_file_without_its_blob_is_gone, readers_may_look);

fn target(id: &str) -> String {
    format!("{DEV}/deadLetters/{id}")
}

async fn a_file_is_shown_with_its_events(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    bury(&world, "d1").await;
    let answer = world.look(target("d1")).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    let expected = json!({
        "id": "d1", "subscription": "hook", "blob": "deadletters/d1.json", "eventCount": 2, "createdOn": world.now(),
        "events": [{ "id": "e1", "deadLetterReason": "TimeToLiveExceeded" }, { "id": "e2" }],
    });
    assert_eq!(answer.body, expected);
    world.look(target("d2")).await.expect_error(404, "NotFound");
    world.look("/trunkline/resources/other/deadLetters/d1").await.expect_error(404, "NotFound");
}

async fn a_file_without_its_blob_is_gone(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    bury(&world, "d1").await;
    assert!(world.service.blobs.delete("deadletters/d1.json").await.expect("memory is there"));
    world.look(target("d1")).await.expect_error(404, "NotFound");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    bury(&world, "d1").await;
    world.takes_operators_from("reader", &Call::get(target("d1"))).await;
    world.refuses_unknown_resources(&|target| Call::get(target), &target("d1")).await;
}
