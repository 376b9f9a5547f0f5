//! How sessions begin and go on.

use serde::{Deserialize, Serialize};

/// The first message of a new session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The versions the client speaks.
    pub v: Vec<u32>,
    /// The access token.
    pub token: String,
    /// The program.
    pub client: Client,
    /// One installation on one page; tells devices of a user apart.
    pub device: String,
    /// The name shown to others.
    #[serde(default)]
    pub display_name: String,
    /// What the client wants besides: `ring`.
    #[serde(default)]
    pub wants: Vec<String>,
}

impl std::fmt::Debug for Hello {
    /// Without the token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hello").field("device", &self.device).finish_non_exhaustive()
    }
}

/// A client's program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// What it runs on.
    #[serde(default)]
    pub agent: String,
}

/// The first message of another socket of a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The session.
    pub session: String,
    /// The secret of the session.
    pub resume: String,
    /// The highest number received without a gap.
    pub a: u64,
    /// A token, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl std::fmt::Debug for Resume {
    /// Without the secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resume").field("a", &self.a).finish_non_exhaustive()
    }
}

/// Asks whether the server is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The client's time, which comes back: milliseconds.
    #[serde(default)]
    pub at: i64,
}

/// Brings a fresh token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for Token {
    /// Without the token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Token").finish_non_exhaustive()
    }
}
