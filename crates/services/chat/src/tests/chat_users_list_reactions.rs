//! `ChatUsers_ListReactions`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, date, identifier, next, own, text};

on_both_engines!(SLICES;
    everybody_sees_who_reacted,
    removed_participants_see_what_was_before,
    pages_go_on_where_the_last_one_ended,
    bad_requests_are_refused,
    strangers_see_nothing,
);

fn reactions(thread: &str, id: &str) -> String {
    own(thread, &format!("/messages/{id}/reactions"))
}

async fn everybody_sees_who_reacted(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (id, other) = (world.send(ADA, &thread, "x").await, world.send(ADA, &thread, "y").await);
    world.react(BOB, &thread, &other, "👍").await;
    let first = date(world.now());
    world.react(BOB, &thread, &id, "👍").await;
    world.advance_ms(1000);
    let second = date(world.now());
    world.react(ADA, &thread, &id, "👍").await;
    world.react(ADA, &thread, &id, "❤").await;
    let row = |emoji: &str, number: u32, at: &str| json!({ "emoji": emoji, "identifier": identifier(number), "addedOn": at });
    let expected =
        json!({ "value": [row("❤", ADA, &second), row("👍", ADA, &second), row("👍", BOB, &first)] });
    assert_eq!(world.call(BOB, Call::get(reactions(&thread, &id))).await.expect(200).body, expected);
}

async fn removed_participants_see_what_was_before(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    world.react(BOB, &thread, &id, "👍").await;
    world.advance_ms(1000);
    world.remove(ADA, &thread, BOB).await;
    world.advance_ms(1000);
    world.add(ADA, &thread, EVE, "1970-01-01T00:00:00Z").await;
    world.react(EVE, &thread, &id, "👍").await;
    world.react(EVE, &thread, &id, "❤").await;
    for (number, people, kinds) in [(ADA, 3, 2), (BOB, 1, 1)] {
        let page = world.call(number, Call::get(reactions(&thread, &id))).await.expect(200).body;
        assert_eq!(page["value"].as_array().expect("a page").len(), people);
        let message = Call::get(own(&thread, &format!("/messages/{id}")));
        let message = world.call(number, message).await.expect(200).body;
        assert_eq!(message["reactions"].as_array().expect("a list").len(), kinds);
    }
    // Whoever comes back sees all of them.
    world.add(ADA, &thread, BOB, "1970-01-01T00:00:00Z").await;
    let page = world.call(BOB, Call::get(reactions(&thread, &id))).await.expect(200).body;
    assert_eq!(page["value"].as_array().expect("a page").len(), 3);
}

async fn pages_go_on_where_the_last_one_ended(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    let id = world.send(ADA, &thread, "x").await;
    let mut expected = Vec::new();
    for emoji in ["A", "b", "é", "👍"] {
        for number in [ADA, BOB, EVE] {
            world.react(number, &thread, &id, emoji).await;
            expected.push((emoji.to_owned(), identifier(number)));
        }
    }
    let mut target = Some(format!("{}?maxPageSize=5", reactions(&thread, &id)));
    let mut seen = Vec::new();
    while let Some(page) = target {
        let answer = world.call(ADA, Call::get(page)).await.expect(200);
        let found = answer.body["value"].as_array().expect("a page");
        assert!(found.len() <= 5);
        seen.extend(found.iter().map(|row| (text(&row["emoji"]), row["identifier"].clone())));
        target = next(&answer);
    }
    assert_eq!(seen, expected);
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    for (number, id) in [(ADA, "1"), (ADA, "abc"), (EVE, &*id)] {
        world.call(number, Call::get(reactions(&thread, id))).await.expect_error(404, "NotFound");
    }
    let call = Call::get(format!("{}?maxPageSize=0", reactions(&thread, &id)));
    world.call(ADA, call).await.expect_invalid("maxPageSize");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::get(reactions(&thread, &id));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
