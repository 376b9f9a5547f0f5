//! What connected clients are told of each change.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, date, identifier, participant, raw_id};
use super::live::{Live, expect_silence, nested, next, texts};

on_both_engines!(SLICES;
    messages_are_told_as_they_are_sent_edited_and_deleted,
    threads_and_participants_are_told,
    typing_and_receipts_are_told,
    history_that_is_not_shared_is_not_told,
    strangers_are_told_nothing,
    polling_clients_are_told_the_same,
    many_messages_come_in_order,
);

fn message(thread: &str, id: &str, event: u64, rest: Value) -> Value {
    let mut body = json!({
        "eventId": event, "senderId": raw_id(BOB), "recipientMri": raw_id(ADA), "groupId": thread,
        "messageId": id, "clientMessageId": "", "senderDisplayName": "Bob", "messageType": "Text",
    });
    let Value::Object(rest) = rest else { panic!("an object") };
    body.as_object_mut().expect("an object").extend(rest);
    body
}

async fn messages_are_told_as_they_are_sent_edited_and_deleted(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut ada = live.connect(ADA, "ada-1").await;
    let body = json!({
        "content": "hällo \" \\ %41 😀", "senderDisplayName": "Bob", "metadata": { "tag": "ü" },
    });
    let sent = world.call(BOB, Call::post(at(&thread, "/messages")).json(&body)).await.expect(201);
    let id = sent.body["id"].as_str().expect("an id").to_owned();
    let created = world.message(ADA, &thread, &id).await["createdOn"].clone();
    let told = next(&mut ada).await;
    let mut expected = message(
        &thread,
        &id,
        200,
        json!({
            "messageBody": "hällo \" \\ %41 😀", "version": id, "originalArrivalTime": created,
            "acsChatMessageMetadata": "{\"tag\":\"ü\"}",
        }),
    );
    assert_eq!((told.body, told.url.as_str()), (expected.clone(), "/v4/f/trunkline/"));

    let patch = json!({ "content": "new" });
    let path = at(&thread, &format!("/messages/{id}"));
    world.call(BOB, Call::new("PATCH", &path).json(&patch)).await.expect(204);
    let edited = world.message(ADA, &thread, &id).await;
    expected["eventId"] = json!(247);
    expected["messageBody"] = json!("new");
    expected["version"] = edited["version"].clone();
    expected["edittime"] = edited["editedOn"].clone();
    assert_eq!(next(&mut ada).await.body, expected);

    world.call(BOB, Call::delete(&path)).await.expect(204);
    let deleted = world.message(ADA, &thread, &id).await;
    let gone = json!({
        "version": deleted["version"], "originalArrivalTime": created, "deletetime": deleted["deletedOn"],
    });
    assert_eq!(next(&mut ada).await.body, message(&thread, &id, 248, gone));
    expect_silence(&mut ada).await;
}

async fn threads_and_participants_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let (mut ada, mut bob) = (live.connect(ADA, "ada-1").await, live.connect(BOB, "bob-1").await);
    let body = json!({
        "topic": "Tö 😀 %41", "metadata": { "k": "ü%25" }, "participants": [participant(BOB)],
        "retentionPolicy": { "kind": "threadCreationDate", "deleteThreadAfterDays": 60 },
    });
    let path = "/chat/threads?api-version=2025-03-15";
    let made = world.call(ADA, Call::post(path).json(&body)).await.expect(201);
    let thread = made.body["chatThread"]["id"].as_str().expect("an id").to_owned();
    let told = next(&mut bob).await.body;
    assert_eq!((&told["eventId"], &told["threadId"]), (&json!(257), &json!(thread)));
    assert_eq!((&told["senderId"], &told["recipientMri"]), (&json!(raw_id(ADA)), &json!(raw_id(BOB))));
    let properties = told["properties"].as_str().expect("a text");
    assert!(properties.is_ascii() && properties.contains("%2541") && properties.contains("\\ud83d\\ude00"));
    let members = nested(&told["members"]);
    assert_eq!(members.as_array().expect("a list").len(), 2);
    assert_eq!(members[1]["shareHistoryTime"], json!("1970-01-01T00:00:00.000Z"));
    assert_eq!(nested(&told["createdBy"])["participantId"], json!(raw_id(ADA)));
    let policy = r#"{"retentionPolicyType":"DeleteAfterCreationTime","executeAfter":"60.00:00:00"}"#;
    assert_eq!(nested(&told["properties"])["retentionPolicy"], json!(policy));
    assert_eq!(next(&mut ada).await.event_id, 257);

    let topic = json!({ "topic": "New" });
    world.call(BOB, Call::new("PATCH", at(&thread, "")).json(&topic)).await.expect(204);
    let told = next(&mut ada).await.body;
    assert_eq!((&told["eventId"], &told["senderId"]), (&json!(258), &json!(raw_id(BOB))));
    assert_eq!(nested(&told["properties"])["topic"], json!("New"));
    assert_eq!(next(&mut bob).await.event_id, 258);

    let mut eve = live.connect(EVE, "eve-1").await;
    world.add(ADA, &thread, EVE, "1970-01-01T00:00:00Z").await;
    let told = next(&mut eve).await.body;
    assert_eq!((&told["eventId"], &nested(&told["properties"])["topic"]), (&json!(257), &json!("New")));
    let told = next(&mut eve).await.body;
    assert_eq!(told["eventId"], json!(260));
    assert_eq!(nested(&told["participantsAdded"])[0]["participantId"], json!(raw_id(EVE)));
    assert_eq!(next(&mut bob).await.event_id, 260);
    assert_eq!(next(&mut ada).await.event_id, 260);

    world.remove(ADA, &thread, EVE).await;
    for client in [&mut ada, &mut bob, &mut eve] {
        let told = next(client).await.body;
        assert_eq!(told["eventId"], json!(261));
        assert_eq!(nested(&told["participantsRemoved"])[0]["participantId"], json!(raw_id(EVE)));
    }
    world.call(ADA, Call::delete(at(&thread, ""))).await.expect(204);
    for client in [&mut ada, &mut bob] {
        let told = next(client).await.body;
        assert_eq!((&told["eventId"], &told["reason"]), (&json!(259), &json!("deletedByUser")));
        assert_eq!(nested(&told["deletedBy"])["participantId"], json!(raw_id(ADA)));
    }
    for client in [&mut ada, &mut bob, &mut eve] {
        expect_silence(client).await;
    }
}

