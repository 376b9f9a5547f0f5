//! `Users_Create`.

use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{DEV, OTHER, SLICES, USERS, World, raw_id, text};

on_both_engines!(SLICES;
    a_user_is_created_and_audited,
    given_ids_are_kept,
    contributors_may_create,
    a_taken_id_is_a_conflict,
    bad_ids_and_labels_are_refused,
    an_unknown_resource_is_not_found,
);

async fn a_user_is_created_and_audited(store: TestStore) {
    let world = World::new(store).await;
    let new = json!({ "labels": { "name": "Ada", "empty": "" } });
    let answer = world.operate("contributor", Call::post(USERS).json(&new)).await.expect(201);
    let id = text(&answer.body["id"]);
    assert!(id.starts_with(&format!("8:acs:{DEV}_")), "{id}");
    let shown = json!({ "id": id, "labels": new["labels"], "createdOn": world.now().to_rfc3339() });
    assert_eq!(answer.body, shown);
    assert_eq!(world.users().await, [(DEV.to_owned(), id.clone(), world.now())]);
    assert_eq!(world.app.count("identity_labels").await, 2);
    assert_eq!(world.app.events().await, Vec::<Value>::new());
    let audited = world.app.newest_audit("Users_Create", "contributor", &answer).await;
    assert_eq!(audited, (id.clone(), json!({ "labels": new["labels"] })));
    // The published operations know the user.
    let token = world.token(&id, &["chat"]).await;
    assert!(world.verify(&token).await.is_ok());
    world.operate("contributor", Call::post(USERS)).await.expect(201);
    assert_eq!(world.users().await.len(), 2);
}

async fn given_ids_are_kept(store: TestStore) {
    let world = World::new(store).await;
    let guid = "AAAAAAAA-0000-4000-8000-000000000001";
    for (given, kept) in [
        (raw_id(1), raw_id(1)),
        (guid.to_owned(), format!("8:acs:{DEV}_{}", guid.to_lowercase())),
        ("8:spool:an-old-id".to_owned(), "8:spool:an-old-id".to_owned()),
        (format!("8:orgid:{guid}"), format!("8:orgid:{guid}")),
        (format!("8:acs:{DEV}_{guid}_{guid}"), format!("8:acs:{DEV}_{guid}_{guid}")),
    ] {
        let call = Call::post(USERS).json(&json!({ "id": given }));
        assert_eq!(world.operate("owner", call).await.expect(201).body["id"], kept);
        let token = world.token(&kept, &["chat"]).await;
        assert_eq!(world.verify(&token).await.expect("valid").0, kept);
    }
    assert_eq!(world.users().await.len(), 5);
}

async fn contributors_may_create(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("contributor", &Call::post(USERS).json(&json!({}))).await;
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn a_taken_id_is_a_conflict(store: TestStore) {
    let world = World::new(store).await;
    let create = || {
        let new = json!({ "id": raw_id(1), "labels": { "a": "b" } });
        world.operate("owner", Call::post(USERS).json(&new))
    };
    let (first, second) = tokio::join!(create(), create());
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let token = world.token(&raw_id(1), &["chat"]).await;
    let taken = create().await.expect_error(409, "IdentityAlreadyExists");
    assert_eq!(taken.body["error"]["target"], "id");
    assert!(world.verify(&token).await.is_ok(), "the user that was there is untouched");
    assert_eq!(world.users().await.len(), 1);
    assert_eq!(world.app.audit_log().await.len(), 1);
}

async fn bad_ids_and_labels_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let create = |new: Value| world.operate("owner", Call::post(USERS).json(&new));
    for id in [
        "",
        "x",
        "4:+14255550123",
        "28:orgid:a",
        "8:acs:",
        "8:acs:a_b",
        "8:spool:with space",
        "8:spool:é",
        "8:spool:a?b",
        "8:orgid:~",
        &format!("8:acs:{OTHER}_{OTHER}"),
        &format!("8:spool:{}", "x".repeat(1024)),
    ] {
        create(json!({ "id": id })).await.expect_invalid("id");
    }
    let many: serde_json::Map<String, Value> =
        (0..51).map(|number| (format!("label{number}"), json!("x"))).collect();
    for labels in [
        json!({ "": "x" }),
        json!({ "x".repeat(65): "x" }),
        json!({ "x": "y".repeat(257) }),
        Value::Object(many),
    ] {
        create(json!({ "labels": labels })).await.expect_invalid("labels");
    }
    for body in [json!({ "id": 7 }), json!({ "labels": { "a": 1 } }), json!({ "labels": null }), json!([])] {
        create(body).await.expect_invalid("body");
    }
    create(json!({ "labels": { "a": "\u{0}" } })).await.expect_error(400, "BadRequest");
    assert_eq!(world.users().await, []);
    assert_eq!(world.app.audit_log().await.len(), 0);
    create(json!({ "labels": { "ü".repeat(64): "ü".repeat(256) } })).await.expect(201);
}

async fn an_unknown_resource_is_not_found(store: TestStore) {
    let world = World::new(store).await;
    let create =
        |name: &str| world.operate("owner", Call::post(format!("/trunkline/resources/{name}/users")));
    create("nobody").await.expect_error(404, "NotFound");
    create("-").await.expect_invalid("name");
    create("other").await.expect(201);
    assert_eq!(world.users().await[0].0, OTHER);
}
