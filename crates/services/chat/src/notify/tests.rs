//! The frames of the ten notifications, to the byte.

use std::sync::Arc;

use serde_json::{Value, json};
use trunkline_kernel::Timestamp;

use super::*;
use crate::changes::{Change, Committed, Who};
use crate::rows::messages::Attachment;
use crate::rows::{MemberRow, MessageKind, MessagePersonRow, MessageRow, PersonNumber, ReceiptRow};

const THREAD: &str = "19:t+/1@thread.v2";
const SENDER: &str = "8:acs:R_B";
const RECIPIENT: &str = "8:acs:R_A";

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_micros(milliseconds * 1000)
}

fn person(number: i64, name: &str, metadata: &str) -> MessagePersonRow {
    MessagePersonRow {
        person: PersonNumber(number),
        raw_id: format!("8:acs:R_{number}").into(),
        name: name.to_owned(),
        metadata: metadata.to_owned(),
        share_history_at: Timestamp::EPOCH,
    }
}

pub(crate) fn row() -> MessageRow {
    MessageRow {
        number: 1,
        thread: ThreadNumber(7),
        id: 1_700_000_000_001,
        kind: MessageKind::Text,
        change: 12,
        first_change: 12,
        sequence: 3,
        version: 1_700_000_000_001,
        sender: PersonNumber(2),
        sender_raw: SENDER.into(),
        sender_name: "Bö".to_owned(),
        body: "hällo \" \\ %41".to_owned(),
        metadata: "{\"tag\":\"x\"}".to_owned(),
        attachments: Vec::new(),
        reply_to: None,
        mentions: String::new(),
        created_at: at(1_700_000_000_001),
        changed_at: at(1_700_000_000_001),
        edited_at: None,
        deleted_at: None,
        client_id: String::new(),
        people: Vec::new(),
    }
}

fn facts() -> ThreadFacts {
    let member = MemberRow {
        person: PersonNumber(2),
        raw_id: SENDER.to_owned(),
        ordinal: 1,
        name: "Bob".to_owned(),
        metadata: "{}".to_owned(),
        share_history_at: Timestamp::EPOCH,
        added_change: 1,
        removed_change: None,
    };
    ThreadFacts {
        id: THREAD.into(),
        properties: Some(Properties {
            topic: "Tö %41 😀".to_owned(),
            metadata: "{\"a\":\"ü\"}".to_owned(),
            retention_days: Some(60),
            created_at: at(1000),
            created_by_raw: SENDER.to_owned(),
        }),
        members: vec![member],
        member_count: 2,
    }
}

fn encode_all(what: Change) -> Vec<Arc<Notification>> {
    let committed = Committed { thread: ThreadNumber(7), change: 12, members_version: 1, what };
    encode(&committed, &facts(), 11)
}

/// The frame as the client gets it, and its body.
fn frame(notification: &Notification) -> (String, Value) {
    let mut out = Vec::new();
    let recipient = recipient(RECIPIENT);
    write_frame(notification, 107, &recipient, &mut out);
    assert_eq!(out.len(), frame_length(notification, 107, &recipient));
    let text = String::from_utf8(out).unwrap();
    let request: Value = serde_json::from_str(text.strip_prefix("3:::").unwrap()).unwrap();
    assert_eq!((&request["id"], &request["method"]), (&json!(107), &json!("POST")));
    assert_eq!(request["url"], json!("/v4/f/trunkline/"));
    assert_eq!(request["headers"]["Content-Type"], json!("application/json; charset=utf-8"));
    assert_eq!(request["headers"]["MS-CV"].as_str().unwrap().len(), 24);
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["recipientMri"], json!(RECIPIENT));
    assert!(body["senderId"].is_string());
    (text, body)
}

fn body(what: Change) -> Value {
    let [only] = &encode_all(what)[..] else { panic!("one notification") };
    frame(only).1
}

