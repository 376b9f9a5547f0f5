//! The samples: one per type, data of its type, nothing in them that the type does not know.

use serde_json::Value;
use trunkline_catalogue::{EVENT_TYPES, EventType, Family, NAME_PREFIX, find, find_with_aliases, spelling};

/// The published names without their prefix, as both SDKs list them (JS misspells the last job event).
const NAMES: &[&str] = &[
    "AdvancedMessageDeliveryStatusUpdated",
    "AdvancedMessageReceived",
    "CallEnded",
    "CallParticipantAdded",
    "CallParticipantRemoved",
    "CallStarted",
    "ChatAzureBotCommandReceivedInThread",
    "ChatMessageDeleted",
    "ChatMessageDeletedInThread",
    "ChatMessageEdited",
    "ChatMessageEditedInThread",
    "ChatMessageReceived",
    "ChatMessageReceivedInThread",
    "ChatParticipantAddedToThreadWithUser",
    "ChatParticipantRemovedFromThreadWithUser",
    "ChatThreadCreated",
    "ChatThreadCreatedWithUser",
    "ChatThreadDeleted",
    "ChatThreadParticipantAdded",
    "ChatThreadParticipantRemoved",
    "ChatThreadPropertiesUpdated",
    "ChatThreadPropertiesUpdatedPerUser",
    "ChatThreadWithUserDeleted",
    "ChatTypingIndicatorReceivedInThread",
    "EmailDeliveryReportReceived",
    "EmailEngagementTrackingReportReceived",
    "IncomingCall",
    "RecordingFileStatusUpdated",
    "RouterJobCancelled",
    "RouterJobClassificationFailed",
    "RouterJobClassified",
    "RouterJobClosed",
    "RouterJobCompleted",
    "RouterJobDeleted",
    "RouterJobExceptionTriggered",
    "RouterJobQueued",
    "RouterJobReceived",
    "RouterJobSchedulingFailed",
    "RouterJobUnassigned",
    "RouterJobWaitingForActivation",
    "RouterJobWorkerSelectorsExpired",
    "RouterWorkerDeleted",
    "RouterWorkerDeregistered",
    "RouterWorkerOfferAccepted",
    "RouterWorkerOfferDeclined",
    "RouterWorkerOfferExpired",
    "RouterWorkerOfferIssued",
    "RouterWorkerOfferRevoked",
    "RouterWorkerRegistered",
    "RouterWorkerUpdated",
    "SMSDeliveryReportReceived",
    "SMSReceived",
    "UserDisconnected",
];

#[test]
fn the_table_holds_the_published_types_in_order() {
    let names: Vec<&str> =
        EVENT_TYPES.iter().filter_map(|known| known.name.strip_prefix(NAME_PREFIX)).collect();
    assert_eq!(names, NAMES);
}

#[test]
fn types_are_found_in_any_case() {
    for known in EVENT_TYPES {
        let found = find(&known.name.to_ascii_uppercase()).map(|found| found.name);
        assert_eq!(found, Some(known.name));
    }
    assert!(find("Microsoft.Communication.Nothing").is_none());
    assert!(find("SMSReceived").is_none());
    assert!(find("").is_none());
}

#[test]
fn names_of_old_mean_the_types_of_today() {
    let old = "microsoft.communication.chatmemberaddedtothreadwithuser";
    let found = find_with_aliases(old).map(|found| found.name);
    assert_eq!(found, Some("Microsoft.Communication.ChatParticipantAddedToThreadWithUser"));
    assert_eq!(spelling(old), Some("Microsoft.Communication.ChatMemberAddedToThreadWithUser"));
    assert!(find(old).is_none(), "none of them is ever sent");
    assert_eq!(spelling("MICROSOFT.communication.SMSReceived"), Some("Microsoft.Communication.SMSReceived"));
    assert_eq!(spelling("Microsoft.Communication.Other"), None);
}

#[test]
fn samples_are_data_of_their_type() {
    for known in EVENT_TYPES {
        if let Err(failure) = (known.check)(&known.sample_data()) {
            panic!("{}: {failure}", known.name);
        }
    }
}

#[test]
fn data_of_another_shape_is_refused() {
    for known in EVENT_TYPES {
        assert!((known.check)(&Value::String("no object".to_owned())).is_err(), "{}", known.name);
        assert!((known.check)(&serde_json::json!({})).is_err(), "{} needs something", known.name);
    }
}

#[test]
fn samples_hold_only_members_of_the_schema() {
    for known in EVENT_TYPES {
        let schema = schema_of(known);
        let members =
            schema.pointer("/properties").and_then(Value::as_object).expect("a payload is an object");
        for member in known.sample_data().as_object().expect("a sample is an object").keys() {
            assert!(members.contains_key(member), "{}: {member}", known.name);
        }
    }
}

#[test]
fn a_sample_goes_with_a_subject_without_gaps() {
    for known in EVENT_TYPES {
        let subject = known.sample_subject();
        assert!(
            !subject.contains(['{', '}']) && !subject.contains("//") && !subject.ends_with('/'),
            "{subject}"
        );
    }
    let subject = |name: &str| find(name).expect("the type is published").sample_subject();
    assert_eq!(subject("Microsoft.Communication.SMSReceived"), "/phonenumber/15550100");
    assert_eq!(subject("Microsoft.Communication.RouterWorkerOfferIssued"), "worker/worker-7/job/job-31");
}

#[test]
fn every_family_has_types() {
    let count = |family| EVENT_TYPES.iter().filter(|known| known.family == family).count();
    assert_eq!(count(Family::Chat), 18);
    assert_eq!(count(Family::JobRouter), 22);
    assert_eq!(count(Family::Calling), 5);
    assert_eq!(count(Family::AdvancedMessaging), 2);
    assert_eq!(count(Family::Email), 2);
    assert_eq!(count(Family::Sms), 2);
    assert_eq!(count(Family::Presence), 1);
    assert_eq!(count(Family::Recording), 1);
}

fn schema_of(known: &EventType) -> schemars::Schema {
    (known.schema)(&mut schemars::SchemaGenerator::default())
}
