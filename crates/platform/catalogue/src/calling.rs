//! Events about calls and what happens in them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identifiers::CommunicationIdentifier;
use crate::payload;

/// The data of `Microsoft.Communication.IncomingCall`: somebody is called, and the application may answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncomingCall {
    /// Who is called.
    pub to: CommunicationIdentifier,
    /// Who calls.
    pub from: CommunicationIdentifier,
    /// The call, as the service names it.
    pub server_call_id: String,
    /// The name the caller shows.
    pub caller_display_name: String,
    /// Headers that the caller gave along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_context: Option<CustomContext>,
    /// What answers, redirects or rejects the call.
    pub incoming_call_context: String,
    /// For whom the callee answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of_callee: Option<CommunicationIdentifier>,
    /// What ties together everything about the call.
    pub correlation_id: String,
}

payload!(IncomingCall, "IncomingCall");

/// The data of `Microsoft.Communication.CallStarted`: a call began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallStarted {
    /// Who began the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<CallParticipant>,
    /// The call, as the service names it.
    pub server_call_id: String,
    /// The group call, for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<CallGroup>,
    /// The room, for a call in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<CallRoom>,
    /// Whether it is between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_two_party: Option<bool>,
    /// What ties together everything about the call.
    pub correlation_id: String,
    /// Whether it takes place in a room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_rooms_call: Option<bool>,
}

payload!(CallStarted, "CallStarted");

/// The data of `Microsoft.Communication.CallEnded`: a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEnded {
    /// Who began the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<CallParticipant>,
    /// The call, as the service names it.
    pub server_call_id: String,
    /// The group call, for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<CallGroup>,
    /// The room, for a call in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<CallRoom>,
    /// Whether it is between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_two_party: Option<bool>,
    /// What ties together everything about the call.
    pub correlation_id: String,
    /// Whether it takes place in a room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_rooms_call: Option<bool>,
    /// Who ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<CallEndedBy>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<CallEndReason>,
    /// How long it was, in seconds.
    pub call_duration_in_seconds: f64,
}

payload!(CallEnded, "CallEnded");

/// The data of `Microsoft.Communication.CallParticipantAdded`: somebody joined a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallParticipantAdded {
    /// Who began the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<CallParticipant>,
    /// The call, as the service names it.
    pub server_call_id: String,
    /// The group call, for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<CallGroup>,
    /// The room, for a call in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<CallRoom>,
    /// Whether it is between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_two_party: Option<bool>,
    /// What ties together everything about the call.
    pub correlation_id: String,
    /// Whether it takes place in a room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_rooms_call: Option<bool>,
    /// Who it is about.
    pub user: CallParticipant,
    /// The name they show.
    pub display_name: String,
    /// The participant in this call.
    pub participant_id: String,
    /// The program it was done with.
    pub user_agent: String,
}

payload!(CallParticipantAdded, "CallParticipantAdded");

/// The data of `Microsoft.Communication.CallParticipantRemoved`: somebody left a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallParticipantRemoved {
    /// Who began the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<CallParticipant>,
    /// The call, as the service names it.
    pub server_call_id: String,
    /// The group call, for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<CallGroup>,
    /// The room, for a call in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<CallRoom>,
    /// Whether it is between two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_two_party: Option<bool>,
    /// What ties together everything about the call.
    pub correlation_id: String,
    /// Whether it takes place in a room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_rooms_call: Option<bool>,
    /// Who it is about.
    pub user: CallParticipant,
    /// The name they show.
    pub display_name: String,
    /// The participant in this call.
    pub participant_id: String,
    /// The program it was done with.
    pub user_agent: String,
}

payload!(CallParticipantRemoved, "CallParticipantRemoved");

/// Headers that the caller gave along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomContext {
    /// Headers of a call by telephone.
    #[serde(default)]
    pub sip_headers: BTreeMap<String, String>,
    /// Headers of a call over the internet.
    #[serde(default)]
    pub voip_headers: BTreeMap<String, String>,
}

/// Somebody in a call, and the role in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallParticipant {
    /// Who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_identifier: Option<CommunicationIdentifier>,
    /// The role.
    pub role: CallRole,
}

/// The group call that a call belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallGroup {
    /// Its id.
    pub id: String,
}

/// The room that a call takes place in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallRoom {
    /// Its id.
    pub id: String,
}

/// Who ended a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEndedBy {
    /// Who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_identifier: Option<CommunicationIdentifier>,
    /// What ended it.
    pub r#type: CallEndedByKind,
    /// Its name.
    pub name: String,
}

/// Why a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallEndReason {
    /// The code.
    pub code: i32,
    /// More exactly.
    pub sub_code: i32,
    /// In words.
    pub phrase: String,
}

/// The role in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CallRole {
    /// Takes part.
    Attendee,
    /// Presents.
    Presenter,
    /// Listens.
    Consumer,
    /// Works along.
    Collaborator,
    /// Called the meeting.
    Organizer,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}

/// Who ends calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CallEndedByKind {
    /// A participant.
    Participant,
    /// The service.
    MicrosoftInternal,
    /// A word that is not in the list.
    #[serde(untagged)]
    Other(String),
}
