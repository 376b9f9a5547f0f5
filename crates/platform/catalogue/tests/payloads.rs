//! Payloads written and read again, instants, words of later versions, subjects.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use trunkline_catalogue::chat::ChatMessageReceived;
use trunkline_catalogue::email::{EmailDeliveryReportReceived, EmailStatus};
use trunkline_catalogue::identifiers::{Cloud, IdentifierKind};
use trunkline_catalogue::{
    Payload, UtcTime, calling, chat, chat_threads, email, messages, presence, recording,
};
use trunkline_catalogue::{find, router_jobs, router_workers, sms, subject};
use trunkline_kernel::Timestamp;

/// Reads the sample, writes it and compares: nothing is lost, nothing is added.
fn round_trip<P: Payload + DeserializeOwned>() {
    let known = find(P::EVENT_TYPE).expect("every payload is in the table");
    let read: P = serde_json::from_str(known.sample).expect("the sample is data of its type");
    let written = serde_json::to_value(&read).expect("payloads are JSON");
    assert_eq!(written, known.sample_data(), "{}", known.name);
}

#[test]
fn samples_round_trip() {
    round_trip::<messages::AdvancedMessageDeliveryStatusUpdated>();
    round_trip::<messages::AdvancedMessageReceived>();
    round_trip::<calling::CallEnded>();
    round_trip::<calling::CallParticipantAdded>();
    round_trip::<calling::CallParticipantRemoved>();
    round_trip::<calling::CallStarted>();
    round_trip::<calling::IncomingCall>();
    round_trip::<chat::ChatAzureBotCommandReceivedInThread>();
    round_trip::<chat::ChatMessageDeleted>();
    round_trip::<chat::ChatMessageDeletedInThread>();
    round_trip::<chat::ChatMessageEdited>();
    round_trip::<chat::ChatMessageEditedInThread>();
    round_trip::<ChatMessageReceived>();
    round_trip::<chat::ChatMessageReceivedInThread>();
    round_trip::<chat::ChatTypingIndicatorReceivedInThread>();
    round_trip::<chat_threads::ChatParticipantAddedToThreadWithUser>();
    round_trip::<chat_threads::ChatParticipantRemovedFromThreadWithUser>();
    round_trip::<chat_threads::ChatThreadCreated>();
    round_trip::<chat_threads::ChatThreadCreatedWithUser>();
    round_trip::<chat_threads::ChatThreadDeleted>();
    round_trip::<chat_threads::ChatThreadParticipantAdded>();
    round_trip::<chat_threads::ChatThreadParticipantRemoved>();
    round_trip::<chat_threads::ChatThreadPropertiesUpdated>();
    round_trip::<chat_threads::ChatThreadPropertiesUpdatedPerUser>();
    round_trip::<chat_threads::ChatThreadWithUserDeleted>();
    round_trip::<EmailDeliveryReportReceived>();
    round_trip::<email::EmailEngagementTrackingReportReceived>();
    round_trip::<presence::UserDisconnected>();
    round_trip::<recording::RecordingFileStatusUpdated>();
    round_trip::<router_jobs::RouterJobCancelled>();
    round_trip::<router_jobs::RouterJobClassificationFailed>();
    round_trip::<router_jobs::RouterJobClassified>();
    round_trip::<router_jobs::RouterJobClosed>();
    round_trip::<router_jobs::RouterJobCompleted>();
    round_trip::<router_jobs::RouterJobDeleted>();
    round_trip::<router_jobs::RouterJobExceptionTriggered>();
    round_trip::<router_jobs::RouterJobQueued>();
    round_trip::<router_jobs::RouterJobReceived>();
    round_trip::<router_jobs::RouterJobSchedulingFailed>();
    round_trip::<router_jobs::RouterJobUnassigned>();
    round_trip::<router_jobs::RouterJobWaitingForActivation>();
    round_trip::<router_jobs::RouterJobWorkerSelectorsExpired>();
    round_trip::<router_workers::RouterWorkerDeleted>();
    round_trip::<router_workers::RouterWorkerDeregistered>();
    round_trip::<router_workers::RouterWorkerOfferAccepted>();
    round_trip::<router_workers::RouterWorkerOfferDeclined>();
    round_trip::<router_workers::RouterWorkerOfferExpired>();
    round_trip::<router_workers::RouterWorkerOfferIssued>();
    round_trip::<router_workers::RouterWorkerOfferRevoked>();
    round_trip::<router_workers::RouterWorkerRegistered>();
    round_trip::<router_workers::RouterWorkerUpdated>();
    round_trip::<sms::SmsDeliveryReportReceived>();
    round_trip::<sms::SmsReceived>();
}

