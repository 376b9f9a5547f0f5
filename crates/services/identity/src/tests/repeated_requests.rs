//! Repeatability headers: a request sent again has its effect once.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{CREATE, SLICES, USERS, World, identity_path, text};

on_both_engines!(SLICES;
    the_same_request_gives_the_same_identity_and_a_fresh_token,
    another_body_under_the_same_id_is_refused,
    a_record_is_forgotten_after_a_day,
    other_resources_principals_and_operations_do_not_see_it,
    malformed_headers_are_refused,
    no_secret_is_kept,
    two_tries_at_once_have_one_effect,
    a_repeated_creation_by_an_operator_is_audited_once,
);

fn repeated(id: &str, body: &Value) -> Call {
    Call::post(CREATE).header("Repeatability-Request-ID", id).json(body)
}

fn wish() -> Value {
    json!({ "createTokenWithScopes": ["chat"] })
}

async fn the_same_request_gives_the_same_identity_and_a_fresh_token(store: TestStore) {
    let world = World::new(store).await;
    let first = world.call(repeated("a", &wish())).await.expect(201);
    world.advance(Duration::from_secs(5));
    // The other key is the same caller: an application may switch keys between two tries.
    let other_key = world.resources.key("dev", KeySlot::Secondary);
    let second = world.app.call(repeated("a", &wish()).signed(&other_key)).await.expect(201);
    assert_eq!(first.body["identity"], second.body["identity"]);
    assert_ne!(first.body["accessToken"], second.body["accessToken"]);
    for answer in [first, second] {
        assert!(world.verify(&text(&answer.body["accessToken"]["token"])).await.is_ok());
    }
    assert_eq!(world.users().await.len(), 1);
    let third = world.call(repeated("b", &wish())).await.expect(201);
    assert_eq!(world.users().await.len(), 2);
    let gone = text(&third.body["identity"]["id"]);
    world.call(Call::delete(identity_path(&gone))).await.expect(204);
    world.call(repeated("b", &wish())).await.expect_error(404, "IdentityNotFound");
    assert_eq!(world.users().await.len(), 1);
}

async fn another_body_under_the_same_id_is_refused(store: TestStore) {
    let world = World::new(store).await;
    world.call(repeated("a", &wish())).await.expect(201);
    let other = json!({ "createTokenWithScopes": ["voip"] });
    world.call(repeated("a", &other)).await.expect_invalid("repeatability-request-id");
    let none = Call::post(CREATE).header("Repeatability-Request-ID", "a");
    world.call(none).await.expect_invalid("repeatability-request-id");
    assert_eq!(world.users().await.len(), 1);
    // A refused request leaves no record: the same id with a body that is right has its effect.
    world.call(repeated("c", &json!([]))).await.expect_invalid("body");
    world.call(repeated("c", &wish())).await.expect(201);
}

async fn a_record_is_forgotten_after_a_day(store: TestStore) {
    let world = World::new(store).await;
    let first = world.call(repeated("a", &wish())).await.expect(201);
    let first_sent = world.now().to_http_date();
    world.advance(Duration::from_hours(24).checked_sub(Duration::from_micros(1)).expect("positive"));
    let again = world.call(repeated("a", &wish())).await.expect(201);
    assert_eq!(first.body["identity"], again.body["identity"]);
    world.advance(Duration::from_micros(1));
    let next = world.call(repeated("a", &json!({}))).await.expect(201);
    assert_ne!(first.body["identity"], next.body["identity"]);
    assert_eq!(world.app.count("web_repeatability").await, 1, "the old record was replaced");
    world.advance(Duration::from_secs(1));
    let late = repeated("a", &wish()).header("Repeatability-First-Sent", first_sent);
    world.call(late).await.expect_invalid("repeatability-first-sent");
    assert_eq!(world.users().await.len(), 2);
    let now = world.now().plus(Duration::from_hours(24));
    let purged: Result<bool, trunkline_store::StoreError> = world
        .app
        .store
        .write(trunkline_store::Key::system("test"), move |tx| trunkline_web::repeatability::purge(tx, now))
        .await;
    assert_eq!(purged.ok(), Some(false));
    assert_eq!(world.app.count("web_repeatability").await, 0);
}

async fn other_resources_principals_and_operations_do_not_see_it(store: TestStore) {
    let world = World::new(store).await;
    world.call(repeated("a", &json!({}))).await.expect(201);
    let key = world.resources.key("other", KeySlot::Primary);
    let elsewhere = repeated("a", &json!({})).host(app::OTHER_HOST).signed(&key);
    world.app.call(elsewhere).await.expect(201);
    let as_operator = |role: &str, path: &str| {
        let call = Call::post(path).header("Repeatability-Request-ID", "a").json(&json!({}));
        world.app.call(call.bearer(role))
    };
    as_operator("owner", USERS).await.expect(201);
    as_operator("contributor", USERS).await.expect(201);
    as_operator("owner", "/trunkline/resources/other/users").await.expect(201);
    assert_eq!(world.users().await.len(), 5);
    as_operator("owner", USERS).await.expect(201);
    assert_eq!(world.users().await.len(), 5);
}

async fn malformed_headers_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for id in ["", &"x".repeat(129), "\u{e9}"] {
        world.call(repeated(id, &wish())).await.expect_invalid("repeatability-request-id");
    }
    let twice = repeated("a", &wish()).header("Repeatability-Request-ID", "b");
    world.call(twice).await.expect_invalid("repeatability-request-id");
    let no_date = repeated("a", &wish()).header("Repeatability-First-Sent", "yesterday");
    world.call(no_date).await.expect_invalid("repeatability-first-sent");
    assert_eq!(world.users().await, []);
    assert_eq!(world.app.count("web_repeatability").await, 0);
    let good = repeated(&"x".repeat(128), &wish());
    let date = world.now().to_http_date();
    world.call(good.header("Repeatability-First-Sent", date)).await.expect(201);
}

async fn no_secret_is_kept(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.call(repeated("the-request-id", &wish())).await.expect(201);
    let rows: Result<Vec<String>, trunkline_store::StoreError> = world
        .app
        .store
        .read(|tx| {
            let rows = tx.query_all("SELECT reference FROM web_repeatability", &[])?;
            rows.iter().map(|row| row.get(0)).collect()
        })
        .await;
    assert_eq!(rows.expect("readable"), [text(&answer.body["identity"]["id"])]);
}

async fn two_tries_at_once_have_one_effect(store: TestStore) {
    let world = World::new(store).await;
    for round in 0..5 {
        let id = format!("round-{round}");
        let answers =
            futures_util::future::join_all((0..4).map(|_| world.call(repeated(&id, &wish())))).await;
        let first = answers[0].body["identity"].clone();
        for answer in answers {
            assert_eq!(answer.expect(201).body["identity"], first);
        }
        assert_eq!(world.users().await.len(), round + 1);
    }
}

async fn a_repeated_creation_by_an_operator_is_audited_once(store: TestStore) {
    let world = World::new(store).await;
    let create = || {
        let call = Call::post(USERS).header("Repeatability-Request-ID", "a");
        world.operate("contributor", call.json(&json!({ "labels": { "a": "b" } })))
    };
    let first = create().await.expect(201);
    let second = create().await.expect(201);
    assert_eq!(first.body, second.body);
    assert_eq!(world.app.audit_log().await.len(), 1);
}
