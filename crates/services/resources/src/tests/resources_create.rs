//! `Resources_Create`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::harness::{RESOURCES, SLICES, World, woken};

const ID: &str = "2dee53b4-368b-45b4-ab52-8493fb117652";

on_both_engines!(SLICES;
    a_resource_is_created_with_fresh_id_and_keys,
    given_id_and_keys_are_kept,
    owners_may_create,
    taken_names_and_ids_are_conflicts,
    bad_names_and_fields_are_refused,
    a_repeated_creation_has_one_effect,
);

async fn a_resource_is_created_with_fresh_id_and_keys(store: TestStore) {
    let world = World::empty(store);
    let mut changes = world.changes();
    // Asked for before it is there: what is not there must not stay in memory.
    world.operate("reader", Call::get(format!("{RESOURCES}/dev"))).await.expect_error(404, "NotFound");
    world.who("localhost:8443", &[1; 64]).await.expect_error(404, "NotFound");
    let answer = world.operate("owner", Call::new("PUT", format!("{RESOURCES}/Dev"))).await.expect(201);
    let id = answer.body["id"].as_str().expect("a GUID").to_owned();
    let shown = json!({
        "name": "dev", "id": id, "hostName": "localhost", "endpoint": app::ORIGIN, "resourceGroup": "default",
        "dataLocation": "Local", "tags": {}, "createdOn": world.now().to_rfc3339(),
    });
    assert_eq!(answer.body, shown);
    assert!(id.parse::<uuid::Uuid>().is_ok());
    assert_eq!(world.rows().await, [1, 2, 0]);
    woken(&mut changes).await;
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    let audited = world.app.newest_audit("Resources_Create", "owner", &answer).await;
    assert_eq!(audited, ("dev".to_owned(), json!({ "id": id, "dataLocation": "Local" })));
    let [primary, secondary] = world.keys("dev").await;
    assert_eq!((primary.len(), secondary.len()), (64, 64));
    assert_ne!(primary, secondary);
    for (key, slot) in [(primary, "primary"), (secondary, "secondary")] {
        let answer = world.who("localhost:8443", &key).await.expect(200);
        assert_eq!(answer.body, json!({ "resource": "dev", "key": slot }));
    }
}

async fn given_id_and_keys_are_kept(store: TestStore) {
    let world = World::new(store).await;
    let (primary, secondary) = ([5; 64], [6; 16]);
    let body = json!({
        "id": ID.to_uppercase(), "dataLocation": "Europe", "tags": { "env": "test", "": "x" },
        "primaryKey": STANDARD.encode(primary), "secondaryKey": STANDARD.encode(secondary),
    });
    world.create("contoso", &body).await.expect_invalid("tags");
    let mut body = body;
    body["tags"].as_object_mut().expect("an object").remove("");
    let answer = world.create("contoso", &body).await.expect(201);
    assert_eq!(answer.body["id"], ID);
    assert_eq!(answer.body["hostName"], "contoso.comm.example");
    assert_eq!(answer.body["endpoint"], "https://contoso.comm.example:8443");
    assert_eq!(answer.body["dataLocation"], "Europe");
    assert_eq!(answer.body["tags"], json!({ "env": "test" }));
    assert_eq!(world.keys("contoso").await, [primary.to_vec(), secondary.to_vec()]);
    let who = world.who("contoso.comm.example:8443", &secondary).await.expect(200);
    assert_eq!(who.body, json!({ "resource": "contoso", "key": "secondary" }));
    world.who("localhost:8443", &primary).await.expect_denied("SignatureMismatch");
    let audited = world.app.newest_audit("Resources_Create", "owner", &answer).await;
    assert_eq!(audited.1, json!({ "id": ID, "dataLocation": "Europe" }), "no key in the log");
}

async fn owners_may_create(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::new("PUT", format!("{RESOURCES}/new")).json(&json!({}));
    world.takes_operators_from("owner", &call).await;
    assert_eq!(world.rows().await, [3, 6, 0]);
}

async fn taken_names_and_ids_are_conflicts(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({ "id": ID });
    let create = || world.create("new", &body);
    let (first, second) = tokio::join!(create(), create());
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let keys = world.keys("new").await;
    create().await.expect_error(409, "NameAlreadyExists");
    world.create("NEW", &json!({})).await.expect_error(409, "NameAlreadyExists");
    world.create("newer", &json!({ "id": ID })).await.expect_error(409, "IdAlreadyExists");
    assert_eq!(world.keys("new").await, keys);
    assert_eq!(world.rows().await, [3, 6, 0]);
    assert_eq!(world.app.audit_log().await.len(), 3);
}

async fn bad_names_and_fields_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for name in ["-a", "a-", "a_b", "a.b", "%C3%A9", "a%2Fb", "%00", &"x".repeat(64)] {
        world.create(name, &json!({})).await.expect_invalid("name");
    }
    let short = STANDARD.encode([1; 15]);
    let long = STANDARD.encode([1; 257]);
    for key in ["", "x", "====", "*", &short, &long] {
        world.create("new", &json!({ "primaryKey": key })).await.expect_invalid("primaryKey");
        world.create("new", &json!({ "secondaryKey": key })).await.expect_invalid("secondaryKey");
    }
    for location in [String::new(), "x".repeat(65)] {
        world.create("new", &json!({ "dataLocation": location })).await.expect_invalid("dataLocation");
    }
    let many: serde_json::Map<String, Value> = (0..51).map(|tag| (format!("t{tag}"), json!(""))).collect();
    for tags in [Value::Object(many), json!({ "x".repeat(513): "" }), json!({ "a": "x".repeat(257) })] {
        world.create("new", &json!({ "tags": tags })).await.expect_invalid("tags");
    }
    for body in [json!({ "id": "x" }), json!({ "id": 1 }), json!({ "tags": [] }), json!([]), json!("x")] {
        world.create("new", &body).await.expect_invalid("body");
    }
    world.create("new", &json!({ "dataLocation": "\u{0}" })).await.expect_error(400, "BadRequest");
    assert_eq!(world.rows().await, [2, 4, 0]);
}

async fn a_repeated_creation_has_one_effect(store: TestStore) {
    let world = World::new(store).await;
    let create = |body: Value| {
        let call = Call::new("PUT", format!("{RESOURCES}/new")).header("Repeatability-Request-ID", "a");
        world.operate("owner", call.json(&body))
    };
    let first = create(json!({})).await.expect(201);
    let keys = world.keys("new").await;
    let second = create(json!({})).await.expect(201);
    assert_eq!(first.body, second.body);
    assert_eq!(world.keys("new").await, keys);
    create(json!({ "dataLocation": "x" })).await.expect_invalid("repeatability-request-id");
    assert_eq!(world.app.audit_log().await.len(), 3);
}
