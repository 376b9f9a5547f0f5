//! What is accepted, what is refused, and with which field.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline_kernel::{Secret, Timestamp};

use super::{
    Conditions, Proposal, ProposedDestination, ProposedMapping, ProposedMappingKind, check, check_name,
};
use crate::model::{
    DeadLetterPlace, Destination, Filter, Mapping, MappingKind, Retry, Schema, Secrets, Spec,
};

const NOW: Timestamp = Timestamp::EPOCH;
const CONDITIONS: Conditions = Conditions { allow_http: false, has_nats: true, now: NOW };
const URL: &str = "https://example.org/hook?code=hunter2";

fn proposal() -> Proposal {
    Proposal {
        destination: web_hook(URL, Vec::new()),
        filter: Filter::default(),
        labels: Vec::new(),
        schema: Schema::EventGridSchema,
        max_delivery_attempts: None,
        event_time_to_live_minutes: None,
        dead_letter: None,
        expires: None,
    }
}

fn web_hook(url: &str, mappings: Vec<ProposedMapping>) -> ProposedDestination {
    ProposedDestination::WebHook {
        url: Secret::new(url.to_owned()),
        max_events_per_batch: None,
        preferred_batch_size_kb: None,
        mappings,
    }
}

fn accepted(proposal: Proposal) -> (Spec, Secrets) {
    check(proposal, None, &CONDITIONS).expect("all rules are kept")
}

/// The field and the sentence of the refusal.
fn refused(proposal: Proposal) -> (&'static str, String) {
    let failure = check(proposal, None, &CONDITIONS).expect_err("a rule is broken");
    assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    (failure.target, failure.message)
}

#[test]
fn a_web_hook_alone_gets_the_usual_rest() {
    let (spec, secrets) = accepted(proposal());
    let expected = Spec {
        destination: Destination::WebHook {
            base_url: "https://example.org/hook".to_owned(),
            max_events_per_batch: 1,
            preferred_batch_size_kb: 64,
            mappings: Vec::new(),
        },
        filter: Filter::default(),
        labels: Vec::new(),
        expires: None,
        schema: Schema::EventGridSchema,
        retry: Retry { max_delivery_attempts: 30, event_time_to_live_minutes: 1440 },
        dead_letter: None,
    };
    assert_eq!(spec, expected);
    assert_eq!(secrets.endpoint_url.expose(), URL);
    assert!(!serde_json::to_string(&spec).expect("a spec is JSON").contains("hunter2"));
}

#[test]
fn names_have_letters_digits_and_hyphens() {
    for good in ["abc", "A-1", "---", &"x".repeat(64)] {
        assert_eq!(check_name(good), Ok(()), "{good}");
    }
    for bad in ["", "ab", "a_b", "a.b", "a b", "äbc", "a/b", &"x".repeat(65)] {
        assert_eq!(check_name(bad).map_err(|failure| failure.target), Err("name"), "{bad}");
    }
}

#[test]
fn addresses_are_https_without_password_or_fragment() {
    for good in
        ["https://h", "HTTPS://h/", "https://h:8443/a/b?c=d&e", "https://[::1]:1/", "https://10.0.0.1/"]
    {
        let outcome =
            check(Proposal { destination: web_hook(good, Vec::new()), ..proposal() }, None, &CONDITIONS);
        assert!(outcome.is_ok(), "{good}");
    }
    for bad in [
        "",
        "h",
        "/hook",
        "https://",
        "https:///hook",
        "http://h/",
        "ftp://h/",
        "https://u:hunter2@h/",
        "https://h:/",
        "https://h:99999999/",
        "https://h/#hunter2",
        "https://h/a b",
        "https://h/ü",
        "https://h/\n",
        &format!("https://h/{}", "x".repeat(2048)),
    ] {
        let (target, _) = refused(Proposal { destination: web_hook(bad, Vec::new()), ..proposal() });
        assert_eq!(target, "endpointUrl", "{bad}");
    }
}

#[test]
fn plain_http_needs_the_setting() {
    let proposal = Proposal { destination: web_hook("http://127.0.0.1:80/?a", Vec::new()), ..proposal() };
    let (_, message) = refused(proposal.clone());
    assert!(message.contains("events.allow_http"));
    let conditions = Conditions { allow_http: true, ..CONDITIONS };
    let (spec, _) = check(proposal, None, &conditions).expect("the setting is on");
    assert!(
        matches!(spec.destination, Destination::WebHook { base_url, .. } if base_url == "http://127.0.0.1:80/")
    );
}

