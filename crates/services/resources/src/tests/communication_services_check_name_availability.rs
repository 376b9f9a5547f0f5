//! `CommunicationServices_CheckNameAvailability`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::arm::KIND;
use super::harness::{SLICES, World};

on_both_engines!(SLICES; names_are_free_taken_or_impossible, readers_may_ask, wrong_questions_are_refused);

const TAIL: &str = "/providers/Microsoft.Communication/checkNameAvailability";

async fn ask(world: &World, body: &Value) -> Answer {
    world.manage("reader", Call::post(world.arm(TAIL).await).json(body)).await
}

async fn names_are_free_taken_or_impossible(store: TestStore) {
    let world = World::new(store).await;
    let audited = world.app.audit_log().await.len();
    let free = ask(&world, &json!({ "name": "new", "type": KIND.to_lowercase() })).await.expect(200);
    assert_eq!(free.body, json!({ "nameAvailable": true }));
    for (name, reason) in [
        ("dev", "AlreadyExists"),
        ("DEV", "AlreadyExists"),
        ("", "Invalid"),
        ("a_b", "Invalid"),
        ("-", "Invalid"),
    ] {
        let answer = ask(&world, &json!({ "name": name, "type": KIND })).await.expect(200);
        assert_eq!((&answer.body["nameAvailable"], &answer.body["reason"]), (&json!(false), &json!(reason)));
        assert!(answer.body["message"].is_string());
    }
    assert_eq!(world.app.audit_log().await.len(), audited);
}

async fn readers_may_ask(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(world.arm(TAIL).await).json(&json!({ "name": "new", "type": KIND }));
    world.takes_managers_from("reader", &call).await;
    world.manage("reader:2", call).await.expect(200);
}

async fn wrong_questions_are_refused(store: TestStore) {
    let world = World::new(store).await;
    ask(&world, &json!({ "type": KIND })).await.expect_invalid("name");
    ask(&world, &json!({ "name": "new" })).await.expect_invalid("type");
    ask(&world, &json!({ "name": "new", "type": "Microsoft.Web/sites" })).await.expect_invalid("type");
    ask(&world, &json!({ "name": 1, "type": KIND })).await.expect_invalid("body");
    let elsewhere =
        format!("/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652{TAIL}?api-version=2025-09-01");
    let call = Call::post(elsewhere).json(&json!({ "name": "new", "type": KIND }));
    world.manage("reader", call).await.expect_error(404, "SubscriptionNotFound");
}
