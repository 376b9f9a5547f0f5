//! Filters against events: every operator on every kind of value.

use std::cell::OnceCell;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::compile::FilterError;
use super::{Field, Matcher, View};
use crate::model::{AdvancedFilter, Filter, OPERATORS, Schema};

const TOPIC: &str =
    "/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/CommunicationServices/C";

/// An event and how often its data was parsed.
struct Sample {
    data: OnceCell<Value>,
    raw: String,
    subject: &'static str,
}

impl Sample {
    fn new(data: &Value) -> Self {
        Self { data: OnceCell::new(), raw: data.to_string(), subject: "thread/19:a@thread.v2/Sender/ÄB" }
    }

    fn view(&self) -> View<'_> {
        View {
            id: "0a1b",
            topic: TOPIC,
            subject: self.subject,
            event_type: "Microsoft.Communication.SMSReceived",
            data: &self.data,
            raw_data: &self.raw,
        }
    }
}

fn filter(conditions: Value) -> Filter {
    Filter {
        advanced: serde_json::from_value(conditions).expect("the conditions are well formed"),
        ..Filter::default()
    }
}

/// Whether an event with `data` passes one condition on `data.x`, with arrays off and on.
fn passes(condition: &Value, data: &Value) -> [bool; 2] {
    let mut condition = condition.clone();
    condition["key"] = json!("data.x");
    [false, true].map(|looks_into_arrays| {
        let filter = Filter {
            enable_advanced_filtering_on_arrays: looks_into_arrays,
            ..filter(json!([condition.clone()]))
        };
        let matcher = Matcher::compile(&filter, Schema::EventGridSchema).expect("the key is one of the data");
        matcher.matches(&Sample::new(data).view())
    })
}

const NO: [bool; 2] = [false, false];
const YES: [bool; 2] = [true, true];
const ARRAYS_ON: [bool; 2] = [false, true];

/// What an operator makes of a value that fits, one that does not, and of everything that is no such value.
struct Row {
    condition: Value,
    fits: Value,
    differs: Value,
    /// Of another kind, and therefore as good as absent.
    other: Value,
    is_negated: bool,
    when_absent: [bool; 2],
}

fn row(operator: &str, values: &Value, fits: Value, differs: Value) -> Row {
    let several = values.is_array();
    let member = if several { "values" } else { "value" };
    let other = if fits.is_string() { json!(7) } else { json!("seven") };
    let is_negated = operator.contains("Not");
    let is_absence_fine = matches!(operator, "NumberNotIn" | "StringNotIn" | "NumberNotInRange");
    Row {
        condition: json!({ "operatorType": operator, member: values }),
        fits,
        differs,
        other,
        is_negated,
        when_absent: if is_absence_fine { YES } else { NO },
    }
}

fn rows() -> Vec<Row> {
    vec![
        row("NumberIn", &json!([1, 2.5]), json!(2.5), json!(3)),
        row("NumberNotIn", &json!([1, 2.5]), json!(3), json!(1)),
        row("NumberLessThan", &json!(10), json!(9.99), json!(10)),
        row("NumberGreaterThan", &json!(10), json!(10.01), json!(10)),
        row("NumberLessThanOrEquals", &json!(10), json!(10), json!(11)),
        row("NumberGreaterThanOrEquals", &json!(10), json!(10), json!(9)),
        row("NumberInRange", &json!([[1, 5], [10, 20]]), json!(20), json!(6)),
        row("NumberNotInRange", &json!([[1, 5], [10, 20]]), json!(6), json!(1)),
        row("BoolEquals", &json!(true), json!(true), json!(false)),
        row("StringIn", &json!(["Red", "blau"]), json!("BLAU"), json!("red ")),
        row("StringNotIn", &json!(["Red", "blau"]), json!("red "), json!("rED")),
        row("StringBeginsWith", &json!(["+49", "Ä"]), json!("ärger"), json!("a+49")),
        row("StringNotBeginsWith", &json!(["+49", "Ä"]), json!("a+49"), json!("+4915")),
        row("StringEndsWith", &json!([".ORG", "É"]), json!("a@example.org"), json!("org.")),
        row("StringNotEndsWith", &json!([".ORG", "É"]), json!("org."), json!("caFé")),
        row("StringContains", &json!(["needle", "Straße"]), json!("a NEEDLE."), json!("need le")),
        row("StringNotContains", &json!(["needle", "Straße"]), json!("need le"), json!("in der STRAßE")),
    ]
}

#[test]
fn operators_compare_single_values() {
    for Row { condition, fits, differs, .. } in rows() {
        assert_eq!(passes(&condition, &json!({ "x": fits })), YES, "{condition} {fits}");
        assert_eq!(passes(&condition, &json!({ "x": differs })), NO, "{condition} {differs}");
    }
}

#[test]
fn what_is_absent_null_or_of_another_kind_passes_only_not_in() {
    for Row { condition, other, when_absent, .. } in rows() {
        for data in [
            json!({}),
            json!({ "x": null }),
            json!({ "x": other }),
            json!({ "x": {} }),
            json!(null),
            json!(5),
        ] {
            assert_eq!(passes(&condition, &data), when_absent, "{condition} {data}");
        }
    }
}

