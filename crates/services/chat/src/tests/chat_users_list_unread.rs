//! `ChatUsers_ListUnread`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, next, own, text};

on_both_engines!(SLICES;
    messages_of_others_count_until_they_are_read,
    only_what_is_shown_counts,
    counting_ends_at_a_thousand,
    pages_go_on_where_the_last_one_ended,
    bad_queries_are_refused,
    strangers_see_nothing,
);

async fn unread(world: &World, number: u32) -> Value {
    world.call(number, Call::get("/trunkline/chat/unread")).await.expect(200).body["value"].clone()
}

fn row(thread: &str, count: u32) -> Value {
    json!({ "chatThreadId": thread, "count": count, "isMore": false })
}

async fn messages_of_others_count_until_they_are_read(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[BOB]).await);
    assert_eq!(unread(&world, BOB).await, json!([]));
    let first = world.send(ADA, &thread, "1").await;
    let second = world.send(ADA, &thread, "2").await;
    world.send(BOB, &thread, "own").await;
    world.send(ADA, &other, "1").await;
    assert_eq!(unread(&world, BOB).await, json!([row(&other, 1), row(&thread, 2)]));
    assert_eq!(unread(&world, ADA).await, json!([row(&thread, 1)]));
    let read = json!({ "chatMessageId": first });
    world.call(BOB, Call::post(at(&thread, "/readReceipts")).json(&read)).await.expect(200);
    assert_eq!(unread(&world, BOB).await, json!([row(&other, 1), row(&thread, 1)]));
    // What was edited is not unread again, what was deleted is not unread any more.
    let path = at(&thread, &format!("/messages/{first}"));
    world.call(ADA, Call::new("PATCH", path).json(&json!({ "content": "one" }))).await.expect(204);
    world.call(ADA, Call::delete(at(&thread, &format!("/messages/{second}")))).await.expect(204);
    assert_eq!(unread(&world, BOB).await, json!([row(&other, 1)]));
}

async fn only_what_is_shown_counts(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.send(ADA, &thread, "before").await;
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    assert_eq!(unread(&world, EVE).await, json!([]), "neither older messages nor those of the thread itself");
    world.send(ADA, &thread, "within").await;
    assert_eq!(unread(&world, EVE).await, json!([row(&thread, 1)]));
    world.remove(ADA, &thread, EVE).await;
    assert_eq!(unread(&world, EVE).await, json!([]));
    world.call(ADA, Call::delete(at(&thread, ""))).await.expect(204);
    assert_eq!(unread(&world, BOB).await, json!([]));
}

async fn counting_ends_at_a_thousand(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    for number in 0..1000 {
        world.send(ADA, &thread, &number.to_string()).await;
    }
    assert_eq!(unread(&world, BOB).await, json!([row(&thread, 1000)]));
    world.send(ADA, &thread, "one more").await;
    let more = json!([{ "chatThreadId": thread, "count": 1000, "isMore": true }]);
    assert_eq!(unread(&world, BOB).await, more);
}

async fn pages_go_on_where_the_last_one_ended(store: TestStore) {
    let world = World::new(store).await;
    let mut expected = Vec::new();
    for number in 0..8 {
        let thread = world.thread(ADA, &[BOB]).await;
        if number % 2 == 0 {
            world.send(ADA, &thread, "x").await;
            expected.push(thread);
        }
    }
    expected.reverse();
    let mut target = Some("/trunkline/chat/unread?maxPageSize=3".to_owned());
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = target {
        let answer = world.call(BOB, Call::get(page)).await.expect(200);
        let found = answer.body["value"].as_array().expect("a page");
        sizes.push(found.len());
        seen.extend(found.iter().map(|row| text(&row["chatThreadId"])));
        target = next(&answer);
    }
    assert_eq!((seen, sizes), (expected, vec![3, 1]));
}

async fn bad_queries_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let ask = async |query: &str| world.call(ADA, Call::get(format!("/trunkline/chat/unread?{query}"))).await;
    ask("maxPageSize=0").await.expect_invalid("maxPageSize");
    ask("continuationToken=x").await.expect_invalid("continuationToken");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.send(ADA, &thread, "x").await;
    world.refuses_callers(&Call::get("/trunkline/chat/unread")).await;
    assert_eq!(unread(&world, 50).await, json!([]));
    world.call(50, Call::get(own(&thread, "/messages"))).await.expect_error(403, "Forbidden");
}
