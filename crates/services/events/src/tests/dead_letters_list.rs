//! `DeadLetters_List`.

use std::time::Duration;

use serde_json::json;
use trunkline_store::{Key, StoreError};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::arm::{Home, SLICES, World, resource};
use super::operators::{DEV, path_of, web_hook};
use crate::rows::{self, DeadLetterRow};

on_both_engines!(SLICES; files_are_listed_newest_first, files_are_listed_in_pages, readers_may_look);

fn target(query: &str) -> String {
    format!("{DEV}/deadLetters{query}")
}

/// Writes a file of two events of the subscription `hook` of `dev`.
pub(super) async fn bury(world: &World, id: &str) {
    let number = world.row(Home::Resource, "hook").await.expect("a subscription").subscription.number;
    let row = DeadLetterRow {
        id: id.to_owned(),
        subscription: number,
        resource: resource(1),
        blob: format!("deadletters/{id}.json"),
        event_count: 2,
        created_at: world.now(),
    };
    let events =
        bytes::Bytes::from_static(br#"[{"id":"e1","deadLetterReason":"TimeToLiveExceeded"},{"id":"e2"}]"#);
    world.service.blobs.put(&row.blob, events).await.expect("memory is there");
    let write = move |tx: &mut trunkline_store::Tx<'_>| rows::insert_dead_letter(tx, &row);
    let written: Result<(), StoreError> = world.app.store.write(Key::system("test"), write).await;
    written.expect("written");
}

fn ids(answer: &Answer) -> Vec<String> {
    let value = answer.body["value"].as_array().expect("a list");
    value.iter().map(|file| file["id"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn files_are_listed_newest_first(store: TestStore) {
    let world = World::new(store).await;
    assert_eq!(world.look(target("")).await.expect(200).body, json!({ "value": [] }));
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    bury(&world, "d1").await;
    world.app.clock().advance(Duration::from_secs(1));
    bury(&world, "d2").await;
    let answer = world.look(target("")).await.expect(200);
    assert_eq!(ids(&answer), ["d2", "d1"]);
    let expected = json!({
        "id": "d2", "subscription": "hook", "blob": "deadletters/d2.json", "eventCount": 2, "createdOn": world.now(),
    });
    assert_eq!(answer.body["value"][0], expected);
    world.operate("owner", Call::delete(path_of("hook", ""))).await.expect(204);
    let kept = world.look(target("")).await.expect(200);
    assert_eq!((ids(&kept).len(), kept.body["value"][0].get("subscription")), (2, None), "they outlive it");
    let other = world.look("/trunkline/resources/other/deadLetters").await.expect(200);
    assert_eq!(ids(&other), [""; 0]);
}

async fn files_are_listed_in_pages(store: TestStore) {
    let world = World::new(store).await;
    world.subscribed("hook", &web_hook("https://app.example/")).await;
    for id in ["d1", "d2", "d3"] {
        bury(&world, id).await;
    }
    let mut next = target("?maxPageSize=2");
    let mut seen = Vec::new();
    while !next.is_empty() {
        let page = world.look(next).await.expect(200);
        seen.extend(ids(&page));
        let link = page.body["nextLink"].as_str().and_then(|link| link.strip_prefix(app::ORIGIN));
        next = link.unwrap_or_default().to_owned();
    }
    assert_eq!(seen, ["d3", "d2", "d1"]);
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(target(""))).await;
    world.refuses_unknown_resources(&|target| Call::get(target), &target("")).await;
}
