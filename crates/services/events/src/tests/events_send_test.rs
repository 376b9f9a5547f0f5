//! `Events_SendTest`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::arm::{SLICES, World};
use super::operators::{DEV, SMS};

on_both_engines!(SLICES;
    a_sample_is_published,
    what_is_given_is_published_as_often_as_wanted,
    every_type_has_a_sample_that_can_be_sent,
    wrong_events_are_refused,
    contributors_may_send,
);

async fn send(world: &World, body: &Value) -> Answer {
    world.operate("contributor", Call::post(format!("{DEV}/events/:sendTest")).json(body)).await
}

async fn a_sample_is_published(store: TestStore) {
    let world = World::new(store).await;
    let answer = send(&world, &json!({ "type": "microsoft.communication.smsRECEIVED" })).await.expect(202);
    let events = world.look(format!("{DEV}/events")).await.expect(200).body["value"].clone();
    assert_eq!(events.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&events[0]["id"], &events[0]["sequence"]),
        (&answer.body["ids"][0], &answer.body["sequence"])
    );
    let known = trunkline_catalogue::find(SMS).expect("known");
    assert_eq!((&events[0]["type"], &events[0]["subject"]), (&json!(SMS), &json!(known.sample_subject())));
    assert_eq!(events[0]["data"], known.sample_data());
    let (target, detail) = world.app.newest_audit("Events_SendTest", "contributor", &answer).await;
    assert_eq!((target.as_str(), detail), ("dev", json!({ "type": SMS, "count": 1 })));
}

async fn what_is_given_is_published_as_often_as_wanted(store: TestStore) {
    let world = World::new(store).await;
    let mut data = trunkline_catalogue::find(SMS).expect("known").sample_data();
    data["from"] = json!("+4930");
    let body = json!({ "type": SMS, "subject": "mine", "data": data, "count": 3 });
    let answer = send(&world, &body).await.expect(202);
    let ids = answer.body["ids"].as_array().expect("ids").clone();
    let events = world.look(format!("{DEV}/events")).await.expect(200).body["value"].clone();
    let listed: Vec<_> = events.as_array().expect("a list").iter().map(|event| event["id"].clone()).collect();
    assert_eq!((ids.len(), &ids), (3, &listed));
    assert_eq!((&events[2]["subject"], &events[2]["data"]["from"]), (&json!("mine"), &json!("+4930")));
    assert_eq!(answer.body["sequence"], events[2]["sequence"]);
}

async fn every_type_has_a_sample_that_can_be_sent(store: TestStore) {
    let world = World::new(store).await;
    for known in trunkline_catalogue::EVENT_TYPES {
        send(&world, &json!({ "type": known.name })).await.expect(202);
    }
    let events = world.look(format!("{DEV}/events")).await.expect(200).body["value"].clone();
    assert_eq!(events.as_array().map(Vec::len), Some(trunkline_catalogue::EVENT_TYPES.len()));
}

async fn wrong_events_are_refused(store: TestStore) {
    let world = World::new(store).await;
    for (body, target) in [
        (json!({ "type": "Microsoft.Other" }), "type"),
        (json!({ "type": SMS, "count": 0 }), "count"),
        (json!({ "type": SMS, "count": 1001 }), "count"),
        (json!({ "type": SMS, "data": "text" }), "data"),
    ] {
        send(&world, &body).await.expect_invalid(target);
    }
    for body in [json!({}), json!({ "type": SMS, "colour": "red" })] {
        assert_eq!(send(&world, &body).await.status, 400, "{body}");
    }
    assert_eq!(world.look(format!("{DEV}/events")).await.expect(200).body, json!({ "value": [] }));
    assert!(world.app.audit_log().await.is_empty());
    let call = |target: String| Call::post(target).json(&json!({ "type": SMS }));
    world.refuses_unknown_resources(&call, &format!("{DEV}/events/:sendTest")).await;
}

async fn contributors_may_send(store: TestStore) {
    let call = Call::post(format!("{DEV}/events/:sendTest")).json(&json!({ "type": SMS }));
    World::new(store).await.takes_operators_from("contributor", &call).await;
}
