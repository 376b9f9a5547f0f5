//! `CommunicationServices_RegenerateKey`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};
use uuid::Uuid;

use super::harness::{DEV, SLICES, World, decode, woken};

on_both_engines!(SLICES; one_key_changes_at_once, owners_may_regenerate, wrong_places_and_keys_are_refused);

async fn regenerate(world: &World, name: &str, body: &Value) -> Answer {
    let call = Call::post(world.service(name, "/regenerateKey").await).json(body);
    world.manage("owner", call).await
}

async fn one_key_changes_at_once(store: TestStore) {
    let world = World::new(store).await;
    let mut changes = world.changes();
    for (kind, index) in [("Primary", 0), ("secondary", 1), ("PRIMARY", 0)] {
        let before = world.keys("dev").await;
        world.who("localhost:8443", &before[index]).await.expect(200);
        let answer = regenerate(&world, "dev", &json!({ "keyType": kind })).await.expect(200);
        let after = ["primaryKey", "secondaryKey"].map(|field| decode(&answer.body[field]));
        assert_ne!(after[index], before[index]);
        assert_eq!(after[1 - index], before[1 - index]);
        assert_eq!(world.keys("dev").await, after);
        world.who("localhost:8443", &before[index]).await.expect_denied("SignatureMismatch");
        world.who("localhost:8443", &after[index]).await.expect(200);
        let (target, detail) = world.newest_of("CommunicationServices_RegenerateKey", "owner", &answer).await;
        assert_eq!((target.as_str(), &detail["key"]), ("dev", &json!(kind.to_lowercase())));
    }
    woken(&mut changes).await;
    let subjects: Vec<Value> =
        world.app.events().await.iter().map(|event| event["subject"].clone()).collect();
    let id = Uuid::from_u128(DEV);
    let expected = ["primary", "secondary", "primary"].map(|slot| json!(format!("{id}/{slot}")));
    assert_eq!(subjects, expected);
}

async fn owners_may_regenerate(store: TestStore) {
    let world = World::new(store).await;
    let call =
        Call::post(world.service("dev", "/regenerateKey").await).json(&json!({ "keyType": "Primary" }));
    world.operate("contributor", call.clone()).await.expect_error(403, "Forbidden");
    world.takes_managers_from("owner", &call).await;
}

async fn wrong_places_and_keys_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_wrong_places("POST", "/regenerateKey", &json!({ "keyType": "Primary" })).await;
    regenerate(&world, "nobody", &json!({ "keyType": "Primary" }))
        .await
        .expect_error(404, "ResourceNotFound");
    for body in
        [json!({}), json!({ "keyType": "" }), json!({ "keyType": "tertiary" }), json!({ "keyType": null })]
    {
        regenerate(&world, "dev", &body).await.expect_invalid("keyType");
    }
    regenerate(&world, "dev", &json!({ "keyType": 1 })).await.expect_invalid("body");
    assert_eq!(world.app.events().await, Vec::<Value>::new());
}
