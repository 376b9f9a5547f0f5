//! `ChatUsers_ListReplies`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, next, own, text};

on_both_engines!(SLICES;
    replies_are_listed_the_oldest_first,
    pages_go_on_where_the_last_one_ended,
    replies_outside_of_the_window_are_left_out,
    bad_requests_are_refused,
    strangers_see_nothing,
);

async fn reply(world: &World, number: u32, thread: &str, to: &str, content: &str) -> String {
    let body = json!({ "content": content, "replyTo": to });
    let sent = world.call(number, Call::post(own(thread, "/messages")).json(&body)).await.expect(201);
    world.advance_ms(1000);
    text(&sent.body["id"])
}

fn replies(thread: &str, id: &str) -> String {
    own(thread, &format!("/messages/{id}/replies"))
}

async fn ids(world: &World, number: u32, target: String) -> Vec<String> {
    let answer = world.call(number, Call::get(target)).await.expect(200);
    answer.body["value"].as_array().expect("a page").iter().map(|row| text(&row["id"])).collect()
}

async fn replies_are_listed_the_oldest_first(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[]).await);
    let first = world.send(ADA, &thread, "?").await;
    let elsewhere = world.send(ADA, &other, "?").await;
    reply(&world, ADA, &other, &elsewhere, "other").await;
    let one = reply(&world, BOB, &thread, &first, "one").await;
    let two = reply(&world, ADA, &thread, &first, "two").await;
    let nested = reply(&world, ADA, &thread, &one, "nested").await;
    world.react(BOB, &thread, &two, "👍").await;
    // An edit moves a message in other lists, and a deleted one stays as a tombstone.
    let path = at(&thread, &format!("/messages/{one}"));
    world.call(BOB, Call::new("PATCH", &path).json(&json!({ "content": "uno" }))).await.expect(204);
    world.call(BOB, Call::delete(path)).await.expect(204);
    let answer = world.call(BOB, Call::get(replies(&thread, &first))).await.expect(200);
    let found = answer.body["value"].as_array().expect("a page");
    let shown: Vec<(&Value, &Value)> =
        found.iter().map(|row| (&row["id"], &row["content"]["message"])).collect();
    assert_eq!(shown, [(&json!(one), &json!("")), (&json!(two), &json!("two"))]);
    assert_eq!(found[1]["replyTo"], json!(first));
    assert_eq!(found[1]["reactions"], json!([{ "emoji": "👍", "count": 1, "isOwn": true }]));
    assert_eq!(ids(&world, ADA, replies(&thread, &one)).await, [nested]);
}

async fn pages_go_on_where_the_last_one_ended(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let first = world.send(ADA, &thread, "?").await;
    let mut expected = Vec::new();
    for number in 0..5 {
        expected.push(reply(&world, ADA, &thread, &first, &number.to_string()).await);
    }
    let mut target = Some(format!("{}?maxPageSize=2", replies(&thread, &first)));
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = target {
        let answer = world.call(ADA, Call::get(page)).await.expect(200);
        let found = answer.body["value"].as_array().expect("a page");
        sizes.push(found.len());
        seen.extend(found.iter().map(|row| text(&row["id"])));
        target = next(&answer);
    }
    assert_eq!((seen, sizes), (expected, vec![2, 2, 1]));
}

async fn replies_outside_of_the_window_are_left_out(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let first = world.send(ADA, &thread, "?").await;
    let one = reply(&world, ADA, &thread, &first, "one").await;
    let since = date(world.now());
    world.add(ADA, &thread, EVE, &since).await;
    world.call(EVE, Call::get(replies(&thread, &first))).await.expect_error(404, "NotFound");
    world.remove(ADA, &thread, BOB).await;
    let two = reply(&world, ADA, &thread, &first, "two").await;
    assert_eq!(ids(&world, BOB, replies(&thread, &first)).await, std::slice::from_ref(&one));
    assert_eq!(ids(&world, ADA, replies(&thread, &first)).await, [one, two]);
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    for unknown in ["1", "abc"] {
        world.call(ADA, Call::get(replies(&thread, unknown))).await.expect_error(404, "NotFound");
    }
    let target = format!("{}?maxPageSize=none", replies(&thread, &id));
    world.call(ADA, Call::get(target)).await.expect_invalid("maxPageSize");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::get(replies(&thread, &id));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
