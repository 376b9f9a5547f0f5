//! `CommunicationServices_Delete`.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use uuid::Uuid;

use super::harness::{OTHER, SLICES, World, woken};

on_both_engines!(SLICES;
    a_resource_goes_and_can_be_polled,
    an_owner_of_the_resource_alone_has_nothing_to_poll,
    contributors_may_delete,
    wrong_places_are_refused,
    requests_under_way_end_with_the_resource,
);

async fn a_resource_goes_and_can_be_polled(store: TestStore) {
    let world = World::new(store).await;
    let [key, _] = world.keys("other").await;
    world.who(app::OTHER_HOST, &key).await.expect(200);
    let mut changes = world.changes();
    let call = Call::delete(world.service("Other", "").await);
    let answer = world.manage("contributor", call.clone()).await.expect(202);
    assert_eq!(answer.body, Value::Null);
    world.who(app::OTHER_HOST, &key).await.expect_error(404, "NotFound");
    world.succeeded("contributor", &answer).await;
    world.follow("contributor", answer.header("location")).await.expect(204);
    assert_eq!(world.rows().await, [1, 2, 0]);
    woken(&mut changes).await;
    let id = json!(Uuid::from_u128(OTHER));
    let event = json!({
        "resource": id, "kind": crate::RESOURCE_DELETED, "subject": id, "payload": { "name": "other" },
    });
    assert_eq!(world.app.events().await, [event]);
    let audited = world.newest_of("CommunicationServices_Delete", "contributor", &answer).await;
    assert_eq!(audited, ("other".to_owned(), json!({ "id": id })));
    // What is gone is gone.
    world.manage("contributor", call).await.expect(204);
    assert_eq!(world.app.events().await.len(), 1);
}

async fn an_owner_of_the_resource_alone_has_nothing_to_poll(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::delete(world.service("other", "").await);
    let answer = world.manage("owner:2", call).await.expect(200);
    assert_eq!(answer.header("azure-asyncoperation"), "");
    assert_eq!(world.rows().await, [1, 2, 0]);
}

async fn contributors_may_delete(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::delete(world.service("dev", "").await);
    world.operate("contributor", call.clone()).await.expect_error(403, "Forbidden");
    world.takes_managers_from("contributor", &call).await;
    assert_eq!(world.rows().await, [1, 2, 0]);
}

async fn wrong_places_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.refuses_wrong_places("DELETE", "", &json!({})).await;
    world.put_group("rg").await.expect(201);
    let elsewhere = Call::delete(world.service_in("rg", "dev", "").await);
    world.manage("owner", elsewhere).await.expect(204);
    let stale = Call::delete(world.service("dev", "").await).header("if-match", "\"x\"");
    world.manage("owner", stale).await.expect_error(412, "PreconditionFailed");
    assert_eq!(world.rows().await, [2, 4, 0]);
}

async fn requests_under_way_end_with_the_resource(store: TestStore) {
    let world = World::new(store).await;
    let [key, _] = world.keys("other").await;
    let target = world.service("other", "").await;
    let keys = world.service("other", "/regenerateKey").await;
    let patch = Call::new("PATCH", target.clone()).json(&json!({ "tags": { "a": "b" } }));
    let regenerate = Call::post(keys).json(&json!({ "keyType": "Secondary" }));
    let delete = world.manage("owner", Call::delete(target.clone()));
    let before = join_all((0..8).map(|_| world.who(app::OTHER_HOST, &key)));
    let changes = join_all((0..4).map(|_| world.manage("owner:2", patch.clone())));
    let others = join_all((0..4).map(|_| world.manage("owner", regenerate.clone())));
    let ((asked, changed), (regenerated, deleted)) = join(join(before, changes), join(others, delete)).await;
    assert!([200, 202].contains(&deleted.status), "{}", deleted.body);
    for answer in asked.iter().chain(&changed).chain(&regenerated) {
        assert!([200, 401, 403, 404].contains(&answer.status), "{}: {}", answer.status, answer.body);
    }
    world.who(app::OTHER_HOST, &key).await.expect_error(404, "NotFound");
    world.manage("owner", Call::get(target)).await.expect_error(404, "ResourceNotFound");
    assert_eq!(world.rows().await, [1, 2, 0]);
    let deletions = world.app.events().await.iter().filter(|e| e["kind"] == crate::RESOURCE_DELETED).count();
    assert_eq!(deletions, 1);
}
