//! The stored and the written forms of subscriptions.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline_kernel::{Secret, Timestamp};

use super::{
    AdvancedFilter, DeadLetterPlace, Destination, Filter, Mapping, MappingKind, OPERATORS, Provisioning,
    Retry, Schema, Secrets, Spec, Test,
};

fn read(document: Value) -> Result<AdvancedFilter, String> {
    serde_json::from_value(document).map_err(|failure| failure.to_string())
}

#[test]
fn conditions_are_written_as_they_were_read() {
    for document in [
        json!({ "operatorType": "NumberIn", "key": "data.a", "values": [1, -2.5, 1e300] }),
        json!({ "operatorType": "NumberNotIn", "key": "data.a", "values": [0] }),
        json!({ "operatorType": "NumberLessThan", "key": "data.a", "value": 5 }),
        json!({ "operatorType": "NumberGreaterThan", "key": "data.a", "value": 5.5 }),
        json!({ "operatorType": "NumberLessThanOrEquals", "key": "data.a", "value": -5 }),
        json!({ "operatorType": "NumberGreaterThanOrEquals", "key": "data.a", "value": 0 }),
        json!({ "operatorType": "NumberInRange", "key": "data.a", "values": [[1, 2], [3.5, 4]] }),
        json!({ "operatorType": "NumberNotInRange", "key": "data.a", "values": [[1, 2]] }),
        json!({ "operatorType": "BoolEquals", "key": "data.a", "value": false }),
        json!({ "operatorType": "StringIn", "key": "Subject", "values": ["a", ""] }),
        json!({ "operatorType": "StringNotIn", "key": "Subject", "values": ["a"] }),
        json!({ "operatorType": "StringBeginsWith", "key": "Subject", "values": ["a"] }),
        json!({ "operatorType": "StringNotBeginsWith", "key": "Subject", "values": ["a"] }),
        json!({ "operatorType": "StringEndsWith", "key": "Subject", "values": ["a"] }),
        json!({ "operatorType": "StringNotEndsWith", "key": "Subject", "values": ["a"] }),
        json!({ "operatorType": "StringContains", "key": "Subject", "values": ["a"] }),
        json!({ "operatorType": "StringNotContains", "key": "Subject", "values": ["a"] }),
        json!({ "operatorType": "IsNullOrUndefined", "key": "data.a" }),
        json!({ "operatorType": "IsNotNull", "key": "data.a" }),
    ] {
        let condition = read(document.clone()).expect("a condition");
        assert_eq!(serde_json::to_value(&condition).expect("conditions are JSON"), document);
        assert!(OPERATORS.contains(&condition.test.operator()));
    }
}

#[test]
fn numbers_of_clients_that_write_a_fraction_are_the_same() {
    let condition = read(json!({ "operatorType": "NumberLessThan", "key": "data.a", "value": 5.0 }));
    assert_eq!(condition.map(|condition| condition.test), Ok(Test::NumberLessThan(5.0)));
}

#[test]
fn what_is_no_condition_is_refused_with_what_it_needs() {
    for (document, expected) in [
        (json!({ "operatorType": "StringMatches", "key": "a" }), "'StringMatches' is no operator"),
        (json!({ "operatorType": "StringIn", "key": "a" }), "texts as values"),
        (json!({ "operatorType": "StringIn", "key": "a", "values": [] }), "texts as values"),
        (json!({ "operatorType": "StringIn", "key": "a", "values": ["x", 1] }), "texts as values"),
        (json!({ "operatorType": "NumberIn", "key": "a", "values": ["1"] }), "numbers as values"),
        (json!({ "operatorType": "NumberLessThan", "key": "a", "values": [1] }), "a number as value"),
        (json!({ "operatorType": "BoolEquals", "key": "a", "value": "true" }), "true or false as value"),
        (json!({ "operatorType": "NumberInRange", "key": "a", "values": [[1]] }), "pairs of numbers"),
        (json!({ "operatorType": "NumberInRange", "key": "a", "values": [1, 2] }), "pairs of numbers"),
        (json!({ "key": "a" }), "operatorType"),
    ] {
        let refused = read(document.clone()).expect_err("no condition");
        assert!(refused.contains(expected), "{document}: {refused}");
    }
}

