//! How legs come into calls.

use serde::{Deserialize, Serialize};

use crate::call::{CustomContext, Locator};
use crate::media::{Offer, Sources};

/// Something about a leg, and nothing besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfLeg {
    /// The leg.
    pub leg: String,
}

/// Places a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// The leg's id, drawn by the client.
    pub leg: String,
    /// Raw ids of those who are called.
    pub to: Vec<String>,
    /// Whether the microphone is off.
    #[serde(default)]
    pub muted: bool,
    /// The name shown to others; that of the session without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the application gives along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_context: Option<CustomContext>,
    /// The session description; may come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// What is sent.
    #[serde(default)]
    pub sources: Sources,
}

/// Joins a call by its locator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Join {
    /// The leg's id, drawn by the client.
    pub leg: String,
    /// Which call.
    pub locator: Locator,
    /// Whether the microphone is off.
    #[serde(default)]
    pub muted: bool,
    /// The name shown to others; that of the session without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The session description; may come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// What is sent.
    #[serde(default)]
    pub sources: Sources,
}

/// Takes a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accept {
    /// The leg that rings.
    pub leg: String,
    /// Whether the microphone is off.
    #[serde(default)]
    pub muted: bool,
    /// The name shown to others; that of the session without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The session description; may come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// What is sent.
    #[serde(default)]
    pub sources: Sources,
}

/// Declines a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The leg that rings.
    pub leg: String,
    /// Whether another call is the reason.
    #[serde(default)]
    pub busy: bool,
}

/// Comes back into a call after the session was lost.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejoin {
    /// The leg.
    pub leg: String,
    /// What lets it in.
    pub leg_token: String,
    /// Whether the microphone is off.
    #[serde(default)]
    pub muted: bool,
    /// Whether the hand is raised.
    #[serde(default)]
    pub hand: bool,
    /// The session description; may come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// What is sent.
    #[serde(default)]
    pub sources: Sources,
}

impl std::fmt::Debug for Rejoin {
    /// Without the token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rejoin").field("leg", &self.leg).finish_non_exhaustive()
    }
}
