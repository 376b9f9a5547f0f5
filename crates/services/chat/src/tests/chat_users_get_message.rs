//! `ChatUsers_GetMessage`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, identifier, own, text};

on_both_engines!(SLICES;
    reactions_are_counted_as_the_caller_sees_them,
    a_deleted_message_names_nobody,
    what_is_no_message_is_not_found,
    removed_participants_see_what_came_before,
    strangers_see_nothing,
);

async fn reactions_are_counted_as_the_caller_sees_them(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    for (number, emoji) in [(BOB, "👍"), (ADA, "❤"), (ADA, "👍")] {
        world.react(number, &thread, &id, emoji).await;
        world.advance_ms(1000);
    }
    let shown = async |number: u32| {
        let call = Call::get(own(&thread, &format!("/messages/{id}")));
        world.call(number, call).await.expect(200).body["reactions"].clone()
    };
    let summary =
        |emoji: &str, count: u32, is_own: bool| json!({ "emoji": emoji, "count": count, "isOwn": is_own });
    assert_eq!(shown(ADA).await, json!([summary("👍", 2, true), summary("❤", 1, true)]));
    assert_eq!(shown(BOB).await, json!([summary("👍", 2, true), summary("❤", 1, false)]));
}

async fn a_deleted_message_names_nobody(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let first = world.send(ADA, &thread, "x").await;
    let body = json!({
        "content": "@Ada", "replyTo": first, "clientMessageId": "c",
        "mentions": [{ "identifier": identifier(ADA), "text": "@Ada" }],
    });
    let sent = world.call(BOB, Call::post(own(&thread, "/messages")).json(&body)).await.expect(201);
    let id = text(&sent.body["id"]);
    world.react(ADA, &thread, &id, "👍").await;
    world.call(BOB, Call::delete(at(&thread, &format!("/messages/{id}")))).await.expect(204);
    let mut expected = world.message(ADA, &thread, &id).await;
    expected["replyTo"] = json!(first);
    expected["reactions"] = json!([]);
    let call = Call::get(own(&thread, &format!("/messages/{id}")));
    assert_eq!(world.call(ADA, call).await.expect(200).body, expected);
    assert_eq!(expected["content"], json!({ "message": "" }));
}

async fn what_is_no_message_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[]).await, world.thread(ADA, &[]).await);
    let id = world.send(ADA, &thread, "x").await;
    let since = world.now();
    world.add(ADA, &thread, EVE, &date(since)).await;
    for (number, thread, id) in [
        (ADA, &*thread, "1"),
        (ADA, &thread, "abc"),
        (ADA, &other, &id),
        (ADA, "19:unknown@thread.v2", &id),
        (EVE, &thread, &id),
    ] {
        let call = Call::get(own(thread, &format!("/messages/{id}")));
        world.call(number, call).await.expect_error(404, "NotFound");
    }
}

async fn removed_participants_see_what_came_before(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let before = world.send(ADA, &thread, "before").await;
    world.remove(ADA, &thread, BOB).await;
    let after = world.send(ADA, &thread, "after").await;
    let ask = async |id: &str| world.call(BOB, Call::get(own(&thread, &format!("/messages/{id}")))).await;
    assert_eq!(ask(&before).await.expect(200).body["content"]["message"], json!("before"));
    ask(&after).await.expect_error(404, "NotFound");
}

async fn strangers_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let call = Call::get(own(&thread, &format!("/messages/{id}")));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
}
