//! `ChatUsers_Search`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};
use trunkline_web::context::encode;

use super::harness::{
    ADA, BOB, EVE, SLICES, World, at, date, identifier, next, own, raw_id, raw_id_in, text, token,
};
use crate::error::ChatError;
use crate::rows::ThreadNumber;
use crate::rows::search::list_candidates;

on_both_engines!(SLICES;
    words_are_found_however_they_are_written,
    phrases_are_found_in_their_order,
    a_result_shows_the_whole_message,
    edits_and_deletions_are_followed,
    other_peoples_threads_are_not_searched,
    nothing_outside_the_window_is_found,
    results_can_be_narrowed,
    pages_go_on_where_the_last_one_ended,
    many_hidden_matches_hide_nothing_else,
    many_threads_are_searched_together,
    search_can_be_switched_off,
    bad_queries_are_refused,
    strangers_find_nothing,
);

async fn search(world: &World, number: u32, query: &str) -> Answer {
    world.call(number, Call::get(format!("/trunkline/chat/search?{query}"))).await
}

/// The texts that are found, newest first.
async fn found(world: &World, number: u32, query: &str) -> Vec<String> {
    let answer = search(world, number, query).await.expect(200);
    assert_eq!(next(&answer), None);
    let results = answer.body["value"].as_array().expect("a page");
    results.iter().map(|result| text(&result["message"]["content"]["message"])).collect()
}

/// The same for words alone.
async fn words(world: &World, number: u32, words: &str) -> Vec<String> {
    found(world, number, &format!("q={}", encode(words))).await
}

async fn words_are_found_however_they_are_written(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    for content in ["The Crème brûlée, 2 times!", "Grüße aus 東京タワー", "creme of carrots", "Ёлка"]
    {
        world.send(ADA, &thread, content).await;
    }
    let html = json!({ "content": "<p>Lovely<br>carrots &amp; <b>pe</b>as</p>", "type": "html" });
    world.call(ADA, Call::post(at(&thread, "/messages")).json(&html)).await.expect(201);
    let (brulee, tokyo) = ("The Crème brûlée, 2 times!", "Grüße aus 東京タワー");
    let check = async |query: &str, expected: &[&str]| {
        assert_eq!(words(&world, ADA, query).await, expected, "{query}");
    };
    check("CREME", &["creme of carrots", brulee]).await;
    check("crème brulee", &[brulee]).await;
    check("2, times", &[brulee]).await;
    check("GRÜSSE", &[tokyo]).await;
    check("東京", &[tokyo]).await;
    check("京東", &[]).await;
    check("елка", &["Ёлка"]).await;
    check("lovely CARROTS peas", &["<p>Lovely<br>carrots &amp; <b>pe</b>as</p>"]).await;
    // Whole words only, and neither markup nor what a message is about otherwise.
    for absent in ["crem", "carrot", "br", "amp", "lunch", "b"] {
        check(absent, &[]).await;
    }
}

async fn phrases_are_found_in_their_order(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    for content in ["red apple pie", "apple red", "a red, apple!", "don't", "t don"] {
        world.send(ADA, &thread, content).await;
    }
    let check = async |query: &str, expected: &[&str]| {
        assert_eq!(words(&world, ADA, query).await, expected, "{query}");
    };
    check("red apple", &["a red, apple!", "apple red", "red apple pie"]).await;
    check("\"red apple\"", &["a red, apple!", "red apple pie"]).await;
    check("\"red apple\" pie", &["red apple pie"]).await;
    check("\"red apple", &["a red, apple!", "red apple pie"]).await;
    check("don't", &["don't"]).await;
    check("don t", &["t don", "don't"]).await;
    check("apple AND red OR NOT", &[]).await;
    check("red & ! | ( * :", &["a red, apple!", "apple red", "red apple pie"]).await;
}

