//! What could not be delivered lies in a blob, five minutes later.

use std::time::Duration;

use trunkline_testkit::{TestStore, on_both_engines};

use super::fakes::{Behaviour, RESOURCE, SLICES, Stage, numbered};
use crate::model::DeadLetterPlace;
use crate::rows;

on_both_engines!(SLICES;
    a_refused_event_becomes_a_dead_letter,
);

async fn a_refused_event_becomes_a_dead_letter(test: TestStore) {
    let stage = Stage::running(test).await;
    let place = DeadLetterPlace { resource_id: "/storage".to_owned(), container: "dead".to_owned() };
    let number = stage.subscribe_with("hook", |spec| spec.dead_letter = Some(place.clone())).await;
    stage.hooks.set("hook", Behaviour::Answer(400));
    stage.publish(numbered("a", 3)).await;
    stage.hooks.wait_for("hook", 3).await;
    stage.until_passed(3).await;
    assert_eq!(stage.waiting(number).await, 3);
    stage.clock.jump(Duration::from_secs(5 * 60 + 1));
    stage.until("the rows go", || async { stage.waiting(number).await == 0 }).await;
    let found = stage.test.read(|tx| rows::list_dead_letters(tx, RESOURCE, None, 10)).await.unwrap();
    let count: u32 = found.iter().map(|row| row.event_count).sum();
    assert_eq!(count, 3);
    assert!(found[0].blob.starts_with(&format!("deadletters/{RESOURCE}/dead/HOOK/20")), "{}", found[0].blob);
    let blob = stage.blobs.get(&found[0].blob).await.unwrap();
    let letters: serde_json::Value = serde_json::from_slice(&blob).unwrap();
    assert_eq!(letters[0]["deadLetterReason"], "UndeliverableDueToHttpBadRequest");
    assert_eq!(letters[0]["lastHttpStatusCode"], 400);
    assert_eq!(letters[0]["data"]["message"], "hello");
    assert_eq!(stage.service.metrics.dead_lettered.get(), 3);
}
