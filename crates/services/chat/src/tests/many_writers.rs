//! Many write to one thread at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use trunkline_testkit::{TestStore, on_both_engines};

use super::world::{SLICES, World};

on_both_engines!(SLICES; changes_of_many_writers_are_dense_and_ids_unique, new_people_in_many_threads_never_block);

const WRITERS: usize = 64;
const EACH: usize = 4;

async fn changes_of_many_writers_are_dense_and_ids_unique(test: TestStore) {
    let world = Arc::new(World::open(test).await);
    let thread = world.thread("Busy", &["ada", "ben"]).await;
    let write = |number: usize| {
        let (world, id) = (Arc::clone(&world), thread.id.clone());
        async move {
            let name = if number.is_multiple_of(2) { "ada" } else { "ben" };
            for _ in 0..EACH {
                let message = world.send(&id, name, "hello").await;
                if number.is_multiple_of(8) {
                    world.edit(&id, name, message.id, "hello again").await;
                }
            }
        }
    };
    join_all((0..WRITERS).map(write)).await;
    let messages = world.messages(&thread.id, "ada").await;
    assert_eq!(messages.len(), WRITERS * EACH + 2);
    let edits = WRITERS / 8 * EACH;
    let last = i64::try_from(WRITERS * EACH + edits + 2).expect("small");
    assert_eq!(messages[0].change, last, "every change has a number and none is lost");
    assert_eq!(messages[0].sequence, last);
    let ids: BTreeSet<i64> = messages.iter().map(|message| message.id).collect();
    let changes: BTreeSet<i64> = messages.iter().map(|message| message.change).collect();
    assert_eq!((ids.len(), changes.len()), (messages.len(), messages.len()));
    // Whoever was never edited still stands where it was sent.
    let sent: BTreeSet<i64> = messages.iter().map(|message| message.first_change).collect();
    assert_eq!(sent.len(), messages.len());
}

async fn new_people_in_many_threads_never_block(test: TestStore) {
    let world = Arc::new(World::open(test).await);
    let names: Vec<String> = (0..12).map(|number| format!("user{number}")).collect();
    let make = |number: usize| {
        let (world, mut names) = (Arc::clone(&world), names.clone());
        async move {
            let turn = number % names.len();
            names.rotate_left(turn);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            world.thread("Together", &names).await
        }
    };
    let threads = join_all((0..24).map(make)).await;
    assert_eq!(world.count("chat_people").await, 12);
    assert_eq!(world.count("chat_members").await, 24 * 12);
    assert_eq!(world.count("chat_people WHERE joins = 24").await, 12);
    let numbers: BTreeSet<_> = threads.iter().map(|thread| thread.number).collect();
    assert_eq!(numbers.len(), 24);
}