async fn a_result_shows_the_whole_message(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let first = world.send(ADA, &thread, "?").await;
    let body = json!({
        "content": "@Ada needle", "replyTo": first, "clientMessageId": "c",
        "mentions": [{ "identifier": identifier(ADA), "text": "@Ada" }],
    });
    let sent = world.call(BOB, Call::post(own(&thread, "/messages")).json(&body)).await.expect(201);
    let id = text(&sent.body["id"]);
    world.react(ADA, &thread, &id, "👍").await;
    let shown = world.call(ADA, Call::get(own(&thread, &format!("/messages/{id}")))).await.expect(200).body;
    let answer = search(&world, ADA, "q=needle").await.expect(200);
    assert_eq!(answer.body, json!({ "value": [{ "chatThreadId": thread, "message": shown }] }));
}

async fn edits_and_deletions_are_followed(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[]).await);
    let edited = world.send(ADA, &thread, "apple").await;
    let deleted = world.send(ADA, &thread, "apple too").await;
    world.send(ADA, &other, "apple elsewhere").await;
    let path = |id: &str| at(&thread, &format!("/messages/{id}"));
    world.call(ADA, Call::new("PATCH", path(&edited)).json(&json!({ "content": "plum" }))).await.expect(204);
    world.call(ADA, Call::delete(path(&deleted))).await.expect(204);
    assert_eq!(words(&world, ADA, "apple").await, ["apple elsewhere"]);
    assert_eq!(words(&world, BOB, "plum").await, ["plum"]);
    world.call(ADA, Call::delete(at(&other, ""))).await.expect(204);
    assert!(words(&world, ADA, "apple").await.is_empty());
}

async fn other_peoples_threads_are_not_searched(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(EVE, &[]).await);
    world.send(ADA, &thread, "needle").await;
    world.send(EVE, &other, "needle of Eve").await;
    for number in [ADA, BOB] {
        assert_eq!(words(&world, number, "needle").await, ["needle"]);
    }
    assert_eq!(words(&world, EVE, "needle").await, ["needle of Eve"]);
    assert!(words(&world, 50, "needle").await.is_empty());
    // The same word in another resource is another word, and its people are others.
    let their = token(&raw_id_in(2, ADA), "chat");
    let call = Call::get("/trunkline/chat/search?q=needle").host(trunkline_testkit::app::OTHER_HOST);
    assert_eq!(world.app.call(call.bearer(&their)).await.expect(200).body, json!({ "value": [] }));
}

async fn nothing_outside_the_window_is_found(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let before = world.send(ADA, &thread, "needle before").await;
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    world.send(ADA, &thread, "needle within").await;
    let path = at(&thread, &format!("/messages/{before}"));
    let edit = json!({ "content": "needle before, edited" });
    world.call(ADA, Call::new("PATCH", path).json(&edit)).await.expect(204);
    assert_eq!(words(&world, EVE, "needle").await, ["needle within"]);
    assert!(words(&world, EVE, "edited").await.is_empty());
    world.remove(ADA, &thread, EVE).await;
    world.send(ADA, &thread, "needle after").await;
    // Nobody is searched for in threads they left, unless they ask for one.
    assert!(words(&world, EVE, "needle").await.is_empty());
    let query = format!("q=needle&thread={}", encode(&thread));
    assert_eq!(found(&world, EVE, &query).await, ["needle within"]);
    let all = ["needle after", "needle within", "needle before, edited"];
    assert_eq!(found(&world, BOB, &query).await, all);
    // What was edited after the removal is not what Eve saw.
    let id = text(&world.messages(ADA, &thread).await[3]["id"]);
    let path = at(&thread, &format!("/messages/{id}"));
    let secret = json!({ "content": "needle within secret" });
    world.call(ADA, Call::new("PATCH", path).json(&secret)).await.expect(204);
    assert!(found(&world, EVE, &query).await.is_empty());
}

async fn results_can_be_narrowed(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[]).await);
    world.send(ADA, &thread, "needle 1").await;
    let second = date(world.now());
    world.send(BOB, &thread, "needle 2").await;
    let third = date(world.now());
    world.send(ADA, &other, "needle 3").await;
    let check = async |query: String, expected: &[&str]| {
        assert_eq!(found(&world, ADA, &format!("q=needle&{query}")).await, expected, "{query}");
    };
    check(String::new(), &["needle 3", "needle 2", "needle 1"]).await;
    check(format!("thread={}", encode(&thread)), &["needle 2", "needle 1"]).await;
    check(format!("from={}", encode(&raw_id(ADA))), &["needle 3", "needle 1"]).await;
    check(format!("from={}", encode(&raw_id(77))), &[]).await;
    check(format!("before={}", encode(&second)), &["needle 1"]).await;
    check(format!("after={}", encode(&second)), &["needle 3", "needle 2"]).await;
    check(format!("after={}&before={}", encode(&second), encode(&third)), &["needle 2"]).await;
}