#[test]
fn numbers_are_whole_and_in_their_range() {
    let attempts = |value| Proposal { max_delivery_attempts: Some(value), ..proposal() };
    let minutes = |value| Proposal { event_time_to_live_minutes: Some(value), ..proposal() };
    let batch = |events, size_kb| Proposal {
        destination: ProposedDestination::WebHook {
            url: Secret::new(URL.to_owned()),
            max_events_per_batch: Some(events),
            preferred_batch_size_kb: Some(size_kb),
            mappings: Vec::new(),
        },
        ..proposal()
    };
    for good in
        [attempts(1.0), attempts(30.0), minutes(1.0), minutes(1440.0), batch(1.0, 1.0), batch(5000.0, 1024.0)]
    {
        assert!(check(good, None, &CONDITIONS).is_ok());
    }
    for bad in [0.0, 31.0, 1.5, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(attempts(bad)).0, "maxDeliveryAttempts", "{bad}");
    }
    assert_eq!(refused(minutes(1441.0)).0, "eventTimeToLiveInMinutes");
    assert_eq!(refused(batch(5001.0, 64.0)).0, "maxEventsPerBatch");
    assert_eq!(refused(batch(1.0, 1025.0)).0, "preferredBatchSizeInKilobytes");
}

#[test]
fn a_subscription_ends_in_the_future() {
    let ending = |expires| Proposal { expires: Some(expires), ..proposal() };
    let later = Timestamp::from_seconds(1);
    assert_eq!(accepted(ending(later)).0.expires, Some(later));
    assert_eq!(refused(ending(NOW)).0, "expirationTimeUtc");
}

#[test]
fn labels_are_bounded() {
    let labelled = |labels| Proposal { labels, ..proposal() };
    assert_eq!(accepted(labelled(vec!["é".repeat(256); 100])).0.labels.len(), 100);
    assert_eq!(refused(labelled(vec![String::new(); 101])).0, "labels");
    assert_eq!(refused(labelled(vec!["x".repeat(257)])).0, "labels");
}

fn with_types(types: &[&str]) -> Proposal {
    let included_event_types = Some(types.iter().map(|&name| name.to_owned()).collect());
    Proposal { filter: Filter { included_event_types, ..Filter::default() }, ..proposal() }
}

#[test]
fn event_types_are_kept_once_as_they_are_spelt() {
    let types = |names: &[&str]| accepted(with_types(names)).0.filter.included_event_types;
    assert_eq!(
        types(&["microsoft.communication.smsreceived", "Microsoft.Communication.SMSReceived"]),
        Some(vec!["Microsoft.Communication.SMSReceived".to_owned()])
    );
    assert_eq!(
        types(&["Microsoft.Communication.ChatMemberAddedToThreadWithUser"]),
        Some(vec!["Microsoft.Communication.ChatMemberAddedToThreadWithUser".to_owned()])
    );
    assert_eq!(types(&[]), None);
    assert_eq!(types(&["Microsoft.Communication.SMSReceived", "all"]), None);
    let (target, message) = refused(with_types(&["Microsoft.Storage.BlobCreated"]));
    assert_eq!(target, "includedEventTypes");
    assert!(message.contains("'Microsoft.Storage.BlobCreated'"));
}

fn with_conditions(conditions: Value) -> Proposal {
    let advanced = serde_json::from_value(conditions).expect("the conditions are well formed");
    Proposal { filter: Filter { advanced, ..Filter::default() }, ..proposal() }
}

#[test]
fn filters_have_25_conditions_and_25_values_in_all() {
    let is_not_null = json!({ "operatorType": "IsNotNull", "key": "data.a" });
    accepted(with_conditions(json!(vec![is_not_null.clone(); 25])));
    assert_eq!(refused(with_conditions(json!(vec![is_not_null; 26]))).0, "advancedFilters");
    let among = |count| json!({ "operatorType": "StringIn", "key": "data.a", "values": vec!["x"; count] });
    accepted(with_conditions(json!([among(20), among(5)])));
    let (_, message) = refused(with_conditions(json!([among(20), among(6)])));
    assert!(message.contains("not 26"));
}

