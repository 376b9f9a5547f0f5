//! `TopicTypes_ListEventTypes`.

use trunkline_testkit::{Call, TestStore, app, on_both_engines};

use super::arm::{SLICES, World, names, versioned};

on_both_engines!(SLICES; all_are_listed, others_are_not_found, readers_may_look, wrong_places_are_refused);

const PATH: &str =
    "/providers/Microsoft.EventGrid/topicTypes/Microsoft.Communication.CommunicationServices/eventTypes";

async fn all_are_listed(store: TestStore) {
    let world = World::new(store).await;
    let answer = world.manage("reader", Call::get(versioned(PATH))).await.expect(200);
    let names = names(&answer);
    assert_eq!(names.len(), 53);
    let place =
        names.iter().position(|name| name == "Microsoft.Communication.SMSReceived").expect("it is there");
    let shown = &answer.body["value"][place];
    assert_eq!(
        shown["id"],
        "providers/Microsoft.EventGrid/topicTypes/Microsoft.Communication.CommunicationServices/eventTypes/Microsoft.Communication.SMSReceived"
    );
    assert_eq!(shown["type"], "Microsoft.EventGrid/topicTypes/eventTypes");
    assert_eq!(shown["properties"]["displayName"], "SMSReceived");
    assert_eq!(shown["properties"]["isInDefaultSet"], true);
    let schema = format!("{}/trunkline/eventTypes/Microsoft.Communication.SMSReceived", app::ORIGIN);
    assert_eq!(shown["properties"]["schemaUrl"], schema);
    for entry in answer.body["value"].as_array().expect("a list") {
        assert!(entry["properties"]["description"].as_str().is_some_and(|text| text.len() > 5), "{entry}");
    }
}

async fn others_are_not_found(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::get(versioned(&PATH.replace("CommunicationServices", "Other")));
    world.manage("reader", call).await.expect_error(404, "ResourceNotFound");
}

async fn readers_may_look(store: TestStore) {
    let world = World::new(store).await;
    world.takes_managers_from("reader", false, &Call::get(versioned(PATH))).await;
}

async fn wrong_places_are_refused(store: TestStore) {
    World::new(store).await.refuses_wrong_places(&Call::get, &versioned(PATH)).await;
}
