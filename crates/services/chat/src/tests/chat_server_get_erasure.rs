//! `ChatServer_GetErasure`.

use serde_json::json;
use trunkline_store::Engine;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::chat_server_erase_person::{erase, run_erasures};
use super::harness::{ADA, BOB, SLICES, World, date, text};

on_both_engines!(SLICES;
    it_is_done_when_nothing_is_left,
    what_was_never_asked_for_is_not_found,
    other_credentials_see_nothing,
);

fn path(id: &str) -> String {
    format!("/trunkline/chat/server/erasures/{id}")
}

async fn it_is_done_when_nothing_is_left(store: TestStore) {
    let world = World::new(store).await;
    world.thread(ADA, &[BOB]).await;
    let asked = world.now();
    let running = erase(&world, BOB).await.expect(202).body;
    let id = text(&running["id"]);
    assert_eq!(world.serve(Call::get(path(&id))).await.expect(200).body, running);
    world.advance_ms(1000);
    run_erasures(&world).await;
    let erased = world.now();
    // PostgreSQL vacuums for all that was erased in half a minute.
    world.advance_ms(30_000);
    run_erasures(&world).await;
    let is_postgres = world.app.store.store().engine() == Engine::Postgres;
    let done_on = if is_postgres { world.now() } else { erased };
    let done = world.serve(Call::get(path(&id))).await.expect(200).body;
    let expected = json!({
        "id": id, "what": "person", "status": "done", "askedOn": date(asked),
        "rowsErasedOn": date(erased), "doneOn": date(done_on),
    });
    assert_eq!(done, expected);
    assert_eq!(world.audited().await.len(), 1);
}

async fn what_was_never_asked_for_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    for id in ["person-7", "person", "x", "-"] {
        world.serve(Call::get(path(id))).await.expect_error(404, "NotFound");
    }
}

async fn other_credentials_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    world.thread(ADA, &[BOB]).await;
    let id = text(&erase(&world, BOB).await.expect(202).body["id"]);
    world.refuses_other_resources(&Call::get(path(&id)), false).await;
}