#[test]
fn conditions_have_keys_and_values_of_bounded_length() {
    let condition = |key: &str, value: &str| {
        with_conditions(json!([{ "operatorType": "StringIn", "key": key, "values": [value] }]))
    };
    accepted(condition("data.a", &"é".repeat(512)));
    for bad in [
        condition("", "x"),
        condition("nothing", "x"),
        condition("data.", "x"),
        condition("data.a\\b", "x"),
        condition("data.\"a\"", "x"),
        condition("data.a\n", "x"),
        condition(&format!("data.{}", "x".repeat(256)), "x"),
        condition("data.a", &"x".repeat(513)),
        with_conditions(json!([{ "operatorType": "NumberInRange", "key": "data.a", "values": [[2, 1]] }])),
    ] {
        assert_eq!(refused(bad).0, "advancedFilters");
    }
}

#[test]
fn keys_are_those_of_the_schema() {
    let source = with_conditions(json!([{ "operatorType": "IsNotNull", "key": "source" }]));
    let (_, message) = refused(source.clone());
    assert!(message.contains("topic"), "{message}");
    accepted(Proposal { schema: Schema::CloudEventSchemaV1_0, ..source });
}

#[test]
fn subject_filters_are_bounded() {
    let begins = |text: String| Proposal {
        filter: Filter { subject_begins_with: text, ..Filter::default() },
        ..proposal()
    };
    accepted(begins("x".repeat(512)));
    assert_eq!(refused(begins("x".repeat(513))).0, "subjectBeginsWith");
}

fn fixed(name: &str, value: Option<&str>, is_secret: bool) -> ProposedMapping {
    let value = value.map(|value| Secret::new(value.to_owned()));
    ProposedMapping { name: name.to_owned(), kind: ProposedMappingKind::Static { value, is_secret } }
}

fn dynamic(name: &str, field: &str) -> ProposedMapping {
    let kind = ProposedMappingKind::Dynamic { source_field: field.to_owned() };
    ProposedMapping { name: name.to_owned(), kind }
}

fn with_headers(mappings: Vec<ProposedMapping>) -> Proposal {
    Proposal { destination: web_hook(URL, mappings), ..proposal() }
}

#[test]
fn secret_headers_are_stored_apart() {
    let (spec, secrets) = accepted(with_headers(vec![
        fixed("Authorization", Some("hunter2"), true),
        fixed("X-Plain", Some("seen"), false),
        dynamic("X-From", "data.from"),
    ]));
    let expected = [
        Mapping {
            name: "Authorization".to_owned(),
            kind: MappingKind::Static { value: None, is_secret: true },
        },
        Mapping {
            name: "X-Plain".to_owned(),
            kind: MappingKind::Static { value: Some("seen".to_owned()), is_secret: false },
        },
        Mapping {
            name: "X-From".to_owned(),
            kind: MappingKind::Dynamic { source_field: "data.from".to_owned() },
        },
    ];
    assert_eq!(spec.destination.mappings(), expected);
    assert_eq!(secrets.headers.keys().collect::<Vec<_>>(), ["Authorization"]);
    assert_eq!(secrets.headers["Authorization"].expose(), "hunter2");
}

#[test]
fn a_secret_that_is_left_out_is_kept() {
    let proposal = with_headers(vec![fixed("x-key", None, true)]);
    assert_eq!(refused(proposal.clone()).0, "deliveryAttributeMappings");
    let kept = Secrets {
        endpoint_url: Secret::default(),
        headers: BTreeMap::from([("X-Key".to_owned(), Secret::new("old".to_owned()))]),
    };
    let (_, secrets) = check(proposal, Some(&kept), &CONDITIONS).expect("the old value is kept");
    assert_eq!(secrets.headers["x-key"].expose(), "old");
    let newer = with_headers(vec![fixed("X-Key", Some("new"), true)]);
    let (_, secrets) = check(newer, Some(&kept), &CONDITIONS).expect("a value is given");
    assert_eq!(secrets.headers["X-Key"].expose(), "new");
}

#[test]
fn headers_of_the_service_and_of_the_connection_are_refused() {
    for name in [
        "aeg-event-type",
        "AEG-anything",
        "Host",
        "Content-Type",
        "content-length",
        "Connection",
        "Keep-Alive",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Expect",
        "WebHook-Request-Origin",
        "",
        "X Y",
        "X\n",
    ] {
        let (target, _) = refused(with_headers(vec![fixed(name, Some("v"), false)]));
        assert_eq!(target, "deliveryAttributeMappings", "{name}");
    }
}

