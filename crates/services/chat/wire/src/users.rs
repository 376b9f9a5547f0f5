//! What the operations say that users have beyond the published ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dates::Date;
use crate::identifiers::CommunicationIdentifierModel;
use crate::messages::{ChatMessage, SendChatMessageRequest};

/// Somebody a message speaks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatMention {
    /// Who: a participant of the thread.
    pub identifier: CommunicationIdentifierModel,
    /// How the message names them, such as `@Bob`; at most 256 characters.
    pub text: String,
}

/// Sends a message that may answer another one and name people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendUserMessageRequest {
    /// The message, as in the published operation.
    #[serde(flatten)]
    pub message: SendChatMessageRequest,
    /// The id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Whom it names; at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mentions: Option<Vec<ChatMention>>,
    /// The application's own name for it, at most 128 characters: the same one again sends nothing and answers the
    /// message that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// A message with what users have beyond the published operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatUserMessage {
    /// The message, as in the published operation.
    #[serde(flatten)]
    pub message: ChatMessage,
    /// The id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Whom it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<ChatMention>,
    /// The sending application's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// The reactions to it, the earliest first.
    pub reactions: Vec<ChatReactionSummary>,
}

/// How many people reacted in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatReactionSummary {
    /// The reaction.
    pub emoji: String,
    /// How many people.
    pub count: u32,
    /// Whether the caller is one of them.
    pub is_own: bool,
}

/// Somebody's reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatReaction {
    /// The reaction.
    pub emoji: String,
    /// Whose it is.
    pub identifier: CommunicationIdentifierModel,
    /// Since when.
    pub added_on: Date,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatSearchResult {
    /// The thread it is in.
    pub chat_thread_id: String,
    /// The message.
    pub message: ChatUserMessage,
}

/// A thread with messages the caller has not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatUnread {
    /// The thread.
    pub chat_thread_id: String,
    /// How many messages of others came after the last one that was read; 1 to 1000.
    pub count: u32,
    /// Whether there are more than `count` says.
    pub is_more: bool,
}

/// Says how far the caller has read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarkReadRequest {
    /// The last message that was read; the newest one where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_message_id: Option<String>,
}

/// Asks who is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetPresenceRequest {
    /// About whom; at most 100.
    pub identifiers: Vec<CommunicationIdentifierModel>,
}

/// Who is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetPresenceResult {
    /// Those of whom the request asked who are in a thread with the caller; others are left out.
    pub value: Vec<ChatPresence>,
}

/// Whether somebody is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatPresence {
    /// Who.
    pub identifier: CommunicationIdentifierModel,
    /// Whether a client of theirs is connected.
    pub is_online: bool,
    /// When a client of theirs was last connected; absent for somebody who never was, and for whoever is online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_on: Option<Date>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_the_published_one_and_more() {
        let request: SendUserMessageRequest = serde_json::from_value(json!({
            "content": "hi @Bob", "type": "text", "replyTo": "5", "clientMessageId": "c1",
            "mentions": [{ "identifier": { "rawId": "8:acs:x" }, "text": "@Bob" }],
        }))
        .expect("a request");
        assert_eq!((request.message.content.as_str(), request.reply_to.as_deref()), ("hi @Bob", Some("5")));
        assert_eq!(request.client_message_id.as_deref(), Some("c1"));
        assert_eq!(request.mentions.expect("one")[0].text, "@Bob");
        assert!(serde_json::from_value::<SendUserMessageRequest>(json!({ "replyTo": "5" })).is_err());
    }
}
