//! `Applications_Update`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{APPLICATIONS, SLICES, World, text, woken};

on_both_engines!(SLICES; what_is_named_changes_and_the_rest_stays, bad_patches_are_refused, owners_may_update);

async fn what_is_named_changes_and_the_rest_stays(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    let path = format!("{APPLICATIONS}/{}", text(&shop["clientId"]));
    let mut changes = world.changes();
    let uris = json!(["https://shop.example/done"]);
    let answer = world.patch(path.clone(), &json!({ "redirectUris": uris })).await.expect(200);
    assert_eq!(answer.body["redirectUris"], uris);
    assert_eq!(answer.body["name"], "shop");
    woken(&mut changes).await;
    let audited = world.app.newest_audit("Applications_Update", "owner", &answer).await;
    let detail = json!({ "name": "shop", "redirectUris": uris, "isManagedIdentity": false });
    assert_eq!(audited, (text(&shop["clientId"]), detail));
    let both = json!({ "name": "till", "isManagedIdentity": true });
    world.patch(path.clone(), &both).await.expect(200);
    let shown = world.get(path.clone()).await.expect(200).body;
    assert_eq!((&shown["name"], &shown["isManagedIdentity"]), (&json!("till"), &json!(true)));
    assert_eq!(shown["redirectUris"], uris);
    assert_eq!(shown["objectId"], shop["objectId"]);
    world.patch(path, &json!({})).await.expect(200);
}

async fn bad_patches_are_refused(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    world.application("till").await;
    let path = format!("{APPLICATIONS}/shop");
    for (patch, target) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": null }), "name"),
        (json!({ "redirectUris": null }), "redirectUris"),
        (json!({ "redirectUris": ["http://shop.example"] }), "redirectUris"),
        (json!({ "isManagedIdentity": null }), "isManagedIdentity"),
        (json!({ "isManagedIdentity": "yes" }), "body"),
    ] {
        world.patch(path.clone(), &patch).await.expect_invalid(target);
    }
    world.patch(path.clone(), &json!({ "name": "till" })).await.expect_error(409, "NameAlreadyExists");
    world.patch(format!("{APPLICATIONS}/nobody"), &json!({})).await.expect_error(404, "NotFound");
    assert_eq!(world.walk(APPLICATIONS, "name").await, ["shop", "till"]);
    world.nothing_changed([2, 0, 0, 0], 2).await;
}

async fn owners_may_update(store: TestStore) {
    let world = World::new(store).await;
    world.application("shop").await;
    let call = Call::new("PATCH", format!("{APPLICATIONS}/shop")).json(&json!({ "isManagedIdentity": true }));
    world.takes_operators_from("owner", &call).await;
}