#[test]
fn arrays_pass_only_when_they_are_looked_into() {
    for Row { condition, fits, differs, other, is_negated, .. } in rows() {
        let check = |elements: Value, expected| {
            assert_eq!(passes(&condition, &json!({ "x": elements })), expected, "{condition} {elements}");
        };
        check(json!([fits]), ARRAYS_ON);
        check(json!([differs]), NO);
        // One element that is named is enough for the one sort of operators and too much for the other.
        check(json!([differs, fits]), if is_negated { NO } else { ARRAYS_ON });
        check(json!([other, null]), if is_negated { ARRAYS_ON } else { NO });
        check(json!([]), if is_negated { ARRAYS_ON } else { NO });
        check(json!([fits, {}]), NO);
        check(json!([[fits]]), NO);
    }
}

#[test]
fn null_operators_ask_only_whether_something_is_there() {
    let is_null = json!({ "operatorType": "IsNullOrUndefined" });
    let is_not_null = json!({ "operatorType": "IsNotNull" });
    for data in [json!({}), json!({ "x": null }), json!([]), json!({ "y": 1 })] {
        assert_eq!((passes(&is_null, &data), passes(&is_not_null, &data)), (YES, NO), "{data}");
    }
    for data in
        [json!({ "x": 0 }), json!({ "x": "" }), json!({ "x": false }), json!({ "x": {} }), json!({ "x": [] })]
    {
        assert_eq!((passes(&is_null, &data), passes(&is_not_null, &data)), (NO, YES), "{data}");
    }
}

#[test]
fn every_operator_is_in_the_tables_above() {
    let mut tested: Vec<String> = rows()
        .iter()
        .map(|row| row.condition["operatorType"].as_str().expect("a name").to_owned())
        .chain(["IsNullOrUndefined".to_owned(), "IsNotNull".to_owned()])
        .collect();
    let mut known = OPERATORS.to_vec();
    tested.sort_unstable();
    known.sort_unstable();
    assert_eq!(tested, known);
}

