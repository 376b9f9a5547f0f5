//! `RoleAssignments_List`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::harness::{ROLES, SLICES, World, text};

on_both_engines!(SLICES;
    filters_narrow_the_list,
    what_is_on_a_lost_resource_is_shown_by_its_id,
    unknown_filters_are_not_found,
    readers_may_list,
);

async fn filters_narrow_the_list(store: TestStore) {
    let world = World::new(store).await;
    assert_eq!(world.get(ROLES).await.expect(200).body, json!({ "value": [] }));
    let (shop, ada) = (world.application("shop").await, world.user("ada").await);
    let first = world.role(&shop["clientId"], "reader", Some("dev")).await;
    let second = world.role(&shop["clientId"], "owner", Some("other")).await;
    let third = world.role(&ada["userName"], "reader", Some("dev")).await;
    let fourth = world.role(&ada["userName"], "reader", None).await;
    let ids = |given: &[&serde_json::Value]| {
        let mut ids: Vec<String> = given.iter().map(|given| text(&given["id"])).collect();
        ids.sort();
        ids
    };
    let all = ids(&[&first, &second, &third, &fourth]);
    assert_eq!(world.walk(ROLES, "id").await, all);
    for named in ["shop".to_owned(), text(&shop["objectId"]), text(&shop["clientId"])] {
        let found = world.walk(&format!("{ROLES}?principal={named}"), "id").await;
        assert_eq!(found, ids(&[&first, &second]));
    }
    let found = world.walk(&format!("{ROLES}?resource=dev"), "id").await;
    assert_eq!(found, ids(&[&first, &third]));
    let found = world.get(format!("{ROLES}?resource=dev&principal=ada")).await.expect(200);
    assert_eq!(found.body, json!({ "value": [third] }));
}

async fn what_is_on_a_lost_resource_is_shown_by_its_id(store: TestStore) {
    let world = World::new(store).await;
    let shop = world.application("shop").await;
    world.role(&shop["clientId"], "reader", Some("dev")).await;
    let id = world.resources.view("dev").id.to_string();
    world.resources.remove("dev");
    let found = world.app.call(Call::get(ROLES).host("other.comm.example:8443").bearer("reader")).await;
    assert_eq!(found.expect(200).body["value"][0]["resource"], id);
}

async fn unknown_filters_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    for (filter, status) in [
        ("principal=nobody", 404),
        ("resource=nobody", 404),
        ("resource=-", 400),
        ("principal=aaaaaaaa-0000-4000-8000-000000000001", 200),
    ] {
        assert_eq!(world.get(format!("{ROLES}?{filter}")).await.status, status, "{filter}");
    }
}

async fn readers_may_list(store: TestStore) {
    let world = World::new(store).await;
    world.takes_operators_from("reader", &Call::get(ROLES)).await;
}