#[test]
fn a_message_received() {
    let message = MessageRow {
        attachments: vec![Attachment { id: "att1".to_owned(), name: "a.png".to_owned() }],
        ..row()
    };
    let [only] = &encode_all(Change::MessageSent(Arc::new(message)))[..] else { panic!("one") };
    let (text, body) = frame(only);
    let start = "3:::{\"id\":107,\"method\":\"POST\",\"url\":\"/v4/f/trunkline/\",\"headers\":";
    assert!(text.starts_with(start), "{text}");
    assert!(
        text.contains(
            r#""body":"{\"eventId\":200,\"senderId\":\"8:acs:R_B\",\"recipientMri\":\"8:acs:R_A\","#
        )
    );
    let images = "/chat/threads/19%3At%2B%2F1%40thread.v2/images/att1/views";
    let attachments = format!(
        r#"[{{"id":"att1","attachmentType":"image","name":"a.png","url":"{images}/original","previewUrl":"{images}/small"}}]"#
    );
    let expected = json!({
        "eventId": 200, "senderId": SENDER, "recipientMri": RECIPIENT, "groupId": THREAD,
        "messageId": "1700000000001", "clientMessageId": "", "senderDisplayName": "Bö", "messageType": "Text",
        "messageBody": "hällo \" \\ %41", "version": "1700000000001",
        "originalArrivalTime": "2023-11-14T22:13:20.001Z", "acsChatMessageMetadata": "{\"tag\":\"x\"}",
        "attachments": attachments,
    });
    assert_eq!(body, expected);
}

#[test]
fn a_message_edited_and_deleted() {
    let edited = MessageRow {
        kind: MessageKind::Html,
        first_change: 5,
        edited_at: Some(at(1_700_000_000_500)),
        metadata: String::new(),
        ..row()
    };
    let told = body(Change::MessageEdited(Arc::new(edited)));
    assert_eq!((&told["eventId"], &told["messageType"]), (&json!(247), &json!("RichText/Html")));
    assert_eq!(told["edittime"], json!("2023-11-14T22:13:20.500Z"));
    assert_eq!(told["acsChatMessageMetadata"], json!("{}"));
    let deleted = MessageRow { deleted_at: Some(at(1_700_000_000_500)), body: String::new(), ..row() };
    let told = body(Change::MessageDeleted(Arc::new(deleted)));
    assert_eq!((&told["eventId"], &told["deletetime"]), (&json!(248), &json!("2023-11-14T22:13:20.500Z")));
    assert!(told.get("messageBody").is_none() && told.get("acsChatMessageMetadata").is_none());
}

#[test]
fn a_message_sent_and_edited_meanwhile_comes_as_both() {
    let what = Change::MessageEdited(Arc::new(MessageRow { edited_at: Some(at(5)), ..row() }));
    let told = encode_all(what);
    let ids: Vec<_> = told.iter().map(|one| (frame(one).1["eventId"].clone(), one.class)).collect();
    assert_eq!(ids, [(json!(200), Class::Leading), (json!(247), Class::Durable)]);
}

#[test]
fn a_receipt() {
    let receipt = ReceiptRow {
        person: PersonNumber(2),
        raw_id: SENDER.into(),
        message: 1_700_000_000_001,
        message_sender: PersonNumber(1),
        read_at: at(1_795_246_842_058),
        change: 12,
    };
    let expected = json!({
        "eventId": 246, "senderId": SENDER, "recipientMri": RECIPIENT, "groupId": THREAD,
        "messageId": "1700000000001", "clientMessageId": "",
        "messageBody": "{\"user\":\"8:acs:R_B\",\"consumptionhorizon\":\"1700000000001;1795246842058;0\",\
    \"messageVisibilityTime\":1700000000001,\"version\":\"1795246842058\"}",
    });
    assert_eq!(body(Change::Receipt(Arc::new(receipt.clone()))), expected);
    let committed = Committed {
        thread: ThreadNumber(7),
        change: 12,
        members_version: 1,
        what: Change::Receipt(Arc::new(receipt)),
    };
    let large = ThreadFacts { member_count: changes::RECEIPT_FANOUT_MAX + 1, ..facts() };
    assert_eq!(encode(&committed, &large, 0)[0].audience, Audience::Only([PersonNumber(1)].into()));
}

#[test]
fn typing_and_reactions_are_fleeting() {
    let typing = Typing {
        thread: ThreadNumber(7),
        person: PersonNumber(2),
        raw_id: SENDER.to_owned(),
        name: "Bö".to_owned(),
        at_ms: 1_700_000_000_004,
    };
    let told = encode_typing(&typing, THREAD);
    let expected = json!({
        "eventId": 245, "senderId": SENDER, "recipientMri": RECIPIENT, "groupId": THREAD,
        "senderDisplayName": "Bö", "version": "1700000000004", "originalArrivalTime": "2023-11-14T22:13:20.004Z",
    });
    assert_eq!((frame(&told).1, told.class), (expected, Class::Fleeting));
    assert_eq!(told.audience, Audience::Except(PersonNumber(2)));
    let reaction = Reaction {
        thread: ThreadNumber(7),
        raw_id: SENDER.to_owned(),
        message: 1,
        message_at_ms: 1,
        emoji: "👍".to_owned(),
        is_removed: true,
        at_ms: 2,
    };
    let told = encode_reaction(&reaction, THREAD);
    assert_eq!((&frame(&told).1["eventId"], told.is_extension), (&json!(1002), true));
}

