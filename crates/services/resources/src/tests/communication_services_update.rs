//! `CommunicationServices_Update`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{SLICES, World, woken};

on_both_engines!(SLICES;
    what_is_named_changes_and_the_rest_stays,
    keys_can_be_switched_off,
    contributors_may_change,
    wrong_places_and_fields_are_refused,
);

const DOMAIN: &str = "/subscriptions/2dee53b4-368b-45b4-ab52-8493fb117652/resourceGroups/rg/providers/\
                      Microsoft.Communication/emailServices/mail/domains/contoso.com";

async fn patch(world: &World, name: &str, body: &Value) -> Answer {
    let call = Call::new("PATCH", world.service(name, "").await).json(body);
    world.manage("contributor", call).await
}

async fn what_is_named_changes_and_the_rest_stays(store: TestStore) {
    let world = World::new(store).await;
    let mut changes = world.changes();
    world.app.clock().advance(std::time::Duration::from_secs(1));
    let first = patch(&world, "dev", &json!({ "tags": { "a": "1", "b": "2" } })).await.expect(200);
    assert_eq!(first.body["tags"], json!({ "a": "1", "b": "2" }));
    let linked = json!({ "properties": { "linkedDomains": [DOMAIN], "dataLocation": "ignored" } });
    let second = patch(&world, "dev", &linked).await.expect(200);
    assert_eq!(second.body["tags"], first.body["tags"]);
    assert_eq!(second.body["properties"]["linkedDomains"], json!([DOMAIN]));
    assert_eq!(second.body["properties"]["dataLocation"], "Local");
    let third = patch(&world, "dev", &json!({ "tags": { "c": "" } })).await.expect(200);
    assert_eq!(third.body["tags"], json!({ "c": "" }), "the whole set is replaced");
    assert_eq!(third.body["properties"]["linkedDomains"], json!([DOMAIN]));
    assert_eq!(third.body["systemData"]["lastModifiedAt"], world.now().to_rfc3339());
    assert_eq!(third.body["systemData"]["lastModifiedBy"], "app:management:contributor");
    let audited = world.newest_of("CommunicationServices_Update", "contributor", &third).await;
    assert_eq!(audited, ("dev".to_owned(), json!({ "changed": ["tags"], "disableLocalAuth": false })));
    woken(&mut changes).await;
    assert_eq!(world.app.events().await.len(), 0);
    let shown = world.manage("reader", Call::get(world.service("dev", "").await)).await.expect(200);
    assert_eq!(shown.body, third.body);
    assert_eq!(patch(&world, "dev", &json!({})).await.expect(200).body["tags"], json!({ "c": "" }));
}

async fn keys_can_be_switched_off(store: TestStore) {
    let world = World::new(store).await;
    let [key, _] = world.keys("dev").await;
    world.who("localhost:8443", &key).await.expect(200);
    patch(&world, "dev", &json!({ "properties": { "disableLocalAuth": true } })).await.expect(200);
    world.who("localhost:8443", &key).await.expect_denied("LocalAuthDisabled");
    patch(&world, "dev", &json!({ "properties": { "disableLocalAuth": false } })).await.expect(200);
    world.who("localhost:8443", &key).await.expect(200);
}

async fn contributors_may_change(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::new("PATCH", world.service("dev", "").await).json(&json!({ "tags": {} }));
    world.takes_managers_from("contributor", &call).await;
    world.operate("reader", call.clone()).await.expect_error(403, "Forbidden");
    world.operate("contributor", call).await.expect(200);
}

async fn wrong_places_and_fields_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_wrong_places("PATCH", "", &json!({})).await;
    patch(&world, "nobody", &json!({})).await.expect_error(404, "ResourceNotFound");
    patch(&world, "dev", &json!({ "tags": { "<": "" } })).await.expect_invalid("tags");
    let linked = json!({ "properties": { "linkedDomains": ["contoso.com"] } });
    patch(&world, "dev", &linked).await.expect_invalid("properties.linkedDomains");
    let closed = json!({ "properties": { "publicNetworkAccess": "Disabled" } });
    patch(&world, "dev", &closed).await.expect_invalid("properties.publicNetworkAccess");
    patch(&world, "dev", &json!({ "tags": { "a": null } })).await.expect_invalid("body");
    patch(&world, "dev", &json!({ "identity": { "type": "Sometimes" } })).await.expect_invalid("body");
    let stale =
        Call::new("PATCH", world.service("dev", "").await).json(&json!({})).header("if-match", "\"x\"");
    world.manage("owner", stale).await.expect_error(412, "PreconditionFailed");
}
