//! Envelopes as they leave.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline_catalogue::EVENT_TYPES;
use trunkline_delivery::{DeadLetterReason, DueRow, EventFacts, LastAttempt, Outcome, Phase, Position};
use trunkline_kernel::{ResourceId, Secret, Timestamp};
use uuid::Uuid;

use super::headers::HeaderError;
use super::{Headers, Published, Validation, body, dead_letters, event_id, validation_event};
use crate::model::{Mapping, MappingKind, Schema, Secrets};

const BOTH: [Schema; 2] = [Schema::EventGridSchema, Schema::CloudEventSchemaV1_0];
const TOPIC: &str =
    "/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/CommunicationServices/C";
const INSTALLATION: Uuid = Uuid::from_u128(0x1234);
const AT: Position = Position { sequence: 42, ordinal: 1 };

fn published(event_type: &str, subject: &str, data: &str) -> Published {
    Published {
        position: AT,
        id: event_id(INSTALLATION, AT),
        resource: ResourceId(Uuid::nil()),
        topic: Arc::from(TOPIC),
        event_type: Arc::from(event_type),
        subject: subject.to_owned(),
        data: data.to_owned(),
        time: Timestamp::from_micros(1_795_248_000_000_001),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("JSON is UTF-8")
}

#[test]
fn an_event_in_the_schema_of_event_grid() {
    let event = published("Microsoft.Communication.SMSReceived", "/phonenumber/1\"", "{\"a\":[1, 2]}");
    let expected = format!(
        "{{\"id\":\"{}\",\"topic\":\"{TOPIC}\",\"subject\":\"/phonenumber/1\\\"\",\
         \"eventType\":\"Microsoft.Communication.SMSReceived\",\"data\":{{\"a\":[1, 2]}},\"dataVersion\":\"1.0\",\
         \"metadataVersion\":\"1\",\"eventTime\":\"2026-11-21T08:00:00.000001Z\"}}",
        event.id
    );
    assert_eq!(text(&event.encode(Schema::EventGridSchema)), expected);
}

#[test]
fn an_event_as_a_cloud_event() {
    let event = published("Microsoft.Communication.SMSReceived", "/phonenumber/1", "{\"a\":1}");
    let expected = format!(
        "{{\"id\":\"{}\",\"source\":\"{TOPIC}\",\"specversion\":\"1.0\",\
         \"type\":\"Microsoft.Communication.SMSReceived\",\"subject\":\"/phonenumber/1\",\
         \"time\":\"2026-11-21T08:00:00.000001Z\",\"datacontenttype\":\"application/json\",\"data\":{{\"a\":1}}}}",
        event.id
    );
    assert_eq!(text(&event.encode(Schema::CloudEventSchemaV1_0)), expected);
}

#[test]
fn an_empty_subject_is_left_out_of_a_cloud_event_only() {
    let event = published("T", "", "{}");
    let members =
        |schema| serde_json::from_slice::<Value>(&event.encode(schema)).expect("an envelope is JSON");
    assert_eq!(members(Schema::EventGridSchema)["subject"], json!(""));
    assert_eq!(members(Schema::CloudEventSchemaV1_0).get("subject"), None);
}

/// What both SDKs insist on, for every published type.
#[test]
fn samples_make_envelopes_that_the_sdks_take() {
    for known in EVENT_TYPES {
        let event = published(known.name, &known.sample_subject(), known.sample);
        let grid: Value = serde_json::from_slice(&event.encode(BOTH[0])).expect("an envelope is JSON");
        let members = ["id", "topic", "subject", "eventType", "dataVersion", "metadataVersion", "eventTime"];
        assert!(members.iter().all(|member| grid[member].is_string()), "{grid}");
        assert_eq!((&grid["eventType"], &grid["metadataVersion"]), (&json!(known.name), &json!("1")));
        let cloud: Value = serde_json::from_slice(&event.encode(BOTH[1])).expect("an envelope is JSON");
        assert!(["id", "source", "type", "time"].iter().all(|member| cloud[member].is_string()), "{cloud}");
        assert_eq!((&cloud["type"], &cloud["specversion"]), (&json!(known.name), &json!("1.0")));
        let names = cloud.as_object().expect("an envelope is an object").keys();
        assert!(names.flat_map(|name| name.bytes()).all(|byte| byte.is_ascii_lowercase()));
        assert_eq!((&grid["data"], &cloud["data"]), (&known.sample_data(), &known.sample_data()));
        assert_eq!((&grid["id"], &grid["topic"]), (&cloud["id"], &cloud["source"]));
    }
}

#[test]
fn bodies_are_arrays_except_a_cloud_event_alone() {
    let [one, two] = [Bytes::from_static(b"{\"a\":1}"), Bytes::from_static(b"{\"b\":2}")];
    let check = |schema, is_batching, events: &[Bytes], expected: (&str, &str)| {
        let (bytes, content_type) = body(schema, is_batching, events);
        assert_eq!((text(&bytes), content_type), expected);
    };
    let json = "application/json; charset=utf-8";
    let cloud = "application/cloudevents+json; charset=utf-8";
    let batch = "application/cloudevents-batch+json; charset=utf-8";
    check(BOTH[0], false, std::slice::from_ref(&one), ("[{\"a\":1}]", json));
    check(BOTH[0], true, &[one.clone(), two.clone()], ("[{\"a\":1},{\"b\":2}]", json));
    check(BOTH[1], false, std::slice::from_ref(&one), ("{\"a\":1}", cloud));
    check(BOTH[1], true, std::slice::from_ref(&one), ("[{\"a\":1}]", batch));
    check(BOTH[1], true, &[one, two], ("[{\"a\":1},{\"b\":2}]", batch));
}

#[test]
fn ids_are_the_same_when_asked_again_and_differ_otherwise() {
    let id = event_id(INSTALLATION, AT);
    assert_eq!(id.to_string(), event_id(INSTALLATION, AT).to_string());
    assert_eq!((id.get_version_num(), id.get_variant()), (8, uuid::Variant::RFC4122));
    let others = [
        event_id(INSTALLATION, Position { ordinal: 2, ..AT }),
        event_id(INSTALLATION, Position { sequence: 43, ..AT }),
        event_id(Uuid::from_u128(0x1235), AT),
    ];
    assert!(others.iter().all(|other| *other != id));
}

#[test]
fn the_event_of_the_handshake() {
    let validation = Validation {
        id: INSTALLATION,
        topic: TOPIC,
        code: "512d38b6",
        url: "https://host/validate?id=\"1\"",
        now: Timestamp::EPOCH,
    };
    let event: Value = serde_json::from_slice(&validation_event(&validation)).expect("an event is JSON");
    let expected = json!([{
        "id": INSTALLATION, "topic": TOPIC, "subject": "",
        "data": { "validationCode": "512d38b6", "validationUrl": "https://host/validate?id=\"1\"" },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "1970-01-01T00:00:00.000000Z", "metadataVersion": "1", "dataVersion": "2",
    }]);
    assert_eq!(event, expected);
}

fn due_row(phase: Phase, last: Option<LastAttempt>) -> DueRow {
    let at = Timestamp::from_seconds(1_795_248_000);
    DueRow {
        event: EventFacts { position: AT, size_bytes: 10, published: at },
        base: at,
        attempts: 3,
        due: at,
        last,
        phase,
    }
}

#[test]
fn dead_letters_say_why_in_the_spelling_of_their_schema() {
    let last = LastAttempt {
        at: Timestamp::from_seconds(1_795_248_060),
        outcome: Outcome::Forbidden,
        status: Some(403),
    };
    let phase = Phase::DeadLetter { reason: DeadLetterReason::UndeliverableDueToHttpForbidden };
    let letter = (published("T", "s", "{\"a\":1}"), due_row(phase, Some(last)));
    let read = |schema| -> Value {
        let bytes = dead_letters(schema, std::slice::from_ref(&letter));
        serde_json::from_slice(&bytes).expect("dead letters are JSON")
    };
    let added = json!({
        "deadLetterReason": "UndeliverableDueToHttpForbidden", "deliveryAttempts": 3,
        "lastDeliveryOutcome": "Forbidden", "lastHttpStatusCode": 403,
        "publishTime": "2026-11-21T08:00:00.000000Z", "lastDeliveryAttemptTime": "2026-11-21T08:01:00.000000Z",
    });
    let [grid, cloud] = BOTH.map(read);
    for (name, value) in added.as_object().expect("members") {
        assert_eq!(&grid[0][name], value, "{name}");
        assert_eq!(&cloud[0][name.to_ascii_lowercase()], value, "{name}");
    }
    assert_eq!((&grid[0]["data"], &cloud[0]["data"]), (&json!({ "a": 1 }), &json!({ "a": 1 })));
    assert_eq!(grid[0]["eventType"], cloud[0]["type"]);
}

#[test]
fn dead_letters_leave_out_what_is_not_known() {
    let phase = Phase::DeadLetter { reason: DeadLetterReason::TimeToLiveExceeded };
    let never_tried = (published("T", "s", "{}"), due_row(phase, None));
    let no_answer = LastAttempt { at: Timestamp::EPOCH, outcome: Outcome::SocketError, status: None };
    let unanswered = (published("T", "s", "{}"), due_row(phase, Some(no_answer)));
    let bytes = dead_letters(Schema::EventGridSchema, &[never_tried, unanswered]);
    let letters: Value = serde_json::from_slice(&bytes).expect("dead letters are JSON");
    for absent in ["lastDeliveryOutcome", "lastHttpStatusCode", "lastDeliveryAttemptTime"] {
        assert_eq!(letters[0].get(absent), None, "{absent}");
    }
    assert_eq!(letters[1]["lastDeliveryOutcome"], json!("SocketError"));
    assert_eq!(letters[1].get("lastHttpStatusCode"), None);
    assert_eq!(text(&dead_letters(Schema::EventGridSchema, &[])), "[]");
}

fn fixed(name: &str, value: &str) -> Mapping {
    let kind = MappingKind::Static { value: Some(value.to_owned()), is_secret: false };
    Mapping { name: name.to_owned(), kind }
}

fn secret(name: &str) -> Mapping {
    Mapping { name: name.to_owned(), kind: MappingKind::Static { value: None, is_secret: true } }
}

fn dynamic(name: &str, field: &str) -> Mapping {
    Mapping { name: name.to_owned(), kind: MappingKind::Dynamic { source_field: field.to_owned() } }
}

fn secrets(name: &str, value: &str) -> Secrets {
    let headers = BTreeMap::from([(name.to_owned(), Secret::new(value.to_owned()))]);
    Secrets { endpoint_url: Secret::default(), headers }
}

#[test]
fn headers_are_fixed_secret_or_of_the_event() {
    let mappings = [
        fixed("X-Fixed", "one"),
        secret("X-Key"),
        dynamic("X-Subject", "Subject"),
        dynamic("X-From", "data.from.rawId"),
        dynamic("X-Version", "data.version"),
        dynamic("X-Flag", "data.flag"),
        dynamic("X-Absent", "data.absent"),
        dynamic("X-List", "data.list"),
        dynamic("X-Line", "data.line"),
    ];
    let headers =
        Headers::compile(&mappings, &secrets("X-Key", "hunter2"), BOTH[0]).expect("all are headers");
    assert!(headers.is_dynamic() && !format!("{headers:?}").contains("hunter2"));
    let data = json!({
        "from": { "rawId": "4:+1" }, "version": 7, "flag": true, "list": [1], "line": "a\r\nX-Evil: 1"
    });
    let event = published("T", "thread/1", &data.to_string());
    let (id, cell) = (event.id.to_string(), OnceCell::new());
    let mut sent = HeaderMap::new();
    headers.apply(Some(&event.view(&id, &cell)), &mut sent);
    let found: BTreeMap<&str, &str> =
        sent.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("visible text"))).collect();
    let expected = [
        ("x-fixed", "one"),
        ("x-flag", "true"),
        ("x-from", "4:+1"),
        ("x-key", "hunter2"),
        ("x-subject", "thread/1"),
        ("x-version", "7"),
    ];
    assert_eq!(found, BTreeMap::from(expected));
}

