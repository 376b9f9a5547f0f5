//! `ChatThread_SendChatMessage`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at, date, identifier, url};

on_both_engines!(SLICES;
    a_message_is_kept_as_it_was_sent,
    messages_at_one_instant_follow_each_other,
    html_is_cleaned,
    text_is_not_touched,
    large_and_blank_messages_are_refused,
    bad_requests_send_nothing,
    strangers_send_nothing,
    removed_participants_send_nothing,
    acs_limits_apply_to_each_thread,
);

async fn send(world: &World, number: u32, thread: &str, body: &Value) -> Answer {
    world.call(number, Call::post(at(thread, "/messages")).json(body)).await
}

async fn a_message_is_kept_as_it_was_sent(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let (now, id) = (world.now(), world.now_ms().to_string());
    let body = json!({
        "content": "Grüße 😀 <b>\"\\", "senderDisplayName": "Bob", "type": "text",
        "metadata": { "a": "1", "b": "" },
    });
    let sent = send(&world, BOB, &thread, &body).await.expect(201);
    assert_eq!(sent.body, json!({ "id": id }));
    assert_eq!(sent.header("location"), format!("{}/messages/{id}", url(&thread)));
    let expected = json!({
        "id": id, "type": "text", "sequenceId": "3", "version": id, "createdOn": date(now),
        "content": { "message": "Grüße 😀 <b>\"\\" }, "senderDisplayName": "Bob",
        "senderCommunicationIdentifier": identifier(BOB), "metadata": { "a": "1", "b": "" },
    });
    assert_eq!(world.message(ADA, &thread, &id).await, expected);
    assert_eq!(world.messages(ADA, &thread).await[0], expected);
    let event = world.app.events().await.pop().expect("an event");
    assert_eq!(event["kind"], json!("chat.message_sent"));
    assert_eq!(event["payload"], json!({ "thread": 1, "change": 3 }));
    let counted = ("ChatThread_SendChatMessage".to_owned(), "chat.messages".to_owned(), 1);
    assert_eq!(world.usage().await, [counted]);
    let item = world.call(ADA, Call::get(super::harness::threads())).await.expect(200);
    assert_eq!(item.body["value"][0]["lastMessageReceivedOn"], json!(date(now)));
}

async fn messages_at_one_instant_follow_each_other(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let now = world.now_ms();
    for number in 0..3 {
        let sent = send(&world, ADA, &thread, &json!({ "content": "x" })).await.expect(201);
        assert_eq!(sent.body["id"], json!((now + number).to_string()));
    }
    let messages = world.messages(ADA, &thread).await;
    let sequences: Vec<_> = messages.iter().map(|message| message["sequenceId"].clone()).collect();
    assert_eq!(sequences, ["5", "4", "3", "2", "1"]);
    // None was given: the name is empty, not absent.
    assert_eq!(messages[0]["senderDisplayName"], json!(""));
    assert_eq!(messages[0].get("metadata"), None);
}

async fn html_is_cleaned(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.now_ms().to_string();
    let body = json!({ "content": "<p onclick=x>hi</p><script>y</script>", "type": "html" });
    send(&world, ADA, &thread, &body).await.expect(201);
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!((&message["type"], &message["content"]["message"]), (&json!("html"), &json!("<p>hi</p>")));
}

async fn text_is_not_touched(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, " <script>y</script>\n").await;
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!(message["content"], json!({ "message": " <script>y</script>\n" }));
}

async fn large_and_blank_messages_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let largest = "x".repeat(28 * 1024);
    send(&world, ADA, &thread, &json!({ "content": largest })).await.expect(201);
    for body in [
        json!({ "content": format!("{largest}x") }),
        json!({ "content": "😀".repeat(7 * 1024 + 1) }),
        json!({ "content": "<".repeat(8 * 1024), "type": "html" }),
    ] {
        send(&world, ADA, &thread, &body).await.expect_error(413, "MessageSizeExceeded");
    }
    for body in [
        json!({ "content": "" }),
        json!({ "content": " \n" }),
        json!({ "content": "<script>x</script>", "type": "html" }),
    ] {
        send(&world, ADA, &thread, &body).await.expect_invalid("content");
    }
    assert_eq!(world.app.count("chat_messages").await, 3);
    assert_eq!(world.usage().await.len(), 1);
}

async fn bad_requests_send_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let attached = |attachment: Value| json!({ "content": "x", "attachments": [attachment] });
    for (body, target) in [
        (json!({}), "body"),
        (json!({ "content": null }), "body"),
        (json!({ "content": 1 }), "body"),
        (json!({ "content": "x", "type": "topicUpdated" }), "type"),
        (json!({ "content": "x", "type": "participantAdded" }), "type"),
        (json!({ "content": "x", "type": "markdown" }), "body"),
        (json!({ "content": "x", "senderDisplayName": "x".repeat(257) }), "senderDisplayName"),
        (json!({ "content": "x", "metadata": { "a": "x".repeat(8192) } }), "metadata"),
        (json!({ "content": "x", "metadata": { "": "x" } }), "metadata"),
        (json!({ "content": "\u{0}" }), "body"),
        (attached(json!({ "id": "unknown", "attachmentType": "image" })), "attachments"),
        (attached(json!({ "id": "x", "attachmentType": "file" })), "attachments"),
    ] {
        send(&world, ADA, &thread, &body).await.expect_invalid(target);
    }
    assert_eq!(world.app.count("chat_messages").await, 2);
    assert_eq!(world.event_kinds().await.len(), 1);
}

async fn strangers_send_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let call = Call::post(at(&thread, "/messages")).json(&json!({ "content": "x" }));
    world.refuses_others(&call, &["chat", "chat.join", "chat.join.limited"]).await;
    assert_eq!(world.app.count("chat_messages").await, 2);
    let unknown = Call::post(at("19:unknown@thread.v2", "/messages")).json(&json!({ "content": "x" }));
    world.call(ADA, unknown).await.expect_error(404, "NotFound");
}

async fn removed_participants_send_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &thread, BOB).await;
    let refused = send(&world, BOB, &thread, &json!({ "content": "x" })).await;
    let refused = refused.expect_error(403, "Forbidden");
    assert_eq!(refused.body["error"]["innererror"]["code"], json!("NotAParticipant"));
    world.add(ADA, &thread, BOB, "1970-01-01T00:00:00Z").await;
    send(&world, BOB, &thread, &json!({ "content": "x" })).await.expect(201);
}

async fn acs_limits_apply_to_each_thread(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let (one, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[]).await);
    let body = json!({ "content": "x" });
    for number in 0..10 {
        send(&world, if number % 2 == 0 { ADA } else { BOB }, &one, &body).await.expect(201);
    }
    send(&world, BOB, &one, &body).await.expect_error(429, "TooManyRequests");
    send(&world, ADA, &other, &body).await.expect(201);
    let large = json!({ "content": "x", "metadata": { "a": "x".repeat(1024) } });
    send(&world, ADA, &other, &large).await.expect_invalid("metadata");
}
