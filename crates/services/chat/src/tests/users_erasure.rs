//! Erasure of what users have beyond ACS: reactions, replies, mentions, words.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_store::jobs::{JobRunner, RetryPolicy};
use trunkline_store::{Key, StoreError};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, identifier, own, raw_id, text};
use crate::ERASE_JOB;
use crate::changes::{self, Edit};
use crate::rows::{self, PersonNumber, mentions};

on_both_engines!(SLICES;
    an_erased_person_is_named_nowhere,
    an_edit_beside_an_erasure_brings_no_name_back,
    a_deleted_thread_leaves_no_reaction_and_no_word,
    a_deleted_message_leaves_no_reaction_and_no_name,
);

const CANARY: &str = "KANARIENVOGEL";

async fn count(world: &World, table: &'static str) -> i64 {
    let count = world
        .app
        .store
        .read(move |tx| tx.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[])?.get::<i64>(0));
    let count: Result<i64, StoreError> = count.await;
    count.expect("a count")
}

async fn run_jobs(world: &World) {
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
    assert_eq!(count(world, "jobs WHERE failed_at IS NOT NULL OR attempts > 0").await, 0, "a job failed");
}

/// Sends a message with everything it can have; returns its id.
async fn send(world: &World, number: u32, thread: &str, reply_to: &str, named: u32) -> String {
    let body = json!({
        "content": format!("{CANARY} says {number}"), "replyTo": reply_to,
        "clientMessageId": format!("{CANARY}-{number}-{named}"),
        "mentions": [
            { "identifier": identifier(named), "text": format!("@{CANARY}{named}") },
            { "identifier": identifier(ADA), "text": "@Ada" },
        ],
    });
    let sent = world.call(number, Call::post(own(thread, "/messages")).json(&body)).await.expect(201);
    world.advance_ms(1000);
    text(&sent.body["id"])
}

async fn shown(world: &World, thread: &str, id: &str) -> Value {
    world.call(ADA, Call::get(own(thread, &format!("/messages/{id}")))).await.expect(200).body
}

async fn an_erased_person_is_named_nowhere(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    let first = world.send(ADA, &thread, "first").await;
    let of_bob = send(&world, BOB, &thread, &first, EVE).await;
    let of_eve = send(&world, EVE, &thread, &of_bob, BOB).await;
    for (number, id) in [(BOB, &first), (EVE, &first), (EVE, &of_bob), (BOB, &of_eve)] {
        world.react(number, &thread, id, CANARY).await;
    }
    // Bob is named in a thread he has left, too.
    world.remove(ADA, &thread, BOB).await;
    world.chat.forget_person(world.resources.view("dev").id, &raw_id(BOB), world.now()).await.expect("asked");
    run_jobs(&world).await;

    let tombstone = shown(&world, &thread, &of_bob).await;
    assert_eq!((&tombstone["content"]["message"], &tombstone["replyTo"]), (&json!(""), &json!(first)));
    assert_eq!((tombstone.get("mentions"), tombstone.get("clientMessageId")), (None, None));
    assert_eq!(tombstone["reactions"], json!([]));
    let reply = shown(&world, &thread, &of_eve).await;
    assert_eq!(reply["mentions"], json!([{ "identifier": identifier(ADA), "text": "@Ada" }]));
    assert_eq!((&reply["replyTo"], &reply["reactions"]), (&json!(of_bob), &json!([])));
    let left = shown(&world, &thread, &first).await["reactions"].clone();
    assert_eq!(left, json!([{ "emoji": CANARY, "count": 1, "isOwn": false }]));
    let search = world.call(ADA, Call::get(format!("/trunkline/chat/search?q={CANARY}"))).await.expect(200);
    let found = search.body["value"].as_array().expect("a page");
    assert_eq!(found.iter().map(|result| text(&result["message"]["id"])).collect::<Vec<_>>(), [of_eve]);
    let asked = json!({ "identifiers": [identifier(BOB)] });
    let presence = world.call(ADA, Call::post("/trunkline/chat/presence").json(&asked)).await.expect(200);
    assert_eq!(presence.body, json!({ "value": [] }));
}

