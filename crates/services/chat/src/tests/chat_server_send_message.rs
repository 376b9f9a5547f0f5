//! `ChatServer_SendMessage`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, identifier, text};
use super::live::{Live, next};
use super::server_calls::{expect_conflict, import_at, server_at, thread_from_elsewhere};

on_both_engines!(SLICES;
    it_is_the_participants_own_message,
    the_name_in_the_thread_is_shown_unless_another_is_given,
    participants_are_told,
    only_for_those_who_take_part,
    bad_messages_are_refused,
    nothing_is_said_while_a_thread_is_imported,
    other_credentials_say_nothing,
);

async fn send(world: &World, thread: &str, body: &Value) -> Answer {
    world.serve(Call::post(server_at(thread, "/messages")).json(body)).await
}

async fn it_is_the_participants_own_message(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let body = json!({ "sender": identifier(BOB), "content": "<b>x</b><script>y</script>", "type": "html" });
    let sent = send(&world, &thread, &body).await.expect(201);
    let id = text(&sent.body["id"]);
    let location = format!("{}{}/{id}", app::ORIGIN, server_at(&thread, "/messages"));
    assert_eq!(sent.header("location"), location);
    let message = world.message(ADA, &thread, &id).await;
    assert_eq!(message["senderCommunicationIdentifier"], identifier(BOB));
    assert_eq!((&message["type"], &message["content"]["message"]), (&json!("html"), &json!("<b>x</b>")));
    assert_eq!(world.event_kinds().await, ["chat.thread_created", "chat.message_sent"]);
    let usage = ("ChatServer_SendMessage".to_owned(), "chat.messages".to_owned(), 1);
    assert_eq!(world.usage().await, [usage]);
    let detail = json!({ "message": id, "sender": super::harness::raw_id(BOB) });
    assert_eq!(world.audited().await, [("ChatServer_SendMessage".to_owned(), thread.clone(), detail)]);
    // It is theirs to edit.
    let path = super::harness::at(&thread, &format!("/messages/{id}"));
    let patch = json!({ "content": "mine" });
    world.call(BOB, Call::new("PATCH", path).json(&patch)).await.expect(204);
}

async fn the_name_in_the_thread_is_shown_unless_another_is_given(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut bob = super::harness::participant(BOB);
    bob["displayName"] = json!("Bob");
    let call = Call::post(server_at(&thread, "/participants/:add")).json(&json!({ "participants": [bob] }));
    world.serve(call).await.expect(201);
    for (given, expected) in [(None, "Bob"), (Some("Support"), "Support")] {
        let mut body = json!({ "sender": { "rawId": super::harness::raw_id(BOB) }, "content": "x" });
        if let Some(given) = given {
            body["senderDisplayName"] = json!(given);
        }
        let id = text(&send(&world, &thread, &body).await.expect(201).body["id"]);
        let message = world.message(ADA, &thread, &id).await;
        assert_eq!(message["senderDisplayName"], json!(expected));
    }
}

async fn participants_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let thread = live.world.thread(ADA, &[BOB]).await;
    let mut ada = live.connect(ADA, "ada-1").await;
    let body = json!({ "sender": identifier(BOB), "content": "hello" });
    send(&live.world, &thread, &body).await.expect(201);
    let told = next(&mut ada).await.body;
    assert_eq!((&told["eventId"], &told["messageBody"]), (&json!(200), &json!("hello")));
    assert_eq!(told["senderId"], json!(super::harness::raw_id(BOB)));
}

async fn only_for_those_who_take_part(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.remove(ADA, &thread, BOB).await;
    let events = world.app.events().await;
    for (sender, target) in [
        (identifier(BOB), "sender"),
        (identifier(EVE), "sender"),
        (json!({}), "sender"),
        (json!({ "rawId": "8:acs:x" }), "sender"),
    ] {
        let body = json!({ "sender": sender, "content": "x" });
        send(&world, &thread, &body).await.expect_invalid(target);
    }
    send(&world, &thread, &json!({ "content": "x" })).await.expect_invalid("body");
    assert_eq!((world.app.events().await, world.audited().await.len()), (events, 0));
}

async fn bad_messages_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let with = |rest: Value| {
        let mut body = json!({ "sender": identifier(ADA), "content": "x" });
        let Value::Object(rest) = rest else { panic!("an object") };
        body.as_object_mut().expect("an object").extend(rest);
        body
    };
    for (body, target) in [
        (with(json!({ "content": " " })), "content"),
        (with(json!({ "type": "topicUpdated" })), "type"),
        (with(json!({ "metadata": { "a": "x".repeat(8192) } })), "metadata"),
        (with(json!({ "senderDisplayName": "x".repeat(257) })), "senderDisplayName"),
        (with(json!({ "attachments": [{ "id": "x", "attachmentType": "image" }] })), "attachments"),
    ] {
        send(&world, &thread, &body).await.expect_invalid(target);
    }
    let large = with(json!({ "content": "x".repeat(28 * 1024 + 1) }));
    send(&world, &thread, &large).await.expect_error(413, "MessageSizeExceeded");
    send(&world, "19:unknown@thread.v2", &with(json!({}))).await.expect_error(404, "NotFound");
    assert_eq!(world.messages(ADA, &thread).await.len(), 2);
    assert_eq!((world.usage().await, world.audited().await.len()), (vec![], 0));
}

async fn nothing_is_said_while_a_thread_is_imported(store: TestStore) {
    let world = World::new(store).await;
    let id = "19:imported@thread.v2";
    let people = [super::harness::participant(ADA)];
    let import = Call::new("PUT", import_at(id, "")).json(&thread_from_elsewhere(&people));
    world.serve(import).await.expect(200);
    let body = json!({ "sender": identifier(ADA), "content": "x" });
    expect_conflict(send(&world, id, &body).await, "ChatThreadImporting");
}

async fn other_credentials_say_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let body = json!({ "sender": identifier(ADA), "content": "x" });
    let call = Call::post(server_at(&thread, "/messages")).json(&body);
    world.refuses_other_resources(&call, true).await;
}
