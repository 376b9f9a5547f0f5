//! The published examples of api-version 2024-03-07: requests are understood, replies have their form.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use trunkline_chat_wire::{
    AddChatParticipantsRequest, AddChatParticipantsResult, ChatMessage, ChatMessageReadReceipt,
    ChatParticipant, ChatThreadItem, ChatThreadProperties, CommunicationIdentifierModel,
    CreateChatThreadRequest, CreateChatThreadResult, SendChatMessageRequest, SendChatMessageResult,
    SendReadReceiptRequest, SendTypingNotificationRequest, UpdateChatMessageRequest, UpdateChatThreadRequest,
};
use trunkline_web::Page;
use trunkline_web::json::parse;

const THREAD: &str = "19:uni01_zbnh3nt2dfuffezc3sox7dog7wfhk6y5qe2rwlnfhlhdzirihdpq@thread.v2";

fn identifier(last: &str) -> Value {
    let id = format!("8:acs:8540c0de-899f-5cce-acb5-3ec493af3800_{last}");
    json!({ "rawId": id, "communicationUser": { "id": id } })
}

fn jane() -> Value {
    identifier("0e59221d-0c1d-46ae-9544-c963ce56c10b")
}

fn alex() -> Value {
    identifier("c94ff260-162d-46d6-94fd-e79f4d213715")
}

/// Dates differ in their digits only.
fn check<T: Serialize + DeserializeOwned>(example: &Value) {
    let read: T = parse(example.to_string().as_bytes()).expect("the example is understood");
    let written = serde_json::to_string(&read).expect("wire types serialize");
    let in_our_digits = example.to_string().replace("0000Z", "Z").replace(":41Z", ":41.000Z");
    assert_eq!(parse::<Value>(written.as_bytes()), parse::<Value>(in_our_digits.as_bytes()));
}

#[test]
fn requests_round_trip() {
    let people = json!([
        { "communicationIdentifier": alex(), "displayName": "Alex", "shareHistoryTime": "2020-06-06T05:55:41Z" },
        { "communicationIdentifier": jane(), "displayName": "Jane" },
    ]);
    check::<CreateChatThreadRequest>(&json!({ "topic": "Lunch", "participants": people }));
    check::<AddChatParticipantsRequest>(&json!({ "participants": people }));
    check::<UpdateChatThreadRequest>(&json!({ "topic": "Updated Thread Topic" }));
    check::<CommunicationIdentifierModel>(&jane());
    let metadata = json!({ "someKey1": "someValue1", "someKey2": "someValue2" });
    check::<SendChatMessageRequest>(&json!({
        "content": "Let's head out for lunch in 15 minutes.", "senderDisplayName": "Jane", "metadata": metadata,
    }));
    check::<UpdateChatMessageRequest>(&json!({ "content": "Updated message content", "metadata": metadata }));
    check::<SendReadReceiptRequest>(&json!({ "chatMessageId": "1591137790240" }));
    check::<SendTypingNotificationRequest>(&json!({ "senderDisplayName": "Jane" }));
}

#[test]
fn replies_about_threads_round_trip() {
    let invalid = json!([
        { "target": alex()["rawId"], "code": "403", "message": "Permissions check failed" },
        { "target": jane()["rawId"], "code": "404", "message": "Not found" },
    ]);
    let thread = json!({
        "id": THREAD, "topic": "Lunch", "createdOn": "2020-06-06T05:55:41.6460000Z",
        "createdByCommunicationIdentifier": jane(),
    });
    check::<ChatThreadProperties>(&thread);
    check::<CreateChatThreadResult>(&json!({ "chatThread": thread, "invalidParticipants": invalid }));
    check::<AddChatParticipantsResult>(&json!({ "invalidParticipants": invalid }));
    check::<Page<ChatThreadItem>>(
        &json!({ "nextLink": "https://contoso.example/chat/threads?x=1", "value": [
        { "id": THREAD, "topic": "Lunch", "lastMessageReceivedOn": "2020-06-06T05:55:41.6460000Z" },
        {
            "id": THREAD, "topic": "Lunch", "deletedOn": "2020-07-07T05:55:41.6460000Z",
            "lastMessageReceivedOn": "2020-06-06T05:55:41.6460000Z",
        },
    ] }),
    );
    check::<Page<ChatParticipant>>(&json!({ "value": [
        { "communicationIdentifier": jane(), "displayName": "Jane", "shareHistoryTime": "2020-06-06T05:55:41Z" },
    ] }));
}

#[test]
fn replies_about_messages_round_trip() {
    check::<SendChatMessageResult>(&json!({ "id": "1593072104708" }));
    let message = json!({
        "id": "1591768249318", "sequenceId": "1", "type": "text", "version": "1599016601134",
        "content": { "message": "Let's head out for lunch in 15 minutes." }, "senderDisplayName": "Jane",
        "createdOn": "2020-06-10T05:50:49.3180000Z", "senderCommunicationIdentifier": jane(),
        "metadata": { "someKey1": "someValue1", "someKey2": "someValue2" },
    });
    let topic = json!({
        "id": "1593106976785", "type": "topicUpdated", "sequenceId": "2", "version": "1593106976785",
        "content": { "initiatorCommunicationIdentifier": jane(), "topic": "Lunch" },
        "createdOn": "2020-06-25T17:42:56.7850000Z",
    });
    let added = json!({
        "id": "1593106976753", "type": "participantAdded", "version": "1593106976753", "sequenceId": "1",
        "content": {
            "initiatorCommunicationIdentifier": jane(),
            "participants": [{ "communicationIdentifier": jane() }, { "communicationIdentifier": alex() }],
        },
        "createdOn": "2020-06-25T17:42:56.7530000Z",
    });
    for example in [&message, &topic, &added] {
        check::<ChatMessage>(example);
    }
    check::<Page<ChatMessage>>(&json!({ "value": [message, topic, added] }));
    check::<Page<ChatMessageReadReceipt>>(&json!({ "value": [{
        "senderCommunicationIdentifier": alex(), "chatMessageId": "1591768249318",
        "readOn": "2020-06-06T05:55:41.6460000Z",
    }] }));
}