async fn an_edit_beside_an_erasure_brings_no_name_back(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    let first = world.send(ADA, &thread, "first").await;
    let id = send(&world, EVE, &thread, &first, BOB).await;
    let resource = world.resources.view("dev").id;
    // An edit has read the message when Bob is taken out of it.
    let (name, number) = (thread.clone(), id.parse().expect("a number"));
    let read = world.app.store.read(move |tx| {
        let view = rows::load_view(tx, resource, &name, PersonNumber::NOBODY)?.expect("a thread");
        let message = rows::find_message(tx, view.number, number)?.expect("a message");
        Ok::<_, StoreError>((view, message))
    });
    let (view, message) = read.await.expect("both are there");
    assert_eq!(message.mentions.matches("person").count(), 2);
    let bob = world.chat.person(resource, &raw_id(BOB).into()).await.expect("the store answers");
    let until = world.now();
    let forget =
        world.app.store.write(Key::system("test"), move |tx| mentions::forget_person(tx, bob, until, 10));
    assert_eq!(forget.await.map_err(|cause: StoreError| cause), Ok(1));
    let edit = Edit { body: Some("edited".to_owned()), ..Edit::default() };
    let now = world.now();
    let write = world.app.store.write(Key::system("test"), move |tx| {
        changes::edit_message(tx, &mut view.clone(), &message, &edit, now).map(drop)
    });
    write.await.expect("an edit");
    let shown = shown(&world, &thread, &id).await;
    assert_eq!(shown["content"]["message"], json!("edited"));
    assert_eq!(shown["mentions"], json!([{ "identifier": identifier(ADA), "text": "@Ada" }]));
}

async fn a_deleted_thread_leaves_no_reaction_and_no_word(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[BOB]).await);
    for thread in [&thread, &other] {
        let first = world.send(ADA, thread, "first").await;
        let reply = send(&world, BOB, thread, &first, BOB).await;
        world.react(ADA, thread, &reply, CANARY).await;
    }
    world.call(ADA, Call::delete(at(&thread, ""))).await.expect(204);
    run_jobs(&world).await;
    assert_eq!(count(&world, "chat_reactions").await, 1);
    assert_eq!(count(&world, "chat_words").await, 2);
    assert_eq!(count(&world, "chat_messages WHERE mentions <> '' OR client_id <> ''").await, 1);
}

async fn a_deleted_message_leaves_no_reaction_and_no_name(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let first = world.send(ADA, &thread, "first").await;
    let reply = send(&world, BOB, &thread, &first, BOB).await;
    world.react(ADA, &thread, &reply, CANARY).await;
    world.call(BOB, Call::delete(at(&thread, &format!("/messages/{reply}")))).await.expect(204);
    assert_eq!(count(&world, "chat_reactions").await, 0);
    assert_eq!(count(&world, "chat_words").await, 1);
    assert_eq!(count(&world, "chat_messages WHERE mentions <> '' OR client_id <> ''").await, 0);
}

fn canaries_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(canaries_below(&path));
        } else if std::fs::read(&path)
            .expect("a file")
            .windows(CANARY.len())
            .any(|window| window == CANARY.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_what_a_person_added_is_left_in_the_files() {
    let world = World::new(TestStore::sqlite(SLICES).await).await;
    let folder = world.app.store.folder().expect("a folder").to_owned();
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    for _ in 0..40 {
        let first = world.send(ADA, &thread, &"stays ".repeat(200)).await;
        let body = json!({
            "content": format!("{CANARY} {}", "lorem ".repeat(300)), "replyTo": first,
            "mentions": [{ "identifier": identifier(ADA), "text": format!("@{CANARY}") }],
        });
        world.call(BOB, Call::post(own(&thread, "/messages")).json(&body)).await.expect(201);
        world.react(BOB, &thread, &first, CANARY).await;
        let body = json!({
            "content": "who?", "replyTo": first,
            "mentions": [{ "identifier": identifier(BOB), "text": format!("@{CANARY}") }],
        });
        world.call(EVE, Call::post(own(&thread, "/messages")).json(&body)).await.expect(201);
        world.advance_ms(1000);
    }
    assert!(!canaries_below(&folder).is_empty(), "the search itself works");
    world.chat.forget_person(world.resources.view("dev").id, &raw_id(BOB), world.now()).await.expect("asked");
    world.app.clock().advance(Duration::from_mins(2));
    run_jobs(&world).await;
    assert_eq!(canaries_below(&folder), Vec::<String>::new());
}
