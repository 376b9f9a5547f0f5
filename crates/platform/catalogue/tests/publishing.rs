//! Publishing: one row of the outbox per event, if the transaction commits.

use serde_json::{Value, json};
use trunkline_catalogue::presence::UserDisconnected;
use trunkline_catalogue::{Publish, PublishError, RawPublish, find, publish, publish_raw, subject};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Key, StoreError, params};
use trunkline_testkit::{TestStore, on_both_engines};

on_both_engines!(&[]; an_event_becomes_a_row, a_larger_event_is_refused_and_leaves_nothing, data_for_tests_is_published_as_it_is);

const RESOURCE: &str = "54a2e6f8-3c1d-4b7a-9f0e-8d6c5b4a3f21";
const NOW: Timestamp = Timestamp::EPOCH;

fn resource() -> ResourceId {
    RESOURCE.parse().expect("a GUID")
}

fn disconnected() -> UserDisconnected {
    let known = find("Microsoft.Communication.UserDisconnected").expect("the type is published");
    serde_json::from_str(known.sample).expect("the sample is data of its type")
}

async fn rows(store: &TestStore) -> Vec<(String, String, String, Value)> {
    store
        .store()
        .read(|tx| -> Result<_, StoreError> {
            let rows =
                tx.query_all("SELECT resource, kind, subject, payload FROM outbox ORDER BY id", params![])?;
            rows.iter()
                .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<String>(3)?)))
                .collect()
        })
        .await
        .map(|rows: Vec<(String, String, String, String)>| {
            rows.into_iter()
                .map(|(resource, kind, subject, payload)| {
                    (resource, kind, subject, serde_json::from_str(&payload).expect("payloads are JSON"))
                })
                .collect()
        })
        .expect("the outbox is there")
}

async fn an_event_becomes_a_row(store: TestStore) {
    store
        .store()
        .write(Key::system("test"), |tx| {
            let data = disconnected();
            let subject = subject::<UserDisconnected>(&[&data.user_communication_identifier.raw_id]);
            publish(tx, &Publish { resource: resource(), data: &data, subject: &subject, now: NOW })
        })
        .await
        .expect("the event is small");
    let data = serde_json::to_value(disconnected()).expect("payloads are JSON");
    let raw_id =
        data.pointer("/userCommunicationIdentifier/rawId").and_then(Value::as_str).expect("a raw id");
    let expected = (
        RESOURCE.to_owned(),
        "Microsoft.Communication.UserDisconnected".to_owned(),
        format!("user/{raw_id}"),
        data.clone(),
    );
    assert_eq!(rows(&store).await, [expected]);
}

async fn a_larger_event_is_refused_and_leaves_nothing(store: TestStore) {
    let outcome = store
        .store()
        .write(Key::system("test"), |tx| {
            let mut data = disconnected();
            publish(tx, &Publish { resource: resource(), data: &data, subject: "user/a", now: NOW })?;
            data.user_communication_identifier.raw_id = "x".repeat(trunkline_catalogue::EVENT_BYTES_MAX);
            publish(tx, &Publish { resource: resource(), data: &data, subject: "user/b", now: NOW })
        })
        .await;
    assert!(matches!(outcome, Err(PublishError::TooLarge { size_bytes, .. }) if size_bytes > 1_048_576));
    assert_eq!(rows(&store).await, []);
}

async fn data_for_tests_is_published_as_it_is(store: TestStore) {
    store
        .store()
        .write(Key::system("test"), |tx| {
            let event_type = find("microsoft.communication.smsreceived").expect("the type is published");
            let data = json!({ "message": "\u{0}\"é", "extra": [1, 2.5] });
            let event = RawPublish {
                resource: resource(),
                event_type,
                data: &data,
                subject: "/phonenumber/1",
                now: NOW,
            };
            publish_raw(tx, &event)
        })
        .await
        .expect("the event is small");
    let rows = rows(&store).await;
    let (_, kind, subject, data) = rows.first().expect("one event");
    assert_eq!((kind.as_str(), subject.as_str()), ("Microsoft.Communication.SMSReceived", "/phonenumber/1"));
    assert_eq!(*data, json!({ "message": "\u{0}\"é", "extra": [1, 2.5] }));
}
