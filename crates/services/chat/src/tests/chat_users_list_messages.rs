//! `ChatUsers_ListMessages`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, date, next, own, text};

on_both_engines!(SLICES;
    messages_come_with_their_reactions_the_newest_first,
    pages_go_on_where_the_last_one_ended,
    only_what_is_shared_is_listed,
    bad_queries_are_refused,
    strangers_see_nothing,
);

async fn list(world: &World, number: u32, thread: &str) -> Vec<Value> {
    let answer = world.call(number, Call::get(own(thread, "/messages"))).await.expect(200);
    answer.body["value"].as_array().expect("a page").clone()
}

async fn messages_come_with_their_reactions_the_newest_first(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let first = world.send(ADA, &thread, "first").await;
    let reply = json!({ "content": "second", "replyTo": first });
    world.call(BOB, Call::post(own(&thread, "/messages")).json(&reply)).await.expect(201);
    world.react(BOB, &thread, &first, "👍").await;
    let mut expected = world.messages(ADA, &thread).await;
    for message in &mut expected {
        message["reactions"] = json!([]);
    }
    expected[0]["replyTo"] = json!(first);
    expected[1]["reactions"] = json!([{ "emoji": "👍", "count": 1, "isOwn": false }]);
    assert_eq!(list(&world, ADA, &thread).await, expected);
}

async fn pages_go_on_where_the_last_one_ended(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    for number in 0..4 {
        world.send(ADA, &thread, &number.to_string()).await;
    }
    let expected: Vec<_> = list(&world, ADA, &thread).await.iter().map(|row| text(&row["id"])).collect();
    let mut target = Some(own(&thread, "/messages?maxPageSize=2"));
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = target {
        let answer = world.call(ADA, Call::get(page)).await.expect(200);
        let found = answer.body["value"].as_array().expect("a page");
        sizes.push(found.len());
        seen.extend(found.iter().map(|row| text(&row["id"])));
        target = next(&answer);
        world.send(ADA, &thread, "meanwhile").await;
    }
    assert_eq!((seen, sizes), (expected, vec![2, 2, 2]));
}

async fn only_what_is_shared_is_listed(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.send(ADA, &thread, "old").await;
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    let shown = world.send(ADA, &thread, "shown").await;
    world.remove(ADA, &thread, EVE).await;
    world.send(ADA, &thread, "too late").await;
    let seen = list(&world, EVE, &thread).await;
    let texts: Vec<_> = seen.iter().filter(|row| row["type"] == json!("text")).collect();
    assert_eq!((texts.len(), &texts[0]["id"]), (1, &json!(shown)));
}

async fn bad_queries_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let ask = async |query: &str| world.call(ADA, Call::get(own(&thread, query))).await;
    ask("/messages?maxPageSize=0").await.expect_invalid("maxPageSize");
    ask("/messages?continuationToken=x").await.expect_invalid("continuationToken");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let call = Call::get(own(&thread, "/messages"));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
