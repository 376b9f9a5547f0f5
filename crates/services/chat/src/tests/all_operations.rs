//! A walk over every published operation of the service.

use std::collections::BTreeSet;

use serde_json::json;
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::context::encode;
use trunkline_web::{Allow, KeySlot, Operation, RequestBody};

use super::harness::{ADA, SLICES, World, participant, raw_id, raw_id_in, token};
use crate::operations;

on_both_engines!(SLICES;
    every_operation_is_routed,
    only_users_of_the_resource_call,
    threads_of_other_resources_are_not_found,
    errors_say_what_is_wrong,
);

fn published() -> impl Iterator<Item = &'static Operation> {
    operations::all().filter(|operation| operation.service == "chat" && !operation.versions.is_empty())
}

/// What users call, published or not.
fn of_users() -> impl Iterator<Item = &'static Operation> {
    let is_for_users = |allow: &Allow| matches!(allow, Allow::User(_));
    operations::all()
        .filter(move |operation| operation.service == "chat" && operation.allow.iter().any(is_for_users))
}

/// A call that would be understood with the right credentials.
fn call(operation: &Operation, thread: &str) -> Call {
    let path = operation.path.replace("{chatThreadId}", &encode(thread));
    let path = path.replace("{chatMessageId}", "1").replace("{imageId}", "1");
    let path = path.replace("{imageViewType}", "small").replace("{emoji}", "x");
    let call = Call::new(operation.method.as_str(), format!("{path}?api-version=2025-03-15"));
    let body = json!({
        "topic": "x", "content": "x", "chatMessageId": "1", "rawId": raw_id(ADA),
        "participants": [participant(ADA)], "identifiers": [],
    });
    match operation.body {
        RequestBody::None => call,
        RequestBody::Binary | RequestBody::Text => call.body("application/octet-stream", "x"),
        _ => call.json(&body),
    }
}

async fn every_operation_is_routed(store: TestStore) {
    let world = World::new(store).await;
    let routed: Vec<_> = world.chat.routes().operations().map(|operation| operation.id).collect();
    let listed: Vec<_> = operations::all().map(|operation| operation.id).collect();
    assert_eq!(routed.iter().collect::<BTreeSet<_>>(), listed.iter().collect::<BTreeSet<_>>());
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len());
    assert_eq!(published().count(), 20);
}

async fn only_users_of_the_resource_call(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let events = world.app.events().await;
    let key = world.resources.key("dev", KeySlot::Primary);
    let ask = |call: Call| world.app.call(call);
    assert!(published().all(|operation| of_users().any(|other| other.id == operation.id)));
    for operation in of_users() {
        assert!(operation.allow.iter().all(|allow| matches!(allow, Allow::User(_))), "{}", operation.id);
        ask(call(operation, &thread)).await.expect_denied("CredentialsMissing");
        ask(call(operation, &thread).signed(&key)).await.expect_error(403, "Forbidden");
        for other in ["owner", "app:data:owner", "app:data:owner:1"] {
            ask(call(operation, &thread).bearer(other)).await.expect_error(403, "Forbidden");
        }
        let voice = token(&raw_id(ADA), "voip,voip.join");
        ask(call(operation, &thread).bearer(&voice)).await.expect_error(403, "Forbidden");
        let foreign = call(operation, &thread).host(app::OTHER_HOST).bearer(&token(&raw_id(ADA), "chat"));
        ask(foreign).await.expect_denied("TokenOfAnotherResource");
    }
    assert_eq!(world.app.events().await, events);
}

async fn threads_of_other_resources_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let events = world.app.events().await;
    for operation in of_users().filter(|operation| operation.path.contains("{chatThreadId}")) {
        let their = token(&raw_id_in(2, ADA), "chat");
        let foreign = call(operation, &thread).host(app::OTHER_HOST).bearer(&their);
        world.app.call(foreign).await.expect_error(404, "NotFound");
        let unknown = call(operation, "19:unknown@thread.v2").bearer(&token(&raw_id(ADA), "chat"));
        world.app.call(unknown).await.expect_error(404, "NotFound");
    }
    assert_eq!(world.app.events().await, events);
}

async fn errors_say_what_is_wrong(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.call(ADA, Call::get("/chat/threads/19%3Ax%40thread.v2?api-version=2025-03-15")).await;
    let error = answer.expect_error(404, "NotFound").body["error"].clone();
    assert_eq!(error["innererror"]["code"], json!("ChatThreadNotFound"));
    assert_eq!(error["target"], json!("chatThreadId"));
}