async fn typing_and_receipts_are_told(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "x").await;
    let (mut ada, mut bob) = (live.connect(ADA, "ada-1").await, live.connect(BOB, "bob-1").await);
    let typing = json!({ "senderDisplayName": "Bö" });
    world.call(BOB, Call::post(at(&thread, "/typing")).json(&typing)).await.expect(200);
    let told = next(&mut ada).await.body;
    assert_eq!((&told["eventId"], &told["senderDisplayName"]), (&json!(245), &json!("Bö")));
    assert_eq!((&told["groupId"], &told["senderId"]), (&json!(thread), &json!(raw_id(BOB))));

    let read = json!({ "chatMessageId": id });
    world.call(BOB, Call::post(at(&thread, "/readReceipts")).json(&read)).await.expect(200);
    for client in [&mut ada, &mut bob] {
        let told = next(client).await.body;
        assert_eq!((&told["eventId"], &told["messageId"]), (&json!(246), &json!(id)));
        let horizon = nested(&told["messageBody"]);
        assert_eq!(horizon["user"], json!(raw_id(BOB)));
        let horizon = horizon["consumptionhorizon"].as_str().expect("a text").to_owned();
        assert!(horizon.starts_with(&format!("{id};")) && horizon.ends_with(";0"), "{horizon}");
    }
    expect_silence(&mut bob).await;
}

async fn history_that_is_not_shared_is_not_told(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[]).await;
    let old = world.send(ADA, &thread, "before").await;
    world.add(ADA, &thread, BOB, &date(world.now())).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    let path = at(&thread, &format!("/messages/{old}"));
    world.call(ADA, Call::new("PATCH", &path).json(&json!({ "content": "edited" }))).await.expect(204);
    world.send(ADA, &thread, "after").await;
    let told = next(&mut bob).await;
    assert_eq!((told.event_id, &told.body["messageBody"]), (200, &json!("after")));
    expect_silence(&mut bob).await;
}

async fn strangers_are_told_nothing(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut eve = live.connect(EVE, "eve-1").await;
    let mut bob = live.connect(BOB, "bob-1").await;
    world.remove(ADA, &thread, BOB).await;
    assert_eq!(next(&mut bob).await.event_id, 261);
    world.send(ADA, &thread, "secret").await;
    let typing = Call::post(at(&thread, "/typing")).json(&json!({}));
    world.call(ADA, typing).await.expect(200);
    expect_silence(&mut eve).await;
    expect_silence(&mut bob).await;
}

async fn polling_clients_are_told_the_same(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB]).await;
    let mut bob = live.connect_polling(BOB, "bob-1").await;
    for text in ["ä 😀", "b", "c"] {
        world.send(ADA, &thread, text).await;
    }
    assert_eq!(texts(&mut bob, "c").await, ["ä 😀", "b", "c"]);
    expect_silence(&mut bob).await;
}

async fn many_messages_come_in_order(store: TestStore) {
    let live = Live::new(store).await;
    let world = &live.world;
    let thread = world.thread(ADA, &[BOB, EVE]).await;
    let mut bob = live.connect(BOB, "bob-1").await;
    send_at_once(world, &thread, 100).await;
    let listed: Vec<String> = world
        .messages(BOB, &thread)
        .await
        .iter()
        .rev()
        .filter(|message| message["type"] == json!("text"))
        .map(|message| message["content"]["message"].as_str().expect("text").to_owned())
        .collect();
    let last = listed.last().expect("messages").clone();
    assert_eq!(texts(&mut bob, &last).await, listed);
    expect_silence(&mut bob).await;
    assert_eq!(identifier(BOB)["rawId"], json!(raw_id(BOB)));
}

/// Sends from three people at once.
async fn send_at_once(world: &World, thread: &str, count: usize) {
    let send = |number: usize| async move {
        let sender = [ADA, BOB, EVE][number % 3];
        let body = json!({ "content": format!("message {number}") });
        world.call(sender, Call::post(at(thread, "/messages")).json(&body)).await.expect(201);
    };
    futures_util::future::join_all((0..count).map(send)).await;
}
