//! `TopicTypes_Get`.

use serde_json::json;
use trunkline_testkit::{Call, TestStore, on_both_engines};

use super::arm::{SLICES, World, versioned};

on_both_engines!(SLICES; it_is_shown, others_are_not_found, readers_may_look, wrong_places_are_refused);

const PATH: &str = "/providers/Microsoft.EventGrid/topicTypes/microsoft.communication.communicationservices";

async fn it_is_shown(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader", Call::get(versioned(PATH))).await.expect(200);
    let name = "Microsoft.Communication.CommunicationServices";
    assert_eq!(answer.body["id"], format!("providers/Microsoft.EventGrid/topicTypes/{name}"));
    assert_eq!(answer.body["name"], name);
    assert_eq!(answer.body["type"], "Microsoft.EventGrid/topicTypes");
    let shown = &answer.body["properties"];
    assert_eq!(shown["provider"], "Microsoft.Communication");
    assert_eq!(shown["resourceRegionType"], "GlobalResource");
    assert_eq!(shown["supportedScopesForSource"], json!(["Resource"]));
}

async fn others_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let call =
        Call::get(versioned("/providers/Microsoft.EventGrid/topicTypes/Microsoft.Storage.StorageAccounts"));
    world.manage("reader", call).await.expect_error(404, "ResourceNotFound");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", false, &Call::get(versioned(PATH))).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    World::new(store).await.refuses_wrong_places(&Call::get, &versioned(PATH)).await;
}
