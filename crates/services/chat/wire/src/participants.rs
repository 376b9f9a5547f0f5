//! Participants of a thread.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dates::Date;
use crate::errors::CommunicationError;
use crate::identifiers::CommunicationIdentifierModel;
use crate::messages::Metadata;

/// A participant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatParticipant {
    /// Who it is.
    pub communication_identifier: CommunicationIdentifierModel,
    /// The name shown to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// From when on the participant sees messages; the whole history where a request has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_history_time: Option<Date>,
    /// What the application keeps with the participant; at most 1 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-since" = "2024-06-05-preview"))]
    pub metadata: Option<Metadata>,
}

/// Adds participants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddChatParticipantsRequest {
    /// Whom; at most 200 at once.
    pub participants: Vec<ChatParticipant>,
}

/// What became of adding participants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddChatParticipantsResult {
    /// Who could not be added; absent when everybody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_participants: Option<Vec<CommunicationError>>,
}
