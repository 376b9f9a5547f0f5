//! `Resources_RegenerateKey`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};
use trunkline_web::KeySlot;

use super::harness::{RESOURCES, SLICES, World, decode, woken};

on_both_engines!(SLICES;
    one_key_changes_and_the_other_stays,
    owners_may_regenerate,
    unknown_resources_and_slots_are_refused,
    regenerations_at_once_each_count,
    keys_sealed_anew_still_open,
);

fn regenerate(name: &str, slot: &str) -> Call {
    Call::post(format!("{RESOURCES}/{name}/keys/{slot}/:regenerate"))
}

async fn generations(world: &World) -> [i64; 2] {
    let name = "dev".parse().expect("a name");
    let view = world.resources.directory().find(&name).await.expect("readable").expect("there");
    KeySlot::ALL.map(|slot| view.key(slot).generation)
}

async fn one_key_changes_and_the_other_stays(store: TestStore) {
    let world = World::new(store).await;
    let [primary, secondary] = world.keys("dev").await;
    for key in [&primary, &secondary] {
        world.who("localhost:8443", key).await.expect(200);
    }
    let before = generations(&world).await;
    let mut changes = world.changes();
    let answer = world.operate("owner", regenerate("dev", "secondary")).await.expect(200);
    let fresh = decode(&answer.body["secondaryKey"]);
    assert_eq!(fresh.len(), 64);
    assert_ne!(fresh, secondary);
    assert_eq!(decode(&answer.body["primaryKey"]), primary);
    assert_eq!(world.keys("dev").await, [primary.clone(), fresh.clone()]);
    assert_eq!(generations(&world).await, [before[0], before[1] + 1]);
    world.who("localhost:8443", &secondary).await.expect_denied("SignatureMismatch");
    for key in [&primary, &fresh] {
        world.who("localhost:8443", key).await.expect(200);
    }
    woken(&mut changes).await;
    let shown = world.operate("reader", Call::get(format!("{RESOURCES}/dev"))).await.expect(200);
    let id = shown.body["id"].as_str().expect("a GUID").to_owned();
    let event = json!({
        "resource": id, "kind": crate::KEY_REGENERATED, "subject": format!("{id}/secondary"), "payload": {},
    });
    assert_eq!(world.app.events().await, [event]);
    let audited = world.app.newest_audit("Resources_RegenerateKey", "owner", &answer).await;
    let detail = json!({ "key": "secondary", "generation": before[1] + 1 });
    assert_eq!(audited, ("dev".to_owned(), detail));
}

async fn owners_may_regenerate(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("owner", &regenerate("dev", "primary")).await;
}

async fn unknown_resources_and_slots_are_refused(store: TestStore) {
    let world = World::new(store).await;
    let keys = world.keys("dev").await;
    for slot in ["tertiary", "Primary", "0", "%00"] {
        world.operate("owner", regenerate("dev", slot)).await.expect_invalid("slot");
    }
    world.operate("owner", regenerate("nobody", "primary")).await.expect_error(404, "NotFound");
    world.operate("owner", regenerate("no_name", "primary")).await.expect_invalid("name");
    assert_eq!(world.keys("dev").await, keys);
    assert_eq!(world.app.events().await.len(), 0);
}

async fn regenerations_at_once_each_count(store: TestStore) {
    let world = World::new(store).await;
    let before = generations(&world).await;
    let calls = (0..4).map(|_| world.operate("owner", regenerate("dev", "primary")));
    for answer in futures_util::future::join_all(calls).await {
        answer.expect(200);
    }
    assert_eq!(generations(&world).await, [before[0] + 4, before[1]]);
    assert_eq!(world.app.events().await.len(), 4);
}

async fn keys_sealed_anew_still_open(store: TestStore) {
    let world = World::new(store).await;
    let keys = world.keys("dev").await;
    let before = generations(&world).await;
    assert_eq!(world.resources.reseal().await.ok(), Some(4));
    world.resources.directory().forget();
    assert_eq!(world.keys("dev").await, keys);
    assert_eq!(generations(&world).await, before);
    let first = world.resources.subscription_id().await.expect("an id");
    assert_eq!(world.resources.subscription_id().await.ok(), Some(first));
}
