//! `ChatThread_ListChatMessages`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, next, text};

on_both_engines!(SLICES;
    pages_hold_every_message_once,
    what_is_edited_meanwhile_comes_at_the_end,
    only_versions_since_a_time,
    history_is_shared_from_a_time_on,
    old_messages_that_were_edited_are_passed_over,
    removed_participants_see_what_was_before,
    strangers_see_nothing,
    bad_queries_are_refused,
    acs_limits_apply_to_each_user_in_a_thread,
);

fn ids(messages: &[Value]) -> Vec<String> {
    messages.iter().map(|message| text(&message["id"])).collect()
}

async fn user_messages(world: &World, number: u32, thread: &str) -> Vec<String> {
    let messages = world.messages(number, thread).await;
    let written: Vec<Value> =
        messages.into_iter().filter(|message| message["type"] == json!("text")).collect();
    ids(&written)
}

async fn edit(world: &World, number: u32, thread: &str, id: &str, content: &str) {
    let path = at(thread, &format!("/messages/{id}"));
    world.call(number, Call::new("PATCH", path).json(&json!({ "content": content }))).await.expect(204);
    world.advance_ms(1000);
}

async fn pages_hold_every_message_once(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let mut sent = Vec::new();
    for number in 0..5 {
        sent.push(world.send(ADA, &thread, &number.to_string()).await);
    }
    sent.reverse();
    let mut target = Some(format!("{}&maxPageSize=3", at(&thread, "/messages")));
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = target {
        let answer = world.call(ADA, Call::get(page)).await.expect(200);
        let messages = answer.body["value"].as_array().expect("a page").clone();
        sizes.push(messages.len());
        seen.extend(ids(&messages));
        target = next(&answer);
        world.send(ADA, &thread, "meanwhile").await;
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(seen[..5], sent);
}

async fn what_is_edited_meanwhile_comes_at_the_end(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let old = world.send(ADA, &thread, "old").await;
    let new = world.send(ADA, &thread, "new").await;
    let target = format!("{}&maxPageSize=1", at(&thread, "/messages"));
    let first = world.call(ADA, Call::get(target)).await.expect(200);
    assert_eq!(first.body["value"][0]["id"], json!(new));
    edit(&world, ADA, &thread, &old, "edited").await;
    let mut rest = Vec::new();
    let mut link = next(&first);
    while let Some(page) = link {
        let answer = world.call(ADA, Call::get(page)).await.expect(200);
        rest.extend(answer.body["value"].as_array().expect("a page").clone());
        link = next(&answer);
    }
    let last = rest.last().expect("a message");
    assert_eq!((&last["id"], &last["content"]["message"]), (&json!(old), &json!("edited")));
    assert_eq!(rest.len(), 3);
    // A list that begins now has it at the front.
    assert_eq!(ids(&world.messages(ADA, &thread).await)[..2], [old, new]);
}

async fn only_versions_since_a_time(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let old = world.send(ADA, &thread, "old").await;
    world.send(ADA, &thread, "left out").await;
    let start = world.now();
    let new = world.send(ADA, &thread, "new").await;
    edit(&world, ADA, &thread, &old, "edited").await;
    let target = format!("{}&startTime={}", at(&thread, "/messages"), date(start));
    let answer = world.call(ADA, Call::get(target)).await.expect(200);
    assert_eq!(ids(answer.body["value"].as_array().expect("a page")), [old, new]);
}

async fn history_is_shared_from_a_time_on(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let hidden = world.send(ADA, &thread, "hidden").await;
    let since = world.now();
    let shown = world.send(ADA, &thread, "shown").await;
    world.add(ADA, &thread, BOB, &date(since)).await;
    world.add(ADA, &thread, EVE, "1970-01-01T00:00:00Z").await;
    assert_eq!(user_messages(&world, BOB, &thread).await, std::slice::from_ref(&shown));
    assert_eq!(user_messages(&world, EVE, &thread).await, [shown.clone(), hidden.clone()]);
    // An edit does not bring it back.
    edit(&world, ADA, &thread, &hidden, "edited").await;
    assert_eq!(user_messages(&world, BOB, &thread).await, [shown]);
    let get = Call::get(at(&thread, &format!("/messages/{hidden}")));
    world.call(BOB, get).await.expect_error(404, "NotFound");
}

async fn old_messages_that_were_edited_are_passed_over(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let mut old = Vec::new();
    for number in 0..5 {
        old.push(world.send(ADA, &thread, &number.to_string()).await);
    }
    world.advance_ms(10 * 60_000);
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    let first = world.send(ADA, &thread, "first").await;
    for id in &old {
        edit(&world, ADA, &thread, id, "edited").await;
    }
    let last = world.send(ADA, &thread, "last").await;
    let mut target = Some(format!("{}&maxPageSize=1", at(&thread, "/messages")));
    let mut seen = Vec::new();
    while let Some(page) = target {
        let answer = world.call(EVE, Call::get(page)).await.expect(200);
        seen.extend(ids(answer.body["value"].as_array().expect("a page")));
        target = next(&answer);
    }
    assert_eq!((&seen[..2], seen.len()), (&[last, first][..], 3));
}

async fn removed_participants_see_what_was_before(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let before = world.send(ADA, &thread, "before").await;
    world.remove(ADA, &thread, BOB).await;
    let after = world.send(ADA, &thread, "after").await;
    let seen = world.messages(BOB, &thread).await;
    assert_eq!(seen[0]["type"], json!("participantRemoved"));
    assert_eq!(
        seen[0]["content"]["participants"][0]["communicationIdentifier"]["rawId"],
        json!(super::harness::raw_id(BOB))
    );
    assert_eq!(user_messages(&world, BOB, &thread).await, [before]);
    let get = Call::get(at(&thread, &format!("/messages/{after}")));
    world.call(BOB, get).await.expect_error(404, "NotFound");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let call = Call::get(at(&thread, "/messages"));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}

async fn bad_queries_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[]).await, world.thread(ADA, &[]).await);
    for (query, target) in [
        ("maxPageSize=-1", "maxPageSize"),
        ("startTime=0", "startTime"),
        ("continuationToken=x", "continuationToken"),
    ] {
        let call = Call::get(format!("{}&{query}", at(&thread, "/messages")));
        world.call(ADA, call).await.expect_invalid(target);
    }
    let page = Call::get(format!("{}&maxPageSize=1", at(&thread, "/messages")));
    let link = next(&world.call(ADA, page).await.expect(200)).expect("another page");
    let (_, token) = link.split_once("continuationToken=").expect("a token");
    let elsewhere = Call::get(format!("{}&continuationToken={token}", at(&other, "/messages")));
    world.call(ADA, elsewhere).await.expect_invalid("continuationToken");
}

async fn acs_limits_apply_to_each_user_in_a_thread(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let thread = world.thread(ADA, &[BOB]).await;
    for _ in 0..50 {
        world.call(ADA, Call::get(at(&thread, "/messages"))).await.expect(200);
    }
    world.call(ADA, Call::get(at(&thread, "/messages"))).await.expect_error(429, "TooManyRequests");
    world.call(BOB, Call::get(at(&thread, "/messages"))).await.expect(200);
}
