//! `ResourceChat_*`: what operators do in the threads of a resource, by the same handlers.

use serde_json::json;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};
use trunkline_web::context::encode;
use trunkline_web::{Allow, Operation, Peer};

use super::harness::{ADA, BOB, SLICES, World, at, participant, raw_id, token};
use super::server_calls::{message_from_elsewhere, thread_from_elsewhere};
use crate::operations::server::OPERATORS;

on_both_engines!(SLICES;
    operators_see_the_threads_of_the_resource_they_name,
    operators_delete_messages_and_threads,
    operators_import_threads,
    others_are_refused,
);

fn path(resource: &str, rest: &str) -> String {
    format!("/trunkline/resources/{resource}/chat{rest}")
}

/// Calls as whoever sits at the server.
async fn operate(world: &World, call: Call) -> Answer {
    world.app.call_from(call, Peer::Local).await
}

async fn operators_see_the_threads_of_the_resource_they_name(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "hello").await;
    let list = operate(&world, Call::get(path("dev", "/threads"))).await.expect(200).body;
    assert_eq!(list["value"][0]["id"], json!(thread));
    let of_bob = path("dev", &format!("/threads?participant={}", encode(&raw_id(BOB))));
    let list = operate(&world, Call::get(of_bob)).await.expect(200).body;
    assert_eq!(list["value"].as_array().map(Vec::len), Some(1));
    let one = path("dev", &format!("/threads/{}", encode(&thread)));
    assert_eq!(operate(&world, Call::get(&one)).await.expect(200).body["topic"], json!("Lunch"));
    let people = operate(&world, Call::get(format!("{one}/participants"))).await.expect(200).body;
    assert_eq!(people["value"].as_array().map(Vec::len), Some(2));
    let receipts = operate(&world, Call::get(format!("{one}/readReceipts"))).await.expect(200).body;
    assert_eq!(receipts, json!({ "value": [] }));
    let messages = operate(&world, Call::get(format!("{one}/messages"))).await.expect(200).body;
    assert_eq!(messages["value"][0], world.message(ADA, &thread, &id).await);
    // The other resource has its own threads, and one that is not there has none.
    let list = operate(&world, Call::get(path("other", "/threads"))).await.expect(200).body;
    assert_eq!(list, json!({ "value": [] }));
    let foreign = path("other", &format!("/threads/{}", encode(&thread)));
    operate(&world, Call::get(foreign)).await.expect_error(404, "NotFound");
    operate(&world, Call::get(path("nowhere", "/threads"))).await.expect_error(404, "NotFound");
}

async fn operators_delete_messages_and_threads(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    let id = world.send(BOB, &thread, "hello").await;
    let one = path("dev", &format!("/threads/{}", encode(&thread)));
    let deleted = operate(&world, Call::delete(format!("{one}/messages/{id}"))).await.expect(204);
    let row = world.app.newest_audit("ResourceChat_DeleteMessage", "local", &deleted).await;
    assert_eq!(row, (thread.clone(), json!({ "message": id })));
    assert_eq!(world.message(ADA, &thread, &id).await["content"], json!({ "message": "" }));
    let deleted = operate(&world, Call::delete(&one)).await.expect(204);
    let row = world.app.newest_audit("ResourceChat_DeleteThread", "local", &deleted).await;
    assert_eq!(row, (thread.clone(), json!({})));
    world.call(ADA, Call::get(at(&thread, ""))).await.expect_error(404, "NotFound");
}

async fn operators_import_threads(store: TestStore) {
    let world = World::new(store).await;
    let id = "19:imported@thread.v2";
    let one = path("dev", &format!("/import/threads/{}", encode(id)));
    let body = thread_from_elsewhere(&[participant(ADA)]);
    let imported = operate(&world, Call::new("PUT", &one).json(&body)).await.expect(200);
    let row = world.app.newest_audit("ResourceChat_ImportThread", "local", &imported).await;
    assert_eq!(row, (id.to_owned(), json!({ "isNew": true, "participants": 1 })));
    let sent = message_from_elsewhere(1, BOB, "hello");
    let body = json!({ "messages": [sent], "isLast": true });
    let call = Call::post(format!("{one}/messages:import")).json(&body);
    let imported = operate(&world, call).await.expect(200);
    let row = world.app.newest_audit("ResourceChat_ImportMessages", "local", &imported).await;
    assert_eq!(row, (id.to_owned(), json!({ "added": 1, "updated": 0, "readReceipts": 0, "isLast": true })));
    assert_eq!(world.messages(ADA, id).await, [sent]);
}

async fn others_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let id = world.send(ADA, &thread, "x").await;
    let before = world.messages(ADA, &thread).await;
    let call = |operation: &Operation| {
        let path = operation.path.replace("{name}", "dev").replace("{chatThreadId}", &encode(&thread));
        let call = Call::new(operation.method.as_str(), path.replace("{chatMessageId}", &id));
        if operation.body.schema().is_some() {
            call.json(&thread_from_elsewhere(&[participant(ADA)]))
        } else {
            call
        }
    };
    for operation in OPERATORS {
        let [Allow::Operator(least)] = operation.allow else { panic!("{} is for operators", operation.id) };
        let ask = |call: Call| world.app.call(call);
        ask(call(operation)).await.expect_denied("CredentialsMissing");
        let user = ask(call(operation).bearer(&token(&raw_id(ADA), "chat"))).await;
        user.expect_error(403, "Forbidden");
        let key = world.resources.key("dev", trunkline_web::KeySlot::Primary);
        ask(call(operation).signed(&key)).await.expect_error(403, "Forbidden");
        ask(call(operation).bearer("app:data:owner")).await.expect_error(403, "Forbidden");
        if least.as_str() != "reader" {
            ask(call(operation).bearer("reader")).await.expect_error(403, "Forbidden");
        }
    }
    assert_eq!((world.messages(ADA, &thread).await, world.app.audit_log().await.len()), (before, 0));
}