#[test]
fn keys_name_the_envelope_in_any_case() {
    let holds = |schema, key: &str, value: &str| {
        let filter = filter(json!([{ "operatorType": "StringIn", "key": key, "values": [value] }]));
        let matcher = Matcher::compile(&filter, schema).expect("the key is known");
        let sample = Sample::new(&json!({}));
        let holds = matcher.matches(&sample.view());
        assert_eq!(sample.data.get(), None, "{key}");
        holds
    };
    for (key, value) in [
        ("Id", "0A1B"),
        ("Topic", TOPIC),
        ("SUBJECT", "THREAD/19:A@THREAD.V2/sender/äb"),
        ("EventType", "microsoft.communication.smsreceived"),
        ("DataVersion", "1.0"),
    ] {
        assert!(holds(Schema::EventGridSchema, key, value), "{key}");
        assert!(!holds(Schema::EventGridSchema, key, "other"), "{key}");
    }
    for (key, value) in [
        ("ID", "0a1b"),
        ("source", TOPIC),
        ("subject", "thread/19:a@thread.v2/sender/ÄB"),
        ("type", "Microsoft.Communication.SMSReceived"),
        ("eventType", "Microsoft.Communication.SMSReceived"),
        ("specversion", "1.0"),
    ] {
        assert!(holds(Schema::CloudEventSchemaV1_0, key, value), "{key}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    for key in
        ["", "topic ", "source", "specversion", "dat", "data.", "data..x", "data.x.", "x.data", "étape"]
    {
        let filter = filter(json!([{ "operatorType": "IsNotNull", "key": key }]));
        let refused = Matcher::compile(&filter, Schema::EventGridSchema).expect_err("no such field");
        assert!(matches!(refused, FilterError::Key { key: named, .. } if named == key));
    }
    assert_eq!(Field::parse("topic", Schema::CloudEventSchemaV1_0), None);
}

#[test]
fn keys_of_data_lead_to_depth_exact_spelling_first() {
    let data =
        json!({ "A": { "b": { "C": "deep" } }, "from": "exact", "From": "other", "list": [{ "x": "in" }] });
    let holds = |key: &str, value: &str| {
        let filter = filter(json!([{ "operatorType": "StringIn", "key": key, "values": [value] }]));
        Matcher::compile(&filter, Schema::EventGridSchema)
            .expect("a key of data")
            .matches(&Sample::new(&data).view())
    };
    assert!(holds("data.a.B.c", "deep"));
    assert!(holds("DATA.A.b.C", "deep"));
    assert!(holds("data.from", "exact") && !holds("data.from", "other"));
    assert!(holds("data.From", "other") && !holds("data.From", "exact"));
    assert!(holds("data.FROM", "exact") || holds("data.FROM", "other"));
    assert!(!holds("data.a.b.c.d", "deep") && !holds("data.list.x", "in") && !holds("data.list.0.x", "in"));
}

#[test]
fn subjects_are_compared_as_the_subscription_says() {
    let check = |begins: &str, ends: &str, is_case_sensitive, expected: bool| {
        let filter = Filter {
            subject_begins_with: begins.to_owned(),
            subject_ends_with: ends.to_owned(),
            is_subject_case_sensitive: is_case_sensitive,
            ..Filter::default()
        };
        let matcher = Matcher::compile(&filter, Schema::EventGridSchema).expect("no conditions");
        assert_eq!(matcher.matches(&Sample::new(&json!({})).view()), expected, "{begins} {ends}");
    };
    check("", "", false, true);
    check("THREAD/", "sender/äb", false, true);
    check("thread/", "Sender/ÄB", true, true);
    check("Thread/", "", true, false);
    check("", "äb", true, false);
    check("call/", "", false, false);
    check("thread/19:a@thread.v2/sender/äb and more", "", false, false);
}

#[test]
fn types_are_matched_by_name_and_by_names_of_old() {
    let matches = |types: &[&str], event_type: &str| {
        let included_event_types = Some(types.iter().map(|&name| name.to_owned()).collect());
        let filter = Filter { included_event_types, ..Filter::default() };
        let matcher = Matcher::compile(&filter, Schema::EventGridSchema).expect("no conditions");
        matcher.matches(&View { event_type, ..Sample::new(&json!({})).view() })
    };
    let sms = "Microsoft.Communication.SMSReceived";
    assert!(matches(&["microsoft.communication.smsreceived"], sms));
    assert!(!matches(&["Microsoft.Communication.SMSDeliveryReportReceived"], sms));
    assert!(!matches(&[], sms));
    let added = "Microsoft.Communication.ChatParticipantAddedToThreadWithUser";
    assert!(matches(&["Microsoft.Communication.ChatMemberAddedToThreadWithUser"], added));
    assert!(!matches(&["Unknown"], sms));
}

#[test]
fn all_conditions_must_hold() {
    let both = |second: &str| {
        filter(json!([
            { "operatorType": "StringIn", "key": "data.x", "values": ["a"] },
            { "operatorType": "StringIn", "key": "Id", "values": [second] },
        ]))
    };
    let sample = Sample::new(&json!({ "x": "a" }));
    let matches = |filter: &Filter| {
        Matcher::compile(filter, Schema::EventGridSchema).expect("known keys").matches(&sample.view())
    };
    assert!(!matches(&both("other")));
    assert_eq!(sample.data.get(), None, "the envelope is looked at before the data is parsed");
    assert!(matches(&both("0a1b")));
}

#[test]
fn data_is_not_parsed_for_events_of_other_types() {
    let filter = Filter {
        included_event_types: Some(vec!["Microsoft.Communication.IncomingCall".to_owned()]),
        ..filter(json!([{ "operatorType": "IsNotNull", "key": "data.x" }]))
    };
    let matcher = Matcher::compile(&filter, Schema::EventGridSchema).expect("known keys");
    let sample = Sample::new(&json!({ "x": 1 }));
    assert!(!matcher.matches(&sample.view()));
    assert_eq!(sample.data.get(), None);
}

#[test]
fn damaged_data_holds_nothing() {
    let filter = filter(json!([{ "operatorType": "IsNullOrUndefined", "key": "data.x" }]));
    let matcher = Matcher::compile(&filter, Schema::EventGridSchema).expect("known keys");
    let sample = Sample { raw: "{\"x\":".to_owned(), ..Sample::new(&Value::Null) };
    assert!(matcher.matches(&sample.view()));
}

/// Any JSON of moderate size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[xX]|\\PC{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_filter_and_no_data_panic(
        operator in prop::sample::select(&OPERATORS[..]),
        key in "(data)?[.]?[xX]?[.]?\\PC{0,4}",
        value in any_json(),
        values in prop::collection::vec(any_json(), 0..4),
        data in any_json(),
        looks_into_arrays: bool,
    ) {
        let document = json!({ "operatorType": operator, "key": key, "value": value, "values": values });
        let Ok(condition) = serde_json::from_value::<AdvancedFilter>(document) else { return Ok(()) };
        let filter = Filter {
            advanced: vec![condition],
            enable_advanced_filtering_on_arrays: looks_into_arrays,
            ..Filter::default()
        };
        if let Ok(matcher) = Matcher::compile(&filter, Schema::EventGridSchema) {
            let _ = matcher.matches(&Sample::new(&data).view());
        }
    }

    #[test]
    fn an_operator_and_its_opposite_never_both_hold(
        texts in prop::collection::vec("\\PC{0,4}", 1..4),
        value in any_json(),
        looks_into_arrays: bool,
    ) {
        for (operator, opposite) in [
            ("StringIn", "StringNotIn"),
            ("StringBeginsWith", "StringNotBeginsWith"),
            ("StringEndsWith", "StringNotEndsWith"),
            ("StringContains", "StringNotContains"),
        ] {
            let [holds, opposite_holds] = [operator, opposite].map(|operator| {
                passes(&json!({ "operatorType": operator, "values": texts }), &json!({ "x": value }))
                    [usize::from(looks_into_arrays)]
            });
            prop_assert!(!(holds && opposite_holds), "{} {:?} {}", operator, texts, value);
        }
    }
}
