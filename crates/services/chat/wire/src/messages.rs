//! Messages and typing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dates::Date;
use crate::identifiers::CommunicationIdentifierModel;
use crate::participants::ChatParticipant;
use crate::present;

/// What the application keeps with a thread, a participant or a message.
pub type Metadata = BTreeMap<String, String>;

/// A change of metadata: `None` and the empty text remove a pair.
pub type MetadataPatch = BTreeMap<String, Option<String>>;

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChatMessageType {
    /// Plain text.
    Text,
    /// A fragment of HTML, cleaned by the server.
    Html,
    /// By the server: the topic changed.
    TopicUpdated,
    /// By the server: participants came.
    ParticipantAdded,
    /// By the server: participants went.
    ParticipantRemoved,
}

/// What an attachment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ChatAttachmentType {
    /// An image that was uploaded.
    Image,
    /// A file kept elsewhere.
    File,
}

/// An attachment of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatAttachment {
    /// The id: of an uploaded image.
    pub id: String,
    /// What it is.
    pub attachment_type: ChatAttachmentType,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the whole image is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub url: Option<String>,
    /// Where the small view is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub preview_url: Option<String>,
}

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageContent {
    /// The text or HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The new topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Who came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<ChatParticipant>>,
    /// The images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-03-07"))]
    pub attachments: Option<Vec<ChatAttachment>>,
    /// Who changed the topic or the participants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator_communication_identifier: Option<CommunicationIdentifierModel>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// The id: milliseconds since 1970, unique in the thread.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub message_type: ChatMessageType,
    /// The place among the messages of the thread; an edit moves a message to the end.
    pub sequence_id: String,
    /// Milliseconds since 1970 of the last change.
    pub version: String,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ChatMessageContent>,
    /// The name the sender gave; absent in messages by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// When it was sent.
    pub created_on: Date,
    /// Who sent it; absent in messages by the server.
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
}

/// Sends a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendChatMessageRequest {
    /// The text or HTML; at most 28 KiB.
    pub content: String,
    /// The name to show with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
    /// `text`, which is the default, or `html`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub message_type: Option<ChatMessageType>,
    /// What the application keeps with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Images the sender uploaded to this thread; at most 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub attachments: Option<Vec<ChatAttachment>>,
}

/// A sent message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendChatMessageResult {
    /// The id of the message.
    pub id: String,
}

/// Changes a message: a merge patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateChatMessageRequest {
    /// The new text or HTML.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub content: Option<Option<String>>,
    /// Pairs to set; `null` and the empty text remove one, `null` for the whole removes all.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Option<MetadataPatch>>,
    /// All images the message has from now on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub attachments: Option<Option<Vec<ChatAttachment>>>,
}

/// Says that the caller is typing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendTypingNotificationRequest {
    /// The name to show with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<String>,
}
