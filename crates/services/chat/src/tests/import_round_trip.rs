//! A thread moves from one server to another: what its participants see is the same in the same order, and clients
//! are told nothing of it.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, next, text, threads};
use super::live::{Live, expect_silence};
use super::server_calls::{import_at, server_at};

on_both_engines!(SLICES;
    a_thread_that_moved_looks_the_same,
    a_second_move_changes_nothing,
    clients_hear_of_what_comes_after_alone,
);

/// What an application can read of a thread.
struct Copy {
    thread: Value,
    participants: Value,
    messages: Vec<Value>,
    receipts: Value,
}

/// A thread with everything that happens in threads, made on a server of its own.
async fn lived_in(world: &World) -> String {
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    let first = world.send(ADA, &thread, "first").await;
    let second = world.send(BOB, &thread, "second").await;
    let deleted = world.send(BOB, &thread, "deleted").await;
    let edit = json!({ "content": "first, edited", "metadata": { "a": "b" } });
    let path = |id: &str| at(&thread, &format!("/messages/{id}"));
    world.call(ADA, Call::new("PATCH", path(&first)).json(&edit)).await.expect(204);
    world.advance_ms(1000);
    world.call(BOB, Call::delete(path(&deleted))).await.expect(204);
    world.advance_ms(1000);
    let html = json!({ "content": "<b>x</b>", "type": "html", "senderDisplayName": "Ada" });
    world.call(ADA, Call::post(at(&thread, "/messages")).json(&html)).await.expect(201);
    world.advance_ms(1000);
    world.remove(ADA, &thread, EVE).await;
    let topic = json!({ "topic": "Dinner", "metadata": { "case": "7" } });
    world.call(ADA, Call::new("PATCH", at(&thread, "")).json(&topic)).await.expect(204);
    world.advance_ms(1000);
    world.add(ADA, &thread, 7, "2026-01-01T00:00:00Z").await;
    world.send(BOB, &thread, &format!("after {second}")).await;
    let read = Call::post(at(&thread, "/readReceipts")).json(&json!({ "chatMessageId": second }));
    world.call(ADA, read).await.expect(200);
    world.advance_ms(1000);
    thread
}

async fn copy(world: &World, id: &str) -> Copy {
    let mut messages = Vec::new();
    let mut target = Some(server_at(id, "/messages?maxPageSize=4"));
    while let Some(page) = target {
        let answer = world.serve(Call::get(page)).await.expect(200);
        messages.extend(answer.body["value"].as_array().expect("a page").clone());
        target = next(&answer);
    }
    let participants = world.serve(Call::get(server_at(id, "/participants"))).await.expect(200).body;
    let receipts = world.serve(Call::get(server_at(id, "/readReceipts"))).await.expect(200).body;
    Copy {
        receipts: receipts["value"].clone(),
        thread: world.serve(Call::get(server_at(id, ""))).await.expect(200).body,
        participants: participants["value"].clone(),
        messages,
    }
}

/// Puts a copy in, newest messages first, as they are listed.
async fn move_in(world: &World, copy: &Copy) -> Vec<Value> {
    let id = text(&copy.thread["id"]);
    let mut thread = copy.thread.clone();
    thread["participants"] = copy.participants.clone();
    world.serve(Call::new("PUT", import_at(&id, "")).json(&thread)).await.expect(200);
    let mut answers = Vec::new();
    for messages in copy.messages.chunks(3) {
        let body = json!({ "messages": messages });
        let call = Call::post(import_at(&id, "/messages:import")).json(&body);
        answers.push(world.serve(call).await.expect(200).body);
    }
    let last = Call::post(import_at(&id, "/messages:import")).json(&json!({
        "readReceipts": copy.receipts, "isLast": true,
    }));
    answers.push(world.serve(last).await.expect(200).body);
    answers
}

/// Another server: its clock is the same, and nothing has happened there.
async fn elsewhere(store: &TestStore) -> World {
    let world = World::new(TestStore::sqlite(SLICES).await).await;
    let ahead = store_clock(store).since(world.now());
    world.app.clock().advance(ahead);
    world
}

fn store_clock(store: &TestStore) -> trunkline_kernel::Timestamp {
    use trunkline_kernel::Clock as _;
    store.clock().now()
}

async fn a_thread_that_moved_looks_the_same(store: TestStore) {
    let old = elsewhere(&store).await;
    let id = lived_in(&old).await;
    let taken = copy(&old, &id).await;
    assert_eq!(taken.messages.len(), 10);
    let new = World::new(store).await;
    new.app.clock().advance(old.now().since(new.now()));
    move_in(&new, &taken).await;
    // By the published operations, for each participant.
    for number in [ADA, BOB, 7] {
        assert_eq!(new.messages(number, &id).await, old.messages(number, &id).await, "{number}");
        assert_eq!(new.participants(number, &id).await, old.participants(number, &id).await);
        for path in [at(&id, ""), at(&id, "/readReceipts"), threads()] {
            let (here, there) =
                (new.call(number, Call::get(&path)).await, old.call(number, Call::get(&path)).await);
            assert_eq!(here.expect(200).body, there.expect(200).body, "{path}");
        }
    }
    new.call(EVE, Call::get(at(&id, "/messages"))).await.expect_error(403, "Forbidden");
    assert_eq!(copy(&new, &id).await.messages, taken.messages);
    assert_eq!(new.event_kinds().await, Vec::<String>::new());
    assert_eq!(new.usage().await, []);
}

async fn a_second_move_changes_nothing(store: TestStore) {
    let old = elsewhere(&store).await;
    let id = lived_in(&old).await;
    let taken = copy(&old, &id).await;
    let new = World::new(store).await;
    new.app.clock().advance(old.now().since(new.now()));
    move_in(&new, &taken).await;
    let later = new.send(ADA, &id, "here already").await;
    let before = (copy(&new, &id).await.messages, new.app.audit_log().await.len(), new.app.events().await);
    let answers = move_in(&new, &taken).await;
    assert!(answers.iter().all(|answer| answer["added"] == json!(0) && answer["updated"] == json!(0)));
    assert!(answers.iter().all(|answer| answer["isImporting"] == json!(false)));
    let after = (copy(&new, &id).await.messages, new.app.audit_log().await.len(), new.app.events().await);
    assert_eq!(after, before);
    assert_eq!(after.0[0]["id"], json!(later));
}

async fn clients_hear_of_what_comes_after_alone(store: TestStore) {
    let old = elsewhere(&store).await;
    let id = lived_in(&old).await;
    let taken = copy(&old, &id).await;
    let live = Live::new(store).await;
    live.world.app.clock().advance(old.now().since(live.world.now()));
    // Bob is connected all the time; what was said elsewhere is not older than that.
    let mut bob = live.connect(BOB, "bob-1").await;
    move_in(&live.world, &taken).await;
    expect_silence(&mut bob).await;
    live.world.send(ADA, &id, "here").await;
    let told = super::live::next(&mut bob).await.body;
    assert_eq!((&told["eventId"], &told["messageBody"]), (&json!(200), &json!("here")));
    // A client that comes back is not told either.
    drop(bob);
    live.until(|live| live.world.chat.realtime.count() == 0).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    expect_silence(&mut bob).await;
}
