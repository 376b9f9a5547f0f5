//! Events about chat messages.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifiers::CommunicationIdentifier;
use crate::payload;
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.ChatMessageReceived`: a user got a chat message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageReceived {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The message.
    pub message_body: String,
    /// Words of the application.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

payload!(ChatMessageReceived, "ChatMessageReceived");

/// The data of `Microsoft.Communication.ChatMessageEdited`: a message that a user can see was edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageEdited {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The message.
    pub message_body: String,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// When it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_time: Option<UtcTime>,
}

payload!(ChatMessageEdited, "ChatMessageEdited");

/// The data of `Microsoft.Communication.ChatMessageDeleted`: a message that a user can see was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageDeleted {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// When it was deleted.
    pub delete_time: UtcTime,
}

payload!(ChatMessageDeleted, "ChatMessageDeleted");

/// The data of `Microsoft.Communication.ChatMessageReceivedInThread`: a message was sent to a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageReceivedInThread {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The message.
    pub message_body: String,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

payload!(ChatMessageReceivedInThread, "ChatMessageReceivedInThread");

/// The data of `Microsoft.Communication.ChatMessageEditedInThread`: a message of a thread was edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageEditedInThread {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The message.
    pub message_body: String,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// When it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_time: Option<UtcTime>,
}

payload!(ChatMessageEditedInThread, "ChatMessageEditedInThread");

/// The data of `Microsoft.Communication.ChatMessageDeletedInThread`: a message of a thread was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageDeletedInThread {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// When it was deleted.
    pub delete_time: UtcTime,
}

payload!(ChatMessageDeletedInThread, "ChatMessageDeletedInThread");

/// The data of `Microsoft.Communication.ChatTypingIndicatorReceivedInThread`: somebody is typing in a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatTypingIndicatorReceivedInThread {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The message.
    pub message_body: String,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

payload!(ChatTypingIndicatorReceivedInThread, "ChatTypingIndicatorReceivedInThread");

/// The data of `Microsoft.Communication.ChatAzureBotCommandReceivedInThread`: a command for a bot was sent to a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatAzureBotCommandReceivedInThread {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// The message.
    pub message_id: String,
    /// Who sent it.
    pub sender_communication_identifier: CommunicationIdentifier,
    /// The name the sender shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_time: Option<UtcTime>,
    /// The kind of message, such as `Text`.
    pub r#type: String,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The message.
    pub message_body: String,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

payload!(ChatAzureBotCommandReceivedInThread, "ChatAzureBotCommandReceivedInThread");