#[test]
fn headers_without_an_event_are_the_fixed_ones() {
    let mappings = [fixed("X-Fixed", "one"), dynamic("X-Subject", "subject")];
    let headers = Headers::compile(&mappings, &Secrets::default(), BOTH[1]).expect("both are headers");
    let mut sent = HeaderMap::new();
    headers.apply(None, &mut sent);
    assert_eq!(sent.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["x-fixed"]);
    let only_fixed = Headers::compile(&mappings[..1], &Secrets::default(), BOTH[1]).expect("a header");
    assert!(!only_fixed.is_dynamic());
}

#[test]
fn what_is_no_header_is_refused_without_its_value() {
    let check = |mapping: Mapping, expected: HeaderError| {
        let refused =
            Headers::compile(&[mapping], &secrets("X-Key", "a\nhunter2"), BOTH[0]).expect_err("no header");
        assert_eq!(refused, expected);
        assert!(!refused.to_string().contains("hunter2"));
    };
    check(fixed("X Space", "v"), HeaderError::Name("X Space".to_owned()));
    check(fixed("", "v"), HeaderError::Name(String::new()));
    check(fixed("X-Line", "a\nhunter2"), HeaderError::Value("X-Line".to_owned()));
    check(fixed("X-Long", &"x".repeat(4097)), HeaderError::Value("X-Long".to_owned()));
    check(secret("X-Key"), HeaderError::Value("X-Key".to_owned()));
    check(secret("X-Other"), HeaderError::Absent("X-Other".to_owned()));
    let field = HeaderError::Field {
        field: "source".to_owned(),
        known: "id, topic, subject, eventType, dataVersion and data.…",
    };
    check(dynamic("X-Source", "source"), field);
}

