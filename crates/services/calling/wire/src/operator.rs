//! Calls as operators see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;

use crate::call::{CallKind, ParticipantKind};
use crate::quality::{ClientReport, ServerRecord};
use crate::reasons::Reason;

/// A call, running or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// The id.
    pub id: String,
    /// What kind of call.
    pub kind: CallKind,
    /// The group or room it belongs to; absent for calls of people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locator: Option<String>,
    /// The call, as other interfaces name it.
    pub server_call_id: String,
    /// What ties together everything about the call.
    pub correlation_id: String,
    /// Who started it: a raw id, empty once that user was erased.
    pub started_by: String,
    /// When it was started.
    pub started_on: Timestamp,
    /// When two were connected for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_on: Option<Timestamp>,
    /// When it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_on: Option<Timestamp>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A call with everybody who was in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallDetails {
    /// The call.
    #[serde(flatten)]
    pub call: CallView,
    /// Its legs, in the order they came.
    pub legs: Vec<LegView>,
}

/// One participation in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegView {
    /// The number in the call.
    pub p: u32,
    /// Who: a raw id, empty once that user was erased.
    pub user: String,
    /// The name shown.
    pub name: String,
    /// What it is.
    pub kind: ParticipantKind,
    /// The client's program.
    pub agent: String,
    /// When it was in the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_on: Option<Timestamp>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_on: Option<Timestamp>,
    /// Why it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How its media was, as the server saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<ServerRecord>,
    /// The same, as the client saw it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_quality: Option<ClientReport>,
    /// What the person says of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<serde_json::Value>,
}