async fn pages_go_on_where_the_last_one_ended(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[]).await, world.thread(ADA, &[]).await);
    let mut expected = Vec::new();
    for number in 0..6 {
        let thread = if number % 2 == 0 { &thread } else { &other };
        expected.push(world.send(ADA, thread, "needle").await);
        world.send(ADA, thread, "hay").await;
    }
    expected.reverse();
    let mut target = Some("/trunkline/chat/search?q=needle&maxPageSize=2".to_owned());
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = target {
        let answer = world.call(ADA, Call::get(page)).await.expect(200);
        let results = answer.body["value"].as_array().expect("a page");
        sizes.push(results.len());
        seen.extend(results.iter().map(|result| text(&result["message"]["id"])));
        target = next(&answer);
        world.send(ADA, &thread, "needle meanwhile").await;
    }
    assert_eq!((seen, sizes), (expected, vec![2, 2, 2]));
}

async fn many_hidden_matches_hide_nothing_else(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.add(ADA, &thread, BOB, "2000-01-01T00:00:00Z").await;
    world.send(BOB, &thread, "needle of Bob").await;
    // More than are looked at together.
    for _ in 0..520 {
        world.send(ADA, &thread, "needle").await;
    }
    let query = format!("q=needle&from={}", encode(&raw_id(BOB)));
    assert_eq!(found(&world, ADA, &query).await, ["needle of Bob"]);
}

async fn many_threads_are_searched_together(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.send(ADA, &thread, "needle").await;
    let resource = world.resources.view("dev").id;
    let phrases = world.chat.keyed_query(resource, "needle").expect("a query");
    let threads: Vec<ThreadNumber> = (1..=1000).map(ThreadNumber).collect();
    let find = world.app.store.read(move |tx| {
        let some = list_candidates(tx, &threads, &phrases, i64::MAX, 10)?;
        let none = list_candidates(tx, &threads[1..], &phrases, i64::MAX, 10)?;
        Ok::<_, ChatError>((some.len(), none.len()))
    });
    assert_eq!(find.await.expect("a search"), (1, 0));
}

async fn search_can_be_switched_off(store: TestStore) {
    let world = World::with(store, LimitSet::Generous, |settings| settings.search = false).await;
    let thread = world.thread(ADA, &[]).await;
    world.send(ADA, &thread, "needle").await;
    search(&world, ADA, "q=needle").await.expect_error(404, "NotFound");
}

async fn bad_queries_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    for (query, target) in [
        (String::new(), "q"),
        ("q=".to_owned(), "q"),
        ("q=%20!%22%22-".to_owned(), "q"),
        (format!("q={}", "x".repeat(257)), "q"),
        ("q=1%202%203%204%205%206%207%208%209%2010%2011".to_owned(), "q"),
        ("q=x&before=yesterday".to_owned(), "before"),
        ("q=x&after=1".to_owned(), "after"),
        ("q=x&maxPageSize=0".to_owned(), "maxPageSize"),
        ("q=x&continuationToken=x".to_owned(), "continuationToken"),
    ] {
        search(&world, ADA, &query).await.expect_invalid(target);
    }
    assert!(found(&world, ADA, &format!("q={}", "x".repeat(256))).await.is_empty());
    let other = format!("q=x&thread={}", encode(&thread));
    search(&world, BOB, &other).await.expect_error(403, "Forbidden");
    for unknown in ["19:unknown@thread.v2", "", "%00"] {
        search(&world, ADA, &format!("q=x&thread={unknown}")).await.expect_error(404, "NotFound");
    }
}

async fn strangers_find_nothing(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_callers(&Call::get("/trunkline/chat/search?q=x")).await;
    let empty: Value = json!({ "value": [] });
    assert_eq!(search(&world, ADA, "q=x").await.expect(200).body, empty);
}