proptest! {
    #[test]
    fn any_texts_make_valid_envelopes(subject in any::<String>(), topic in any::<String>(), data in any::<String>()) {
        let data = json!({ "text": data });
        let event = Published { topic: Arc::from(topic.as_str()), ..published("T", &subject, &data.to_string()) };
        let grid: Value = serde_json::from_slice(&event.encode(BOTH[0])).expect("an envelope is JSON");
        prop_assert_eq!(&grid["subject"], &json!(subject));
        prop_assert_eq!(&grid["topic"], &json!(topic));
        prop_assert_eq!(&grid["data"], &data);
        let cloud: Value = serde_json::from_slice(&event.encode(BOTH[1])).expect("an envelope is JSON");
        prop_assert_eq!(&cloud["source"], &json!(topic));
        prop_assert_eq!(&cloud["data"], &data);
    }

    #[test]
    fn no_value_of_an_event_breaks_a_request(value in any::<String>()) {
        let headers = Headers::compile(&[dynamic("X-Value", "data.v")], &Secrets::default(), BOTH[0]);
        let event = published("T", "s", &json!({ "v": value }).to_string());
        let (id, cell) = (event.id.to_string(), OnceCell::new());
        let mut sent = HeaderMap::new();
        headers.expect("a header").apply(Some(&event.view(&id, &cell)), &mut sent);
        prop_assert!(sent.len() <= 1);
    }
}
