//! `ChatThread_UpdateChatThreadProperties`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World, at, identifier, text, threads};

on_both_engines!(SLICES;
    a_new_topic_is_told_by_a_message,
    metadata_is_merged,
    retention_is_set_and_removed,
    bad_patches_change_nothing,
    strangers_change_nothing,
    acs_limits_apply_to_each_thread,
);

async fn patch(world: &World, number: u32, thread: &str, body: &Value) -> Answer {
    let call = Call::new("PATCH", at(thread, "")).body("application/merge-patch+json", body.to_string());
    world.call(number, call).await
}

async fn shown(world: &World, thread: &str) -> Value {
    world.call(ADA, Call::get(at(thread, ""))).await.expect(200).body
}

async fn a_new_topic_is_told_by_a_message(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[BOB]).await;
    patch(&world, BOB, &id, &json!({ "topic": "Dinner" })).await.expect(204);
    assert_eq!(shown(&world, &id).await["topic"], json!("Dinner"));
    let newest = world.messages(ADA, &id).await.remove(0);
    assert_eq!((&newest["type"], &newest["sequenceId"]), (&json!("topicUpdated"), &json!("3")));
    let content = json!({ "topic": "Dinner", "initiatorCommunicationIdentifier": identifier(BOB) });
    assert_eq!(newest["content"], content);
    let kinds = world.event_kinds().await;
    assert_eq!(kinds, ["chat.thread_created", "chat.thread_properties_updated"]);
}

async fn metadata_is_merged(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({ "topic": "x", "metadata": { "keep": "1", "change": "2", "null": "3", "empty": "4" } });
    let made = world.call(ADA, Call::post(threads()).json(&body)).await.expect(201);
    let id = text(&made.body["chatThread"]["id"]);
    let change = json!({ "metadata": { "change": "y", "null": null, "empty": "", "add": "z" } });
    patch(&world, ADA, &id, &change).await.expect(204);
    let merged = json!({ "keep": "1", "change": "y", "add": "z" });
    assert_eq!(shown(&world, &id).await["metadata"], merged);
    assert_eq!(world.messages(ADA, &id).await.len(), 2);
    assert_eq!(world.event_kinds().await.len(), 2);
    // Nothing that is named changes nothing.
    patch(&world, ADA, &id, &json!({})).await.expect(204);
    assert_eq!(world.event_kinds().await.len(), 2);
    let large = json!({ "metadata": { "large": "x".repeat(1010) } });
    patch(&world, ADA, &id, &large).await.expect_invalid("metadata");
    assert_eq!(shown(&world, &id).await["metadata"], merged);
    patch(&world, ADA, &id, &json!({ "metadata": null })).await.expect(204);
    assert_eq!(shown(&world, &id).await.get("metadata"), None);
}

async fn retention_is_set_and_removed(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[]).await;
    let jobs = || world.app.count("jobs WHERE kind = 'chat.retention'");
    assert_eq!(jobs().await, 0);
    let policy = json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": 30 });
    patch(&world, ADA, &id, &json!({ "retentionPolicy": policy })).await.expect(204);
    assert_eq!(shown(&world, &id).await["retentionPolicy"], policy);
    assert_eq!(jobs().await, 1);
    for none in [json!({ "kind": "none" }), json!(null)] {
        patch(&world, ADA, &id, &json!({ "retentionPolicy": policy })).await.expect(204);
        patch(&world, ADA, &id, &json!({ "retentionPolicy": none })).await.expect(204);
        assert_eq!(shown(&world, &id).await["retentionPolicy"], json!({ "kind": "none" }));
        assert_eq!(jobs().await, 0);
    }
}

async fn bad_patches_change_nothing(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[]).await;
    let before = shown(&world, &id).await;
    let days = json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": 0 });
    for (body, target) in [
        (json!({ "topic": null }), "topic"),
        (json!({ "topic": "" }), "topic"),
        (json!({ "topic": "x".repeat(1001) }), "topic"),
        (json!({ "topic": 1 }), "body"),
        (json!([]), "body"),
        (json!({ "metadata": [] }), "body"),
        (json!({ "retentionPolicy": { "kind": "x" } }), "body"),
        (json!({ "retentionPolicy": days }), "retentionPolicy.deleteThreadAfterDays"),
    ] {
        patch(&world, ADA, &id, &body).await.expect_invalid(target);
    }
    assert_eq!(shown(&world, &id).await, before);
    assert_eq!(world.event_kinds().await.len(), 1);
}

async fn strangers_change_nothing(store: TestStore) {
    let world = World::new(store).await;
    let id = world.thread(ADA, &[BOB]).await;
    let call = Call::new("PATCH", at(&id, "")).json(&json!({ "topic": "y" }));
    world.refuses_others(&call, &["chat"]).await;
    world.remove(ADA, &id, BOB).await;
    world.call(BOB, call.clone()).await.expect_error(403, "Forbidden");
    assert_eq!(shown(&world, &id).await["topic"], json!("Lunch"));
    world.call(ADA, call).await.expect(204);
}

async fn acs_limits_apply_to_each_thread(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let (one, other) = (world.thread(ADA, &[BOB]).await, world.thread(ADA, &[BOB]).await);
    for number in [ADA, BOB, ADA, BOB, ADA] {
        patch(&world, number, &one, &json!({ "topic": "y" })).await.expect(204);
    }
    patch(&world, BOB, &one, &json!({ "topic": "z" })).await.expect_error(429, "TooManyRequests");
    patch(&world, BOB, &other, &json!({ "topic": "z" })).await.expect(204);
}
