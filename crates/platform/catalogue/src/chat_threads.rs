//! Events about chat threads and who is in them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::identifiers::CommunicationIdentifier;
use crate::payload;
use crate::time::UtcTime;

/// The data of `Microsoft.Communication.ChatThreadCreatedWithUser`: a thread was made with a user in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadCreatedWithUser {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// Who made the thread.
    pub created_by_communication_identifier: CommunicationIdentifier,
    /// Properties of the thread, such as its topic.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Who is in it.
    #[serde(default)]
    pub participants: Vec<ThreadParticipant>,
}

payload!(ChatThreadCreatedWithUser, "ChatThreadCreatedWithUser");

/// The data of `Microsoft.Communication.ChatThreadWithUserDeleted`: a thread with a user in it was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadWithUserDeleted {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// Who deleted it.
    pub deleted_by_communication_identifier: CommunicationIdentifier,
    /// When it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_time: Option<UtcTime>,
}

payload!(ChatThreadWithUserDeleted, "ChatThreadWithUserDeleted");

/// The data of `Microsoft.Communication.ChatThreadPropertiesUpdatedPerUser`: properties of a thread with a user in it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadPropertiesUpdatedPerUser {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// Who edited it.
    pub edited_by_communication_identifier: CommunicationIdentifier,
    /// When it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_time: Option<UtcTime>,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Properties of the thread, such as its topic.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
}

payload!(ChatThreadPropertiesUpdatedPerUser, "ChatThreadPropertiesUpdatedPerUser");

/// The data of `Microsoft.Communication.ChatParticipantAddedToThreadWithUser`: somebody was added to a thread with a user in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatParticipantAddedToThreadWithUser {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<UtcTime>,
    /// Who added them.
    pub added_by_communication_identifier: CommunicationIdentifier,
    /// Who was added.
    pub participant_added: ThreadParticipant,
}

payload!(ChatParticipantAddedToThreadWithUser, "ChatParticipantAddedToThreadWithUser");

/// The data of `Microsoft.Communication.ChatParticipantRemovedFromThreadWithUser`: somebody was removed from a thread with a user in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatParticipantRemovedFromThreadWithUser {
    /// Whom this event is about.
    pub recipient_communication_identifier: CommunicationIdentifier,
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<UtcTime>,
    /// Who removed them.
    pub removed_by_communication_identifier: CommunicationIdentifier,
    /// Who was removed.
    pub participant_removed: ThreadParticipant,
}

payload!(ChatParticipantRemovedFromThreadWithUser, "ChatParticipantRemovedFromThreadWithUser");

/// The data of `Microsoft.Communication.ChatThreadCreated`: a thread was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadCreated {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// Who made the thread.
    pub created_by_communication_identifier: CommunicationIdentifier,
    /// Properties of the thread, such as its topic.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Who is in it.
    #[serde(default)]
    pub participants: Vec<ThreadParticipant>,
}

payload!(ChatThreadCreated, "ChatThreadCreated");

/// The data of `Microsoft.Communication.ChatThreadDeleted`: a thread was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadDeleted {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// Who deleted it.
    pub deleted_by_communication_identifier: CommunicationIdentifier,
    /// When it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_time: Option<UtcTime>,
}

payload!(ChatThreadDeleted, "ChatThreadDeleted");

/// The data of `Microsoft.Communication.ChatThreadPropertiesUpdated`: properties of a thread changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadPropertiesUpdated {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When the thread was made.
    pub create_time: UtcTime,
    /// Grows with every change.
    pub version: i64,
    /// Who edited it.
    pub edited_by_communication_identifier: CommunicationIdentifier,
    /// When it was edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit_time: Option<UtcTime>,
    /// Properties of the thread, such as its topic.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
    /// Words of the application.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

payload!(ChatThreadPropertiesUpdated, "ChatThreadPropertiesUpdated");

/// The data of `Microsoft.Communication.ChatThreadParticipantAdded`: somebody was added to a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadParticipantAdded {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<UtcTime>,
    /// Who added them.
    pub added_by_communication_identifier: CommunicationIdentifier,
    /// Who was added.
    pub participant_added: ThreadParticipant,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

payload!(ChatThreadParticipantAdded, "ChatThreadParticipantAdded");

/// The data of `Microsoft.Communication.ChatThreadParticipantRemoved`: somebody was removed from a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatThreadParticipantRemoved {
    /// What ties together everything about one change.
    pub transaction_id: String,
    /// The thread.
    pub thread_id: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<UtcTime>,
    /// Who removed them.
    pub removed_by_communication_identifier: CommunicationIdentifier,
    /// Who was removed.
    pub participant_removed: ThreadParticipant,
    /// Grows with every change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

payload!(ChatThreadParticipantRemoved, "ChatThreadParticipantRemoved");

/// A participant of a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThreadParticipant {
    /// The name they show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Who it is.
    pub participant_communication_identifier: CommunicationIdentifier,
    /// Words of the application.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}