#[test]
fn a_thread_created_changed_and_deleted() {
    let people = vec![person(2, "Bob %41", "{}"), person(3, "Eve", "{\"k\":\"v\"}")];
    let made = MessageRow { kind: MessageKind::ParticipantAdded, sender: PersonNumber(2), people, ..row() };
    let told = body(Change::ThreadCreated(Arc::new(made)));
    let expected = json!({
        "eventId": 257, "senderId": SENDER, "recipientMri": RECIPIENT, "threadId": THREAD,
        "version": "1700000000001", "createTime": "2023-11-14T22:13:20.001Z",
        "createdBy": "{\"participantId\":\"8:acs:R_B\",\"displayName\":\"Bob %2541\"}",
        "members": "[{\"participantId\":\"8:acs:R_2\",\"displayName\":\"Bob %2541\",\"shareHistoryTime\":\
    \"1970-01-01T00:00:00.000Z\"},{\"participantId\":\"8:acs:R_3\",\"displayName\":\"Eve\",\"shareHistoryTime\":\
    \"1970-01-01T00:00:00.000Z\",\"memberMetaData\":\"{\\\"k\\\":\\\"v\\\"}\"}]",
        "properties": "{\"topic\":\"T\\u00f6 %2541 \\ud83d\\ude00\",\"acsChatThreadMetadata\":\
    \"{\\\"a\\\":\\\"\\u00fc\\\"}\",\"retentionPolicy\":\"{\\\"retentionPolicyType\\\":\
    \\\"DeleteAfterCreationTime\\\",\\\"executeAfter\\\":\\\"60.00:00:00\\\"}\"}",
    });
    assert_eq!(told, expected);
    let by = Arc::new(Who { person: PersonNumber(2), raw_id: SENDER.into(), name: "Bob".to_owned() });
    let told = body(Change::PropertiesChanged { by: Arc::clone(&by), version: 9, at: at(9) });
    assert_eq!((&told["eventId"], &told["version"]), (&json!(258), &json!("9")));
    assert_eq!(told["editedBy"], json!("{\"participantId\":\"8:acs:R_B\",\"displayName\":\"Bob\"}"));
    assert_eq!(told["editTime"], json!("1970-01-01T00:00:00.009Z"));
    let told = body(Change::ThreadDeleted { by: Some(by), version: 9, at: at(9) });
    assert_eq!((&told["eventId"], &told["reason"]), (&json!(259), &json!("deletedByUser")));
    let told = body(Change::ThreadDeleted { by: None, version: 9, at: at(9) });
    assert_eq!((&told["senderId"], &told["reason"]), (&json!(""), &json!("deletedByPolicy")));
    assert!(told.get("deletedBy").is_none());
}

#[test]
fn participants_added_and_removed() {
    let people = vec![person(3, "Eve", "{}")];
    let row = Arc::new(MessageRow { people, ..row() });
    let told = encode_all(Change::ParticipantsAdded(Arc::clone(&row)));
    let ids: Vec<_> = told.iter().map(|one| frame(one).1["eventId"].clone()).collect();
    assert_eq!(ids, [json!(257), json!(260)]);
    assert_eq!(told[0].audience, Audience::Only([PersonNumber(3)].into()));
    assert_eq!(told[0].class, Class::Leading);
    let added = frame(&told[1]).1;
    let eve = "[{\"participantId\":\"8:acs:R_3\",\"displayName\":\"Eve\",\"shareHistoryTime\":\
\"1970-01-01T00:00:00.000Z\"}]";
    assert_eq!(
        (&added["participantsAdded"], &added["time"]),
        (&json!(eve), &json!("2023-11-14T22:13:20.001Z"))
    );
    let removed = body(Change::ParticipantsRemoved(row));
    assert_eq!((&removed["eventId"], &removed["participantsRemoved"]), (&json!(261), &json!(eve)));
}