#[test]
fn words_of_later_versions_are_kept() {
    let known = find(EmailDeliveryReportReceived::EVENT_TYPE).expect("the type is published");
    let mut data = known.sample_data();
    data["status"] = json!("Expanded");
    let read: EmailDeliveryReportReceived = serde_json::from_value(data.clone()).expect("statuses are open");
    assert_eq!(read.status, Some(EmailStatus::Other("Expanded".to_owned())));
    assert_eq!(serde_json::to_value(&read).expect("payloads are JSON"), data);
    assert_eq!(json!(IdentifierKind::CommunicationUser), json!("communicationUser"));
    assert_eq!(json!(Cloud::Gcch), json!("gcch"));
}

#[test]
fn members_that_are_not_known_are_not_an_error() {
    let known = find(ChatMessageReceived::EVENT_TYPE).expect("the type is published");
    let mut data = known.sample_data();
    data["senderId"] = json!("8:acs:x");
    assert!((known.check)(&data).is_ok());
}

#[test]
fn what_is_absent_is_left_out_and_lists_are_there() {
    let data = json!({
        "sender": "a@example.org", "recipient": "b@example.org", "internetMessageId": "<1@example.org>"
    });
    let read: EmailDeliveryReportReceived =
        serde_json::from_value(data.clone()).expect("the rest may be absent");
    assert_eq!(serde_json::to_value(&read).expect("payloads are JSON"), data);
    let worker: router_workers::RouterWorkerRegistered =
        serde_json::from_value(json!({ "workerId": "w", "totalCapacity": 1 })).expect("lists may be absent");
    assert_eq!(
        serde_json::to_value(&worker).expect("payloads are JSON"),
        json!({
            "workerId": "w", "queueAssignments": [], "channelConfigurations": [], "totalCapacity": 1,
            "labels": {}, "tags": {}
        })
    );
}

#[test]
fn instants_end_in_z() {
    let time = UtcTime(Timestamp::from_micros(1_795_248_000_000_001));
    assert_eq!(time.to_string(), "2026-11-21T08:00:00.000001Z");
    assert_eq!(json!(time), json!("2026-11-21T08:00:00.000001Z"));
}

#[test]
fn subjects_follow_their_templates() {
    assert_eq!(subject::<sms::SmsReceived>(&["15550100"]), "/phonenumber/15550100");
    assert_eq!(
        subject::<ChatMessageReceived>(&["19:t@thread.v2", "8:acs:a_b", "8:acs:a_c"]),
        "thread/19:t@thread.v2/sender/8:acs:a_b/recipient/8:acs:a_c"
    );
    assert_eq!(
        subject::<chat_threads::ChatThreadParticipantAdded>(&["19:t@thread.v2", "{braces}"]),
        "thread/19:t@thread.v2/participantadded/{braces}"
    );
    assert_eq!(
        subject::<router_jobs::RouterJobCancelled>(&["j", "c", "done"]),
        "job/j/channel/c/disposition/done"
    );
}

proptest! {
    #[test]
    fn instants_round_trip(micros in any::<i64>()) {
        let time = UtcTime(Timestamp::from_micros(micros));
        let text = serde_json::to_string(&time).expect("an instant is JSON");
        prop_assert_eq!(serde_json::from_str::<UtcTime>(&text).expect("written by us"), time);
    }

    #[test]
    fn no_data_makes_a_check_panic(text in "\\PC{0,60}", number in any::<f64>()) {
        let odd = json!({ "version": number, "metadata": text.clone(), "recordingStorageInfo": [text], "to": null });
        for known in trunkline_catalogue::EVENT_TYPES {
            let _ = (known.check)(&odd);
        }
    }
}

#[test]
fn a_nested_error_is_read_to_its_depth() {
    let known = find("Microsoft.Communication.RouterJobClassificationFailed").expect("the type is published");
    let mut data = known.sample_data();
    data["errors"][0]["innererror"] =
        json!({ "code": "Inner", "message": "m", "target": "t", "details": [] });
    let read: router_jobs::RouterJobClassificationFailed =
        serde_json::from_value(data.clone()).expect("an error may have another");
    assert_eq!(serde_json::to_value(&read).expect("payloads are JSON"), data);
    assert_eq!(data.pointer("/errors/0/innererror/code").and_then(Value::as_str), Some("Inner"));
}
