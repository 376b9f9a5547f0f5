//! `ChatUsers_SendMessage`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, date, identifier, own, raw_id_in, text};

on_both_engines!(SLICES;
    a_reply_that_names_somebody_is_sent,
    a_message_without_extras_is_an_ordinary_one,
    the_same_name_sends_once,
    only_what_is_there_can_be_answered,
    only_participants_can_be_named,
    bad_requests_are_refused,
    strangers_send_nothing,
);

async fn send(world: &World, number: u32, thread: &str, body: &Value) -> Answer {
    world.call(number, Call::post(own(thread, "/messages")).json(body)).await
}

async fn a_reply_that_names_somebody_is_sent(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let first = world.send(ADA, &thread, "Who comes?").await;
    let now = world.now();
    let body = json!({
        "content": "@Ada me", "senderDisplayName": "Bob", "metadata": { "k": "v" }, "replyTo": first,
        "mentions": [{ "identifier": identifier(ADA), "text": "@Ada" }], "clientMessageId": "c-1",
    });
    let answer = send(&world, BOB, &thread, &body).await.expect(201);
    let id = text(&answer.body["id"]);
    let mut published = json!({
        "id": id, "type": "text", "sequenceId": "4", "version": id, "createdOn": date(now),
        "content": { "message": "@Ada me" }, "senderDisplayName": "Bob", "metadata": { "k": "v" },
        "senderCommunicationIdentifier": identifier(BOB),
    });
    assert_eq!(world.message(ADA, &thread, &id).await, published);
    let extras = json!({
        "replyTo": first, "mentions": [{ "identifier": identifier(ADA), "text": "@Ada" }],
        "clientMessageId": "c-1", "reactions": [],
    });
    published.as_object_mut().expect("an object").extend(extras.as_object().expect("an object").clone());
    assert_eq!(answer.body, published);
    let place = own(&thread, &format!("/messages/{id}"));
    assert_eq!(answer.header("location"), format!("{}{place}", app::ORIGIN));
    assert_eq!(world.call(ADA, Call::get(place)).await.expect(200).body, published);
    assert_eq!(world.event_kinds().await.last().map(String::as_str), Some("chat.message_sent"));
    let counted = ("ChatUsers_SendMessage".to_owned(), "chat.messages".to_owned(), 1);
    assert!(world.usage().await.contains(&counted));
}

async fn a_message_without_extras_is_an_ordinary_one(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let body = json!({ "content": "<b>x</b><script>y</script>", "type": "html" });
    let sent = send(&world, ADA, &thread, &body).await.expect(201).body;
    assert_eq!(sent["content"]["message"], json!("<b>x</b>"));
    for absent in ["replyTo", "mentions", "clientMessageId"] {
        assert_eq!(sent.get(absent), None, "{absent}");
    }
    assert_eq!(world.messages(ADA, &thread).await[0]["id"], sent["id"]);
}

async fn the_same_name_sends_once(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[]).await);
    let body = json!({ "content": "once", "clientMessageId": "c-1" });
    let first = send(&world, ADA, &thread, &body).await.expect(201);
    world.advance_ms(1000);
    let events = world.app.events().await;
    let again = json!({ "content": "another text", "clientMessageId": "c-1" });
    for body in [&body, &again] {
        let answer = send(&world, ADA, &thread, body).await.expect(200);
        assert_eq!((&answer.body, answer.header("location")), (&first.body, first.header("location")));
    }
    assert_eq!(world.app.events().await, events);
    assert_eq!(world.messages(ADA, &thread).await.len(), 3);
    let counted = ("ChatUsers_SendMessage".to_owned(), "chat.messages".to_owned(), 1);
    assert!(world.usage().await.contains(&counted));
    // Another sender's name and another thread's are others; no name is none.
    send(&world, BOB, &thread, &body).await.expect(201);
    send(&world, ADA, &other, &body).await.expect(201);
    for _ in 0..2 {
        send(&world, ADA, &thread, &json!({ "content": "x", "clientMessageId": "" })).await.expect(201);
    }
}

async fn only_what_is_there_can_be_answered(store: TestStore) {
    let world = World::new(store).await;
    let (thread, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[]).await);
    let elsewhere = world.send(ADA, &other, "elsewhere").await;
    let hidden = world.send(ADA, &thread, "before Eve").await;
    let deleted = world.send(ADA, &thread, "deleted").await;
    let path = super::harness::at(&thread, &format!("/messages/{deleted}"));
    world.call(ADA, Call::delete(path)).await.expect(204);
    let system = text(&world.messages(ADA, &thread).await.last().expect("a message")["id"]);
    world.add(ADA, &thread, EVE, &date(world.now())).await;
    let before = world.messages(ADA, &thread).await;
    for target in [&*elsewhere, &hidden, &deleted, &system, "1", "", "abc", "-1"] {
        let body = json!({ "content": "x", "replyTo": target });
        send(&world, EVE, &thread, &body).await.expect_invalid("replyTo");
    }
    assert_eq!(world.messages(ADA, &thread).await, before);
    let body = json!({ "content": "x", "replyTo": hidden });
    send(&world, BOB, &thread, &body).await.expect(201);
}

async fn only_participants_can_be_named(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &thread, BOB).await;
    let before = world.messages(ADA, &thread).await;
    let foreign = json!({ "rawId": raw_id_in(2, ADA) });
    for identifier in [identifier(BOB), identifier(EVE), foreign, json!({ "rawId": "4:+14255550123" })] {
        let body = json!({ "content": "x", "mentions": [{ "identifier": identifier, "text": "@" }] });
        send(&world, ADA, &thread, &body).await.expect_invalid("mentions");
    }
    assert_eq!(world.messages(ADA, &thread).await, before);
}

async fn bad_requests_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let refuse = async |body: Value, target: &str| {
        send(&world, ADA, &thread, &body).await.expect_invalid(target);
    };
    refuse(json!({ "content": " " }), "content").await;
    refuse(json!({ "replyTo": "1" }), "body").await;
    refuse(json!({ "content": "x", "type": "topicUpdated" }), "type").await;
    refuse(json!({ "content": "x", "clientMessageId": "x".repeat(129) }), "clientMessageId").await;
    refuse(json!({ "content": "x", "mentions": [{ "identifier": {}, "text": "@" }] }), "mentions").await;
    let blank = json!({ "identifier": identifier(ADA), "text": " " });
    refuse(json!({ "content": "x", "mentions": [blank] }), "mentions").await;
    let large = json!({ "content": "x".repeat(28 * 1024 + 1) });
    send(&world, ADA, &thread, &large).await.expect_error(413, "MessageSizeExceeded");
    assert_eq!(world.messages(ADA, &thread).await.len(), 2);
}

async fn strangers_send_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let call = Call::post(own(&thread, "/messages")).json(&json!({ "content": "x" }));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    world.remove(ADA, &thread, BOB).await;
    world.call(BOB, call).await.expect_error(403, "Forbidden");
    let unknown = Call::post(own("19:unknown@thread.v2", "/messages")).json(&json!({ "content": "x" }));
    world.call(ADA, unknown).await.expect_error(404, "NotFound");
}
