//! `ChatServer_ErasePerson`.

use std::sync::Arc;

use serde_json::json;
use trunkline_store::jobs::{JobRunner, RetryPolicy};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};
use trunkline_web::context::encode;

use super::harness::{ADA, BOB, SLICES, World, date, raw_id, text};
use super::live::Live;
use crate::ERASE_JOB;

on_both_engines!(SLICES;
    what_a_person_said_and_was_called_is_gone,
    their_clients_are_disconnected,
    somebody_who_never_took_part_is_not_found,
    other_credentials_erase_nobody,
);

fn path(raw_id: &str) -> String {
    format!("/trunkline/chat/server/people/{}:erase", encode(raw_id))
}

/// Runs the erasures that are due.
pub(super) async fn run_erasures(world: &World) {
    let chat = Arc::clone(&world.chat);
    let runner = JobRunner::new(world.app.store.store().clone()).handle(
        ERASE_JOB,
        RetryPolicy::default(),
        move |job| {
            let chat = Arc::clone(&chat);
            async move { chat.run_erasure(job).await }
        },
    );
    while runner.run_due().await.expect("jobs run") > 0 {}
}

/// Has a person erased.
pub(super) async fn erase(world: &World, number: u32) -> Answer {
    world.serve(Call::post(path(&raw_id(number)))).await
}

async fn what_a_person_said_and_was_called_is_gone(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "canary").await;
    let asked = world.now();
    let answer = erase(&world, BOB).await.expect(202);
    let erasure = text(&answer.body["id"]);
    let expected = json!({ "id": erasure, "what": "person", "status": "running", "askedOn": date(asked) });
    assert_eq!(answer.body, expected);
    run_erasures(&world).await;
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!(message["content"], json!({ "message": "" }));
    assert_eq!(world.participants(ADA, &thread).await.len(), 1);
    assert_eq!(world.app.count("chat_messages WHERE body = 'canary'").await, 0);
    let row = ("ChatServer_ErasePerson".to_owned(), raw_id(BOB), json!({ "erasure": erasure }));
    assert_eq!(world.audited().await, [row]);
    // The identity is there as before, and may be added again.
    world.add(ADA, &thread, BOB, "1970-01-01T00:00:00Z").await;
    assert_eq!(world.participants(BOB, &thread).await.len(), 2);
    // What they say from then on can be erased again.
    assert_eq!(text(&erase(&world, BOB).await.expect(202).body["status"]), "running");
}

async fn their_clients_are_disconnected(store: TestStore) {
    let live = Live::new(store).await;
    live.world.thread(ADA, &[BOB]).await;
    let _bob = live.connect(BOB, "bob-1").await;
    erase(&live.world, BOB).await.expect(202);
    live.until(|live| live.world.chat.realtime.count() == 0).await;
}

async fn somebody_who_never_took_part_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    for raw_id in [raw_id(50), "x".to_owned(), "x".repeat(1025)] {
        let answer = world.serve(Call::post(path(&raw_id))).await.expect_error(404, "NotFound");
        assert_eq!(answer.body["error"]["innererror"]["code"], json!("ChatPersonNotFound"));
    }
    assert_eq!((world.app.count("chat_erasures").await, world.audited().await.len()), (0, 0));
}

async fn other_credentials_erase_nobody(store: TestStore) {
    let world = World::new(store).await;
    world.thread(ADA, &[BOB]).await;
    world.refuses_other_resources(&Call::post(path(&raw_id(BOB))), true).await;
    assert_eq!(world.app.count("chat_erasures").await, 0);
}
