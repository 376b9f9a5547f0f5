//! `Resources_Delete`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, app, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{RESOURCES, SLICES, World, woken};

on_both_engines!(SLICES;
    a_resource_goes_with_its_keys,
    owners_may_delete,
    unknown_resources_are_not_found,
    a_resource_made_again_has_other_key_generations,
);

fn delete(name: &str) -> Call {
    Call::delete(format!("{RESOURCES}/{name}"))
}

async fn a_resource_goes_with_its_keys(store: TestStore) {
    let world = World::new(store).await;
    let [key, _] = world.keys("other").await;
    world.who(app::OTHER_HOST, &key).await.expect(200);
    let shown = world.operate("reader", Call::get(format!("{RESOURCES}/other"))).await.expect(200);
    let id = shown.body["id"].clone();
    let mut changes = world.changes();
    let answer = world.operate("owner", delete("Other")).await.expect(204);
    assert_eq!(world.rows().await, [1, 2, 0]);
    world.who(app::OTHER_HOST, &key).await.expect_error(404, "NotFound");
    woken(&mut changes).await;
    let event = json!({
        "resource": id, "kind": crate::RESOURCE_DELETED, "subject": id, "payload": { "name": "other" },
    });
    assert_eq!(world.app.events().await, [event]);
    let audited = world.app.newest_audit("Resources_Delete", "owner", &answer).await;
    assert_eq!(audited, ("other".to_owned(), json!({ "id": id })));
    let keys = Call::get(format!("{RESOURCES}/other/keys"));
    world.operate("owner", keys).await.expect_error(404, "NotFound");
}

async fn owners_may_delete(store: TestStore) {
    let world = World::new(store).await;
    world.create("new", &json!({})).await.expect(201);
    world.takes_operators_from("owner", &delete("new")).await;
    assert_eq!(world.rows().await, [2, 4, 0]);
}

async fn unknown_resources_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    world.operate("owner", delete("nobody")).await.expect_error(404, "NotFound");
    world.operate("owner", delete("no_name")).await.expect_invalid("name");
    assert_eq!(world.rows().await, [2, 4, 0]);
    assert_eq!(world.app.events().await.len(), 0);
}

async fn a_resource_made_again_has_other_key_generations(store: TestStore) {
    let world = World::new(store).await;
    let generation = || async {
        let name = "other".parse().expect("a name");
        let view = world.resources.directory().find(&name).await.expect("readable").expect("there");
        (view.id, view.key(KeySlot::Primary).generation)
    };
    let (id, before) = generation().await;
    world.operate("owner", delete("other")).await.expect(204);
    world.app.clock().advance(std::time::Duration::from_micros(1));
    world.create("other", &json!({ "id": id })).await.expect(201);
    let (again, after) = generation().await;
    assert_eq!(id, again);
    assert!(after > before, "tokens name the key's generation and must not come back to life");
}
