//! Scopes of user tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a token allows (`CommunicationIdentityTokenScope`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CommunicationIdentityTokenScope")]
pub enum Scope {
    /// Full access to chat.
    #[serde(rename = "chat")]
    Chat,
    /// Full access to calling.
    #[serde(rename = "voip")]
    Voip,
    /// Chat, but without creating, updating or deleting threads.
    #[serde(rename = "chat.join")]
    #[schemars(extend("x-since" = "2023-10-01"))]
    ChatJoin,
    /// As `chat.join`, but without adding or removing participants: for guests.
    #[serde(rename = "chat.join.limited")]
    #[schemars(extend("x-since" = "2023-10-01"))]
    ChatJoinLimited,
    /// Calling, but without starting new calls.
    #[serde(rename = "voip.join")]
    #[schemars(extend("x-since" = "2023-10-01"))]
    VoipJoin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] =
        [Self::Chat, Self::Voip, Self::ChatJoin, Self::ChatJoinLimited, Self::VoipJoin];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Voip => "voip",
            Self::ChatJoin => "chat.join",
            Self::ChatJoinLimited => "chat.join.limited",
            Self::VoipJoin => "voip.join",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}
