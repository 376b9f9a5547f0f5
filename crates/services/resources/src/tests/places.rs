//! Where resources lie in ARM, for services that name them.

use serde_json::json;
use trunkline_kernel::ResourceId;
use trunkline_testkit::{TestStore, on_both_engines};
use uuid::Uuid;

use super::arm::KIND;
use super::harness::{DEV, SLICES, World};
use crate::ArmPlace;

on_both_engines!(SLICES; a_resource_has_one_place, it_is_found_there_in_any_case);

async fn a_resource_has_one_place(store: TestStore) {
    let world = World::new(store).await;
    let subscription = world.resources.subscription_id().await.expect("an id");
    let place = async |number: u128| {
        let id = ResourceId(Uuid::from_u128(number));
        world.resources.place_of(id).await.expect("rows can be read")
    };
    let expected = ArmPlace {
        id: format!("/subscriptions/{subscription}/resourceGroups/default/providers/{KIND}/dev"),
        name: "dev".to_owned(),
        group: "default".to_owned(),
    };
    assert_eq!(place(DEV).await, Some(expected));
    assert_eq!(place(9).await, None);
}

async fn it_is_found_there_in_any_case(store: TestStore) {
    let world = World::new(store).await;
    world.put_group("Rg").await.expect(201);
    let body = json!({ "location": "global", "properties": { "dataLocation": "europe" } });
    let made = world.put("Rg", "Mixed-Case", &body).await.expect(201);
    let id: Uuid = made.body["properties"]["immutableResourceId"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("an id");
    let find = async |group: &str, name: &str| {
        world.resources.find_in_group(group, name).await.expect("rows can be read")
    };
    assert_eq!(find("rG", "mixed-CASE").await, Some(ResourceId(id)));
    assert_eq!(find("default", "mixed-case").await, None, "it lies in another group");
    assert_eq!(find("rg", "none").await, None);
    assert_eq!(find("rg", "no name").await, None);
    let place = world.resources.place_of(ResourceId(id)).await.expect("rows can be read").expect("a place");
    assert_eq!((place.name.as_str(), place.group.as_str()), ("Mixed-Case", "Rg"));
    assert_eq!(place.id, made.body["id"]);
}
