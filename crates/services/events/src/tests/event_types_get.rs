//! `EventTypes_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World};
use super::operators::SMS;

on_both_engines!(SLICES; a_type_is_shown_with_its_schema_and_a_sample, readers_may_look);

fn target(name: &str) -> String {
    format!("/trunkline/eventTypes/{name}")
}

async fn a_type_is_shown_with_its_schema_and_a_sample(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.look(target(&SMS.to_lowercase())).await.expect(200);
    assert_eq!((&answer.body["type"], &answer.body["family"]), (&json!(SMS), &json!("Sms")));
    assert_eq!(answer.body["sample"], trunkline_catalogue::find(SMS).expect("known").sample_data());
    assert!(answer.body["schema"]["properties"]["from"].is_object(), "{}", answer.body["schema"]);
    for known in trunkline_catalogue::EVENT_TYPES {
        let shown = world.look(target(known.name)).await.expect(200);
        assert!(shown.body["schema"]["properties"].is_object(), "{}", known.name);
    }
    world.look(target("Microsoft.Other")).await.expect_error(404, "NotFound");
}

async fn readers_may_look(store: TestStore) {
    World::new(store).await.takes_operators_from("reader", &Call::get(target(SMS))).await;
}
