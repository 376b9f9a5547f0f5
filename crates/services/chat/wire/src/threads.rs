//! Threads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dates::Date;
use crate::errors::CommunicationError;
use crate::identifiers::CommunicationIdentifierModel;
use crate::messages::{Metadata, MetadataPatch};
use crate::participants::ChatParticipant;
use crate::present;

/// When a thread deletes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ChatRetentionPolicy {
    /// Some days after it was created.
    #[serde(rename_all = "camelCase")]
    ThreadCreationDate {
        /// How many days.
        delete_thread_after_days: i32,
    },
    /// Never.
    None,
}

/// Creates a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateChatThreadRequest {
    /// The topic; not blank.
    pub topic: String,
    /// Who takes part beside the creator; an entry for the creator gives the display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<ChatParticipant>>,
    /// What the application keeps with the thread; at most 1 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub metadata: Option<Metadata>,
    /// When the thread deletes itself; never, where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub retention_policy: Option<ChatRetentionPolicy>,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadProperties {
    /// The id.
    pub id: String,
    /// The topic.
    pub topic: String,
    /// When it was created.
    pub created_on: Date,
    /// Who created it.
    pub created_by_communication_identifier: CommunicationIdentifierModel,
    /// When it was deleted; a deleted thread is not shown, so this is always absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_on: Option<Date>,
    /// What the application keeps with the thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub metadata: Option<Metadata>,
    /// When the thread deletes itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub retention_policy: Option<ChatRetentionPolicy>,
}

/// A created thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateChatThreadResult {
    /// The thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_thread: Option<ChatThreadProperties>,
    /// Who could not be added; absent when everybody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_participants: Option<Vec<CommunicationError>>,
}

/// A thread in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadItem {
    /// The id.
    pub id: String,
    /// The topic.
    pub topic: String,
    /// When it was deleted; deleted threads are not listed, so this is always absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_on: Option<Date>,
    /// When the newest message came; absent in a thread without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_received_on: Option<Date>,
}

/// Changes a thread: a merge patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateChatThreadRequest {
    /// The new topic; not blank.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub topic: Option<Option<String>>,
    /// Pairs to set; `null` and the empty text remove one, `null` for the whole removes all.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub metadata: Option<Option<MetadataPatch>>,
    /// When the thread deletes itself; `null` is never.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub retention_policy: Option<Option<ChatRetentionPolicy>>,
}
