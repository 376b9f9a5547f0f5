//! One event reaches everybody who wants it, and the log says so.

use trunkline_delivery::Position;
use trunkline_testkit::{TestStore, on_both_engines};

use super::fakes::{FACT, SLICES, Stage, numbered};
use crate::envelope::event_id;
use crate::model::{Destination, Mapping, MappingKind, Schema, Spec};
use crate::rows::{self, AttemptFilter};

on_both_engines!(SLICES;
    an_event_reaches_a_web_hook,
    everybody_gets_what_they_asked_for,
    a_batch_is_one_request,
    headers_may_be_read_from_the_event,
    a_fact_is_published_as_what_it_stands_for,
);

async fn an_event_reaches_a_web_hook(test: TestStore) {
    let stage = Stage::running(test).await;
    let number = stage.subscribe("hook").await;
    stage.publish(["one".to_owned()]).await;
    stage.hooks.wait_for("hook", 1).await;
    let received = stage.hooks.received("hook").remove(0);
    let header = |name: &str| received.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("aeg-event-type").as_deref(), Some("Notification"));
    assert_eq!(header("aeg-subscription-name").as_deref(), Some("HOOK"));
    assert_eq!(header("aeg-delivery-count").as_deref(), Some("0"));
    assert_eq!(header("aeg-metadata-version").as_deref(), Some("1"));
    assert_eq!(header("aeg-output-event-id").as_deref(), received.events[0]["id"].as_str());
    assert_eq!(received.events[0]["data"]["message"], "hello");
    assert_eq!(received.events[0]["eventType"], "Microsoft.Communication.SMSReceived");
    stage.until_passed(1).await;
    assert_eq!(stage.waiting(number).await, 0);
    let filter = AttemptFilter { subscriptions: vec![number], ..AttemptFilter::default() };
    let logged = stage.test.read(move |tx| rows::list_attempts(tx, &filter, 10)).await.unwrap();
    assert_eq!(logged.len(), 1);
    assert_eq!((logged[0].outcome.as_str(), logged[0].status), ("Delivered", Some(200)));
    assert_eq!(logged[0].positions[0].sequence, 1);
    assert_eq!(stage.service.metrics.delivered.get(), 1);
}

async fn everybody_gets_what_they_asked_for(test: TestStore) {
    let stage = Stage::running(test).await;
    stage.subscribe("all").await;
    stage.subscribe_with("some", |spec| spec.filter.subject_begins_with = "b".to_owned()).await;
    stage.subscribe_with("none", |spec| spec.filter.subject_ends_with = "nothing".to_owned()).await;
    stage.publish(numbered("a", 5)).await;
    stage.publish(numbered("b", 5)).await;
    stage.hooks.wait_for("all", 10).await;
    stage.hooks.wait_for("some", 5).await;
    stage.until_passed(10).await;
    let mut some = stage.hooks.subjects("some");
    some.sort();
    assert_eq!(some, numbered("b", 5));
    assert_eq!(stage.hooks.subjects("none").len(), 0);
    assert_eq!(stage.hooks.subjects("all").len(), 10);
}

async fn a_batch_is_one_request(test: TestStore) {
    let stage = Stage::new(test).await;
    let batching = |spec: &mut Spec| {
        spec.schema = Schema::CloudEventSchemaV1_0;
        if let Destination::WebHook { max_events_per_batch, .. } = &mut spec.destination {
            *max_events_per_batch = 100;
        }
    };
    stage.subscribe_with("batch", batching).await;
    stage.publish(numbered("a", 60)).await;
    let mut stage = stage;
    stage.start();
    stage.hooks.wait_for("batch", 60).await;
    let received = stage.hooks.received("batch");
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].events.len(), 60);
    let content_type = received[0].headers.get("content-type").unwrap();
    assert_eq!(content_type, "application/cloudevents-batch+json; charset=utf-8");
    assert_eq!(received[0].headers.get("webhook-request-origin").unwrap(), "eventgrid.azure.net");
}

async fn headers_may_be_read_from_the_event(test: TestStore) {
    let stage = Stage::running(test).await;
    let mapped = |spec: &mut Spec| {
        if let Destination::WebHook { max_events_per_batch, mappings, .. } = &mut spec.destination {
            *max_events_per_batch = 100;
            mappings.push(Mapping {
                name: "X-Message".to_owned(),
                kind: MappingKind::Dynamic { source_field: "data.message".to_owned() },
            });
        }
    };
    stage.subscribe_with("mapped", mapped).await;
    stage.publish(numbered("a", 3)).await;
    stage.hooks.wait_for("mapped", 3).await;
    let received = stage.hooks.received("mapped");
    // The header is one of a single event, so each goes alone.
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one.headers.get("x-message").unwrap() == "hello"));
}

async fn a_fact_is_published_as_what_it_stands_for(test: TestStore) {
    let stage = Stage::running(test).await;
    stage.subscribe("both").await;
    let only_users = |spec: &mut Spec| {
        let one = "Microsoft.Communication.ChatThreadCreatedWithUser".to_owned();
        spec.filter.included_event_types = Some(vec![one]);
    };
    stage.subscribe_with("users", only_users).await;
    stage.publish_as("test.unknown", ["nobody".to_owned()]).await;
    stage.publish_as(FACT, ["a".to_owned(), "b".to_owned()]).await;
    stage.hooks.wait_for("both", 4).await;
    stage.hooks.wait_for("users", 2).await;
    stage.until_passed(3).await;
    let mut users = stage.hooks.subjects("users");
    users.sort();
    assert_eq!(users, ["a/ChatThreadCreatedWithUser", "b/ChatThreadCreatedWithUser"]);
    let mut ids: Vec<(String, String)> = Vec::new();
    for event in stage.hooks.received("both").iter().flat_map(|one| &one.events) {
        let text = |name: &str| event[name].as_str().expect("a text").to_owned();
        ids.push((text("subject"), text("id")));
    }
    ids.sort();
    // Ids derive from the place of the fact and the place in it, so that a repetition has the same ones.
    let id =
        |sequence, ordinal| event_id(stage.service.installation, Position { sequence, ordinal }).to_string();
    let expected = [
        ("a/ChatThreadCreated".to_owned(), id(2, 0)),
        ("a/ChatThreadCreatedWithUser".to_owned(), id(2, 1)),
        ("b/ChatThreadCreated".to_owned(), id(3, 0)),
        ("b/ChatThreadCreatedWithUser".to_owned(), id(3, 1)),
    ];
    assert_eq!(ids, expected);
    assert_eq!(stage.hooks.count("both"), 4, "each once");
}