#[test]
fn headers_are_ten_different_ones_with_values() {
    let numbered = |count: usize| (0..count).map(|n| fixed(&format!("X-{n}"), Some("v"), false)).collect();
    accepted(with_headers(numbered(10)));
    for bad in [
        numbered(11),
        vec![fixed("X-A", Some("1"), false), fixed("x-a", Some("2"), false)],
        vec![fixed("X-A", None, false)],
        vec![fixed("X-A", Some("hunter2\r\n"), true)],
        vec![fixed("X-A", Some(&"x".repeat(4097)), false)],
        vec![dynamic("X-A", "nothing")],
        vec![dynamic("X-A", "")],
    ] {
        assert_eq!(refused(with_headers(bad)).0, "deliveryAttributeMappings");
    }
}

#[test]
fn nats_subjects_are_plain_and_need_a_server() {
    let nats = |subject: &str| Proposal {
        destination: ProposedDestination::Nats { subject: subject.to_owned() },
        ..proposal()
    };
    let (spec, secrets) = accepted(nats("trunkline.events.sms"));
    assert_eq!(spec.destination, Destination::Nats { subject: "trunkline.events.sms".to_owned() });
    assert!(secrets.endpoint_url.expose().is_empty() && secrets.headers.is_empty());
    for bad in ["", ".", "a..b", "a.", "a b", "a.*", "a.>", "ä", "a\r\n", &"x".repeat(256)] {
        assert_eq!(refused(nats(bad)).0, "subject", "{bad}");
    }
    let conditions = Conditions { has_nats: false, ..CONDITIONS };
    let failure = check(nats("a"), None, &conditions).expect_err("no server");
    assert!(failure.message.contains("events.nats.url"));
}

#[test]
fn containers_of_dead_letters_have_names_of_containers() {
    let place = |container: &str| Proposal {
        dead_letter: Some(DeadLetterPlace { resource_id: "/a".to_owned(), container: container.to_owned() }),
        ..proposal()
    };
    for good in ["abc", "dead-letters", "0-0", &"x".repeat(63)] {
        assert!(accepted(place(good)).0.dead_letter.is_some(), "{good}");
    }
    for bad in ["", "ab", "Dead", "a_b", "-ab", "ab-", "a--b", "../..", "a/b", &"x".repeat(64)] {
        assert_eq!(refused(place(bad)).0, "deadLetterDestination", "{bad}");
    }
}

#[test]
fn what_is_stored_is_accepted_again_unchanged() {
    let first = Proposal {
        filter: Filter {
            included_event_types: Some(vec!["Microsoft.Communication.IncomingCall".to_owned()]),
            advanced: serde_json::from_value(json!([{ "operatorType": "IsNotNull", "key": "data.to" }]))
                .expect("a condition"),
            ..Filter::default()
        },
        max_delivery_attempts: Some(3.0),
        expires: Some(Timestamp::from_seconds(60)),
        ..with_headers(vec![fixed("X-Key", Some("hunter2"), true), dynamic("X-To", "data.to.rawId")])
    };
    let (spec, secrets) = accepted(first);
    let (again, secrets_again) = accepted(Proposal::of(&spec, &secrets));
    assert_eq!(again, spec);
    assert_eq!(secrets_again.to_json().expose(), secrets.to_json().expose());
    let nats = Proposal { destination: ProposedDestination::Nats { subject: "a".to_owned() }, ..proposal() };
    let (spec, secrets) = accepted(nats);
    assert_eq!(accepted(Proposal::of(&spec, &secrets)).0, spec);
}

proptest! {
    #[test]
    fn no_address_panics_and_none_shows_its_query(host in "\\PC{0,12}", query in "[a-z]{8}") {
        let url = format!("https://{host}?{query}hunter2");
        match check(Proposal { destination: web_hook(&url, Vec::new()), ..proposal() }, None, &CONDITIONS) {
            Ok((Spec { destination: Destination::WebHook { base_url, .. }, .. }, _)) => {
                prop_assert!(!base_url.contains("hunter2"));
            }
            Ok(_) => prop_assert!(false, "a web hook stays one"),
            Err(failure) => prop_assert!(!failure.message.contains("hunter2")),
        }
    }

    #[test]
    fn no_name_panics(name in any::<String>()) {
        let _ = check_name(&name);
        let _ = check(with_headers(vec![fixed(&name, Some(&name), true)]), None, &CONDITIONS);
        let nats = Proposal { destination: ProposedDestination::Nats { subject: name }, ..proposal() };
        let _ = check(nats, None, &CONDITIONS);
    }
}
