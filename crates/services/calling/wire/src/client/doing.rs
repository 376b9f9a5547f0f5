//! What is done in a call.

use serde::{Deserialize, Serialize};

use crate::call::Reaction;

/// Leaves a call, or ends it for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HangUp {
    /// The leg.
    pub leg: String,
    /// Whether the call ends for everybody.
    #[serde(default)]
    pub for_everyone: bool,
}

/// Calls further people in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Add {
    /// The leg.
    pub leg: String,
    /// Raw ids of those who are called.
    pub to: Vec<String>,
    /// The number shown to a telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate_caller_id: Option<String>,
}

/// Removes somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remove {
    /// The leg.
    pub leg: String,
    /// Who goes.
    pub p: u32,
}

/// Switches the own microphone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// The leg.
    pub leg: String,
    /// Whether it is off.
    pub muted: bool,
}

/// Switches the microphones of others off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuteOthers {
    /// The leg.
    pub leg: String,
    /// Whose; without it everybody's but one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<u32>,
}

/// Raises the own hand or lowers hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// The leg.
    pub leg: String,
    /// Raised or lowered.
    pub raised: bool,
    /// Whose; without it one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<Vec<u32>>,
}

/// Sends a reaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct React {
    /// The leg.
    pub leg: String,
    /// Which.
    pub reaction: Reaction,
}

/// Changes who is shown large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spotlight {
    /// The leg.
    pub leg: String,
    /// Who is added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<u32>,
    /// Who is removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<u32>,
    /// Whether everybody is removed first.
    #[serde(default)]
    pub clear: bool,
}

/// Says something in writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The leg.
    pub leg: String,
    /// What.
    pub text: String,
    /// Whether it will not change any more.
    #[serde(rename = "final", default)]
    pub is_final: bool,
    /// Which text it is a version of.
    #[serde(default)]
    pub seq: u64,
}

/// Forbids or allows microphones and cameras.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The leg.
    pub leg: String,
    /// Whether they may speak; stays as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<bool>,
    /// Whether they may show themselves; stays as it is without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<bool>,
    /// Who; all attendees without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<Vec<u32>>,
}

/// Lets people in from the lobby, or sends them away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lobby {
    /// The leg.
    pub leg: String,
    /// Who.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub p: Vec<u32>,
    /// Everybody who waits.
    #[serde(default)]
    pub all: bool,
}

/// Sends a tone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dtmf {
    /// The leg.
    pub leg: String,
    /// Which.
    pub tone: String,
}

/// What somebody says of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The leg.
    pub leg: String,
    /// The ratings, as the SDK's survey has them.
    pub survey: serde_json::Value,
}
