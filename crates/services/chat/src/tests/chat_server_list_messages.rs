//! `ChatServer_ListMessages`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::context::encode;

use super::harness::{ADA, BOB, SLICES, World, date, identifier, next, text};
use super::server_calls::server_at;

on_both_engines!(SLICES;
    all_messages_of_anybody_are_listed,
    pages_neither_skip_nor_repeat,
    only_versions_since_a_time,
    answers_and_names_are_shown,
    other_credentials_see_nothing,
);

fn ids(page: &Value) -> Vec<String> {
    page["value"].as_array().expect("a page").iter().map(|message| text(&message["id"])).collect()
}

async fn all_messages_of_anybody_are_listed(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let sent = world.now();
    let id = world.send(BOB, &thread, "hello").await;
    let page = world.serve(Call::get(server_at(&thread, "/messages"))).await.expect(200).body;
    let expected = json!({
        "id": id, "type": "text", "sequenceId": "3", "version": id, "content": { "message": "hello" },
        "senderDisplayName": "", "createdOn": date(sent), "senderCommunicationIdentifier": identifier(BOB),
    });
    assert_eq!(page["value"][0], expected);
    // Exactly what participants see.
    assert_eq!(page["value"], json!(world.messages(ADA, &thread).await));
    world.remove(ADA, &thread, BOB).await;
    world.remove(ADA, &thread, ADA).await;
    let page = world.serve(Call::get(server_at(&thread, "/messages"))).await.expect(200).body;
    assert_eq!(ids(&page).len(), 5);
}

async fn pages_neither_skip_nor_repeat(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let mut sent = Vec::new();
    for number in 0..4 {
        sent.push(world.send(ADA, &thread, &number.to_string()).await);
    }
    let mut target = Some(server_at(&thread, "/messages?maxPageSize=3"));
    let mut seen = Vec::new();
    while let Some(page) = target {
        let answer = world.serve(Call::get(page)).await.expect(200);
        seen.extend(ids(&answer.body));
        target = next(&answer);
        world.send(ADA, &thread, "meanwhile").await;
    }
    sent.reverse();
    assert_eq!((&seen[..4], seen.len()), (&sent[..], 6));
}

async fn only_versions_since_a_time(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    world.send(ADA, &thread, "old").await;
    let start = world.now();
    let new = world.send(ADA, &thread, "new").await;
    let target = server_at(&thread, &format!("/messages?startTime={}", date(start)));
    assert_eq!(ids(&world.serve(Call::get(target)).await.expect(200).body), [new]);
    let bad = server_at(&thread, "/messages?startTime=yesterday");
    world.serve(Call::get(bad)).await.expect_invalid("startTime");
}

async fn answers_and_names_are_shown(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(ADA, &thread, "question").await;
    let mentions = json!([{ "identifier": identifier(ADA), "text": "@Ada" }]);
    let body = json!({ "content": "answer @Ada", "replyTo": id, "mentions": mentions });
    let path = format!("/trunkline/chat/threads/{}/messages", encode(&thread));
    world.call(BOB, Call::post(path).json(&body)).await.expect(201);
    let page = world.serve(Call::get(server_at(&thread, "/messages"))).await.expect(200).body;
    assert_eq!((&page["value"][0]["replyTo"], &page["value"][0]["mentions"]), (&json!(id), &mentions));
    assert_eq!((page["value"][1].get("replyTo"), page["value"][1].get("mentions")), (None, None));
}

async fn other_credentials_see_nothing(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let call = Call::get(server_at(&thread, "/messages"));
    world.refuses_other_resources(&call, true).await;
    world.app.call(call.bearer("app:data:contributor:1")).await.expect(200);
}
