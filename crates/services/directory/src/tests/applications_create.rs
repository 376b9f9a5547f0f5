//! `Applications_Create`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, World, text, woken};

on_both_engines!(SLICES;
    an_application_is_created_and_audited,
    given_client_ids_are_kept,
    taken_names_and_ids_are_conflicts,
    bad_names_and_addresses_are_refused,
    owners_may_create,
);

const GUID: &str = "aaaaaaaa-0000-4000-8000-000000000001";

async fn an_application_is_created_and_audited(store: TestStore) {
    let world = World::new(store).await;
    let mut changes = world.changes();
    let new = json!({ "name": "shop", "redirectUris": ["http://localhost/done"], "isManagedIdentity": true });
    let answer = world.post(APPLICATIONS, &new).await.expect(201);
    let (client_id, object_id) = (text(&answer.body["clientId"]), text(&answer.body["objectId"]));
    assert_ne!(client_id, object_id);
    let shown = json!({
        "clientId": client_id, "objectId": object_id, "name": "shop", "credentials": [],
        "redirectUris": ["http://localhost/done"], "isManagedIdentity": true,
        "createdOn": world.now().to_rfc3339(),
    });
    assert_eq!(answer.body, shown);
    assert_eq!(world.rows().await, [1, 0, 0, 0]);
    woken(&mut changes).await;
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    let audited = world.app.newest_audit("Applications_Create", "owner", &answer).await;
    assert_eq!(audited, (client_id, new));
    assert!(world.is_known(&answer.body["objectId"]).await);
    assert!(!world.is_known(&answer.body["clientId"]).await, "tokens name the object id");
}

async fn given_client_ids_are_kept(store: TestStore) {
    let world = World::new(store).await;
    let new = json!({ "name": "shop", "clientId": GUID.to_uppercase() });
    assert_eq!(world.post(APPLICATIONS, &new).await.expect(201).body["clientId"], GUID);
}

async fn taken_names_and_ids_are_conflicts(store: TestStore) {
    let world = World::new(store).await;
    world.post(APPLICATIONS, &json!({ "name": "shop", "clientId": GUID })).await.expect(201);
    let world = &world;
    let post = |new: Value| async move { world.post(APPLICATIONS, &new).await };
    post(json!({ "name": "shop" })).await.expect_error(409, "NameAlreadyExists");
    post(json!({ "name": "till", "clientId": GUID })).await.expect_error(409, "IdAlreadyExists");
    world.nothing_changed([1, 0, 0, 0], 1).await;
    let (first, second) = tokio::join!(post(json!({ "name": "bar" })), post(json!({ "name": "bar" })));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

async fn bad_names_and_addresses_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for name in ["", " shop", "shop ", "a\nb", GUID, &"x".repeat(121)] {
        world.post(APPLICATIONS, &json!({ "name": name })).await.expect_invalid("name");
    }
    for uri in ["http://shop.example/", "https://shop.example/#x", "https://*.example/", "shop://done", ""] {
        let new = json!({ "name": "shop", "redirectUris": [uri] });
        world.post(APPLICATIONS, &new).await.expect_invalid("redirectUris");
    }
    for body in [json!({}), json!([]), json!({ "name": 1 }), json!({ "name": "shop", "clientId": "no" })] {
        world.post(APPLICATIONS, &body).await.expect_invalid("body");
    }
    world.operate("owner", Call::post(APPLICATIONS)).await.expect_error(415, "UnsupportedMediaType");
    world.nothing_changed([0; 4], 0).await;
}

async fn owners_may_create(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::post(APPLICATIONS).json(&json!({ "name": "shop" }));
    world.takes_operators_from("owner", &call).await;
}
