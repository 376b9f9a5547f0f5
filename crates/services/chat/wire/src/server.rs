//! What applications with the rights of the resource do: moderation, import, erasure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dates::Date;
use crate::errors::CommunicationError;
use crate::identifiers::CommunicationIdentifierModel;
use crate::messages::{ChatMessage, ChatMessageType, Metadata, SendChatMessageRequest};
use crate::participants::ChatParticipant;
use crate::receipts::ChatMessageReadReceipt;
use crate::threads::{ChatRetentionPolicy, ChatThreadProperties};
use crate::users::ChatMention;

/// A thread as applications see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerThread {
    /// What its participants see of it.
    #[serde(flatten)]
    pub thread: ChatThreadProperties,
    /// When the newest message came; absent in a thread without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_received_on: Option<Date>,
    /// How many people are in it.
    pub participant_count: u32,
    /// Whether it is being imported: its participants do not see it yet.
    pub is_importing: bool,
}

/// A message as applications see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerMessage {
    /// What participants see of it.
    #[serde(flatten)]
    pub message: ChatMessage,
    /// The id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Whom it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<ChatMention>,
}

/// Sends a message in the name of a participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendServerMessageRequest {
    /// In whose name: a participant of the thread.
    pub sender: CommunicationIdentifierModel,
    /// What is said. Without a name to show, the sender's name in the thread is shown.
    #[serde(flatten)]
    pub message: SendChatMessageRequest,
}

/// A thread that comes from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportChatThreadRequest {
    /// The topic; not blank.
    pub topic: String,
    /// When it was created.
    pub created_on: Date,
    /// Who created it.
    pub created_by_communication_identifier: CommunicationIdentifierModel,
    /// Everybody who is in it now, in the order of adding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<ChatParticipant>>,
    /// What the application keeps with the thread; at most 1 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When the thread deletes itself; counted from its creation, in force once the import has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_policy: Option<ChatRetentionPolicy>,
}

/// What became of the import of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportChatThreadResult {
    /// The thread.
    pub chat_thread: ServerThread,
    /// Who is no user of this resource and therefore not in the thread; absent when everybody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_participants: Option<Vec<CommunicationError>>,
}

/// A message that comes from elsewhere: what ACS and this server list, as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedChatMessage {
    /// The id: milliseconds since 1970, unique in the thread.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub message_type: ChatMessageType,
    /// The place among the messages of the thread: a number of its own from 1; an edited message has a later one.
    pub sequence_id: String,
    /// Milliseconds since 1970 of the last change; without it, when the message was deleted, edited or sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it says; a deleted message may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ImportedChatMessageContent>,
    /// The name the sender gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was sent.
    pub created_on: Date,
    /// Who sent it; a message by the server may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_communication_identifier: Option<CommunicationIdentifierModel>,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_on: Option<Date>,
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_on: Option<Date>,
    /// What the application keeps with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// The id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Whom it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<ChatMention>,
}

/// What an imported message says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedChatMessageContent {
    /// The text or HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The new topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Who came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<ChatParticipant>>,
    /// Who changed the topic or the participants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator_communication_identifier: Option<CommunicationIdentifierModel>,
    /// Pictures and files, of any form: they are counted and left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<serde_json::Value>>,
}

/// Messages that come from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportChatMessagesRequest {
    /// The messages, in any order; at most 200 at once.
    #[serde(default)]
    pub messages: Vec<ImportedChatMessage>,
    /// How far participants have read; at most 1000 at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_receipts: Vec<ChatMessageReadReceipt>,
    /// Whether the import of this thread ends with these: its participants see it from then on.
    #[serde(default)]
    pub is_last: bool,
}

/// What became of messages that were imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportChatMessagesResult {
    /// Messages that were not there.
    pub added: u32,
    /// Messages that were there in an older version.
    pub updated: u32,
    /// Messages that were there as they are.
    pub unchanged: u32,
    /// Read receipts that were not there, or are newer.
    pub read_receipts: u32,
    /// Pictures and files that were left out.
    pub attachments_left_out: u32,
    /// Whether the import of the thread goes on.
    pub is_importing: bool,
}

/// How far an erasure has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ErasureStatus {
    /// Something is left.
    Running,
    /// Nothing is left, neither in the tables nor in the database's log.
    Done,
}

/// An erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatErasure {
    /// Its id.
    pub id: String,
    /// What is erased: `thread`, `person` or `resource`.
    pub what: String,
    /// How far it has come.
    pub status: ErasureStatus,
    /// When it was asked for.
    pub asked_on: Date,
    /// When nothing was left in the tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_erased_on: Option<Date>,
    /// When nothing was left in the database's log either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_on: Option<Date>,
}
