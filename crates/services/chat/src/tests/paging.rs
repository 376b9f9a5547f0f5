//! Messages come, change and go while somebody reads them page by page: nothing is missed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use trunkline_testkit::{TestStore, on_both_engines};

use super::world::{SLICES, World};
use crate::rows::MessagesFrom;

on_both_engines!(SLICES; pages_follow_each_other, messages_that_moved_come_last, a_start_time_is_that_of_the_version);

async fn pages_follow_each_other(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Pages", &["ada"]).await;
    for number in 0..5 {
        world.send(&thread.id, "ada", &number.to_string()).await;
    }
    let (first, next) = world.page(&thread.id, "ada", &MessagesFrom::default(), 4).await.expect("a page");
    world.send(&thread.id, "ada", "late").await;
    let (second, end) = world.page(&thread.id, "ada", &next.expect("more"), 4).await.expect("a page");
    assert!(end.is_none());
    let bodies: Vec<_> = first.iter().chain(&second).map(|row| row.body.as_str()).collect();
    assert_eq!(bodies, ["4", "3", "2", "1", "0", "Pages", ""]);
}

async fn messages_that_moved_come_last(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Pages", &["ada"]).await;
    let oldest = world.send(&thread.id, "ada", "oldest").await;
    let old = world.send(&thread.id, "ada", "old").await;
    world.send(&thread.id, "ada", "new").await;
    let (first, next) = world.page(&thread.id, "ada", &MessagesFrom::default(), 1).await.expect("a page");
    assert_eq!(first[0].body, "new");
    world.edit(&thread.id, "ada", oldest.id, "oldest, edited").await;
    world.delete(&thread.id, "ada", old.id).await;
    let (second, next) = world.page(&thread.id, "ada", &next.expect("more"), 10).await.expect("a page");
    assert_eq!(second.iter().map(|row| row.body.as_str()).collect::<Vec<_>>(), ["Pages", ""]);
    let (third, end) =
        world.page(&thread.id, "ada", &next.expect("the moved ones"), 10).await.expect("a page");
    let moved: Vec<_> = third.iter().map(|row| (row.body.as_str(), row.deleted_at.is_some())).collect();
    assert_eq!(moved, [("oldest, edited", false), ("", true)]);
    assert!(end.is_none());
}

async fn a_start_time_is_that_of_the_version(test: TestStore) {
    let world = World::open(test).await;
    let thread = world.thread("Pages", &["ada"]).await;
    let first = world.send(&thread.id, "ada", "first").await;
    world.send(&thread.id, "ada", "second").await;
    world.tick();
    let from = MessagesFrom { start: Some(world.now()), ..MessagesFrom::default() };
    world.edit(&thread.id, "ada", first.id, "edited").await;
    let (page, end) = world.page(&thread.id, "ada", &from, 10).await.expect("a page");
    assert_eq!(page.iter().map(|row| row.body.as_str()).collect::<Vec<_>>(), ["edited"]);
    assert!(end.is_none());
}

/// What happens between two pages.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    Edit(usize),
    Delete(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Send),
        (0..20_usize).prop_map(Step::Edit),
        (0..20_usize).prop_map(Step::Delete),
    ];
    proptest::collection::vec(step, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_there_is_seen(
        count in 1..20_usize,
        size in 1..6_u32,
        between in proptest::collection::vec(steps(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(page_through(count, size, between));
    }
}

async fn page_through(count: usize, size: u32, between: Vec<Vec<Step>>) {
    let world = World::open(TestStore::ephemeral(SLICES).await).await;
    let thread = world.thread("Pages", &["ada"]).await;
    let mut there = Vec::new();
    for number in 0..count {
        there.push(world.send(&thread.id, "ada", &number.to_string()).await.id);
    }
    let mut between = between.into_iter();
    let mut touched = Vec::new();
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let mut from = Some(MessagesFrom::default());
    while let Some(start) = from {
        let (page, next) = world.page(&thread.id, "ada", &start, size).await.expect("a page");
        assert!(!page.is_empty(), "a link leads to a page with something on it");
        for message in page {
            *seen.entry(message.id).or_default() += 1;
        }
        for step in between.next().unwrap_or_default() {
            touched.extend(make(&world, &thread.id, &there, step).await);
        }
        from = next;
    }
    for id in there {
        let times = seen.get(&id).copied().unwrap_or_default();
        assert!(times >= 1, "a message that was there at the first page was not shown");
        assert!(times == 1 || touched.contains(&id), "a message that nobody touched came {times} times");
    }
}

/// Makes a step; returns the message that moved.
async fn make(world: &World, thread: &str, there: &[i64], step: Step) -> Option<i64> {
    world.tick();
    match step {
        Step::Send => {
            world.send(thread, "ada", "new").await;
            None
        }
        Step::Edit(place) => {
            let id = there[place % there.len()];
            let edited = world.try_edit(thread, "ada", id, "edited").await;
            edited.is_ok().then_some(id)
        }
        Step::Delete(place) => {
            let id = there[place % there.len()];
            world.delete(thread, "ada", id).await.map(|_| id)
        }
    }
}
