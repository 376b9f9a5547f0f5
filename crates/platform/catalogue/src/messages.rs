//! Events about messages of messaging channels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload;
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.AdvancedMessageReceived`: a message of a messaging channel arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdvancedMessageReceived {
    /// Who sent it.
    pub from: String,
    /// The channel registration it went to, or the other way round.
    pub to: String,
    /// When it arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_timestamp: Option<UtcTime>,
    /// What the channel complained about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ChannelError>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_type: Option<MessageChannel>,
    /// The file, for a message of that kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaContent>,
    /// The message that is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<MessageContext>,
    /// The button, for an answer by button.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button: Option<ButtonContent>,
    /// The choice, for an answer to an interactive message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactive: Option<InteractiveContent>,
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The kind of message, such as `text`.
    pub message_type: String,
    /// The reaction, for a message of that kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction: Option<ReactionContent>,
}

payload!(AdvancedMessageReceived, "AdvancedMessageReceived");

/// The data of `Microsoft.Communication.AdvancedMessageDeliveryStatusUpdated`: a message of a messaging channel came further.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdvancedMessageDeliveryStatusUpdated {
    /// Who sent it.
    pub from: String,
    /// The channel registration it went to, or the other way round.
    pub to: String,
    /// When it arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_timestamp: Option<UtcTime>,
    /// What the channel complained about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ChannelError>,
    /// The message.
    pub message_id: String,
    /// What became of it.
    pub status: MessageStatus,
    /// The channel.
    pub channel_type: MessageChannel,
}

payload!(AdvancedMessageDeliveryStatusUpdated, "AdvancedMessageDeliveryStatusUpdated");

/// What the channel complained about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelError {
    /// Its code.
    pub channel_code: String,
    /// Its words.
    pub channel_message: String,
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediaContent {
    /// Its media type.
    pub mime_type: String,
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// What was written under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Whether a sticker moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub animated: Option<bool>,
}

/// The message that is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageContext {
    /// Who answers.
    pub from: String,
    /// The message that is answered.
    pub id: String,
}

/// A button that was pressed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ButtonContent {
    /// What is written on it.
    pub text: String,
    /// What the business set for it.
    pub payload: String,
}

/// An answer to an interactive message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InteractiveContent {
    /// What was answered with.
    pub r#type: InteractiveKind,
    /// The button.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button_reply: Option<ButtonReply>,
    /// The row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_reply: Option<ListReply>,
}

/// The button that was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ButtonReply {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
}

/// The row that was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListReply {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: String,
}

/// A reaction to a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReactionContent {
    /// The message that was reacted to.
    pub message_id: String,
    /// The emoji; absent when the reaction was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

/// The channel of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MessageChannel {
    /// `WhatsApp`.
    Whatsapp,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MessageStatus {
    /// Read.
    Read,
    /// On the device.
    Delivered,
    /// Not delivered.
    Failed,
    /// On its way.
    Sent,
    /// Delivered with a warning.
    Warning,
    /// Not known.
    Unknown,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// What was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum InteractiveKind {
    /// A button.
    ButtonReply,
    /// A row of a list.
    ListReply,
    /// Not known.
    Unknown,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