fn spec() -> Spec {
    Spec {
        destination: Destination::WebHook {
            base_url: "https://example.org/hook".to_owned(),
            max_events_per_batch: 10,
            preferred_batch_size_kb: 64,
            mappings: vec![
                Mapping {
                    name: "X-Static".to_owned(),
                    kind: MappingKind::Static { value: Some("v".to_owned()), is_secret: false },
                },
                Mapping {
                    name: "X-Secret".to_owned(),
                    kind: MappingKind::Static { value: None, is_secret: true },
                },
                Mapping {
                    name: "X-From".to_owned(),
                    kind: MappingKind::Dynamic { source_field: "data.from".to_owned() },
                },
            ],
        },
        filter: Filter {
            included_event_types: Some(vec!["Microsoft.Communication.SMSReceived".to_owned()]),
            subject_begins_with: "/phonenumber".to_owned(),
            advanced: vec![AdvancedFilter { key: "data.from".to_owned(), test: Test::IsNotNull }],
            ..Filter::default()
        },
        labels: vec!["a".to_owned()],
        expires: Some(Timestamp::from_seconds(1_800_000_000)),
        schema: Schema::CloudEventSchemaV1_0,
        retry: Retry { max_delivery_attempts: 3, event_time_to_live_minutes: 5 },
        dead_letter: Some(DeadLetterPlace { resource_id: "/s/a".to_owned(), container: "dead".to_owned() }),
    }
}

#[test]
fn a_stored_spec_is_read_as_it_was() {
    let text = serde_json::to_string(&spec()).expect("a spec is JSON");
    assert_eq!(serde_json::from_str::<Spec>(&text).expect("written by us"), spec());
    let nats = Spec { destination: Destination::Nats { subject: "a.b".to_owned() }, ..spec() };
    let text = serde_json::to_string(&nats).expect("a spec is JSON");
    assert_eq!(serde_json::from_str::<Spec>(&text).expect("written by us"), nats);
    assert!(!nats.destination.is_batching() && nats.destination.mappings().is_empty());
    assert!(spec().destination.is_batching());
}

#[test]
fn a_spec_that_says_only_where_has_the_usual_rest() {
    let short = json!({ "destination": { "type": "nats", "subject": "a" } });
    let spec: Spec = serde_json::from_value(short).expect("the rest is usual");
    assert_eq!(spec.retry, Retry { max_delivery_attempts: 30, event_time_to_live_minutes: 1440 });
    assert_eq!(
        (spec.schema, spec.filter, spec.dead_letter),
        (Schema::EventGridSchema, Filter::default(), None)
    );
}

#[test]
fn a_misspelt_member_of_a_filter_is_refused() {
    let misspelt = json!({ "includedEventType": ["Microsoft.Communication.SMSReceived"] });
    assert!(serde_json::from_value::<Filter>(misspelt).is_err());
    assert!(serde_json::from_value::<Filter>(json!({})).is_ok_and(|filter| filter == Filter::default()));
}

#[test]
fn words_of_states_and_schemas_are_those_of_arm() {
    for state in Provisioning::ALL {
        assert_eq!(Provisioning::find(state.name()), Some(state));
        assert_eq!(json!(state), json!(state.name()));
    }
    assert_eq!(Provisioning::find("Done"), None);
    for schema in [Schema::EventGridSchema, Schema::CloudEventSchemaV1_0] {
        assert_eq!(json!(schema), json!(schema.name()));
    }
}

#[test]
fn secrets_do_not_print_and_come_back_from_the_vault() {
    let secrets = Secrets {
        endpoint_url: Secret::new("https://example.org/?code=hunter2".to_owned()),
        headers: BTreeMap::from([("X-Key".to_owned(), Secret::new("hunter2".to_owned()))]),
    };
    assert!(!format!("{secrets:?}").contains("hunter2"));
    let back = Secrets::from_json(&secrets.to_json()).expect("written by us");
    assert_eq!(back.endpoint_url.expose(), secrets.endpoint_url.expose());
    assert_eq!(back.headers["X-Key"].expose(), "hunter2");
    assert!(Secrets::from_json(&Secret::new(b"[]".to_vec())).is_none());
}

proptest! {
    /// Up to fifteen digits: beyond, the reader of JSON may be off by the last bit.
    #[test]
    fn numbers_of_conditions_round_trip(digits in -999_999_999_999_999_i64..=999_999_999_999_999, places in 0..6) {
        let number = digits as f64 / 10_f64.powi(places);
        let condition = AdvancedFilter { key: "data.a".to_owned(), test: Test::NumberIn(vec![number]) };
        let text = serde_json::to_string(&condition).expect("conditions are JSON");
        let back: AdvancedFilter = serde_json::from_str(&text).expect("written by us");
        prop_assert_eq!(back, condition);
    }
}
