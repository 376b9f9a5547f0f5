//! What the server says.

use serde::{Deserialize, Serialize};

use crate::call::{
    AddedParticipant, CallKind, CallState, Capability, CustomContext, Joined, LegState, Participant,
    Reaction, Role,
};
use crate::media::{Answer, SlotShown, SourceName};
use crate::reasons::Reason;

/// A message of the server, by its type. `leg`, where there is one, stands beside it: what is the same for everybody
/// in a call is encoded once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t")]
pub enum ServerMessage {
    /// A session is open.
    #[serde(rename = "welcome")]
    Welcome(Box<Welcome>),
    /// A session goes on.
    #[serde(rename = "resumed")]
    Resumed(Resumed),
    /// Another node has the resource.
    #[serde(rename = "redirect")]
    Redirect {
        /// Where.
        url: String,
    },
    /// The connection ends.
    #[serde(rename = "bye")]
    Bye(Bye),
    /// The server is there.
    #[serde(rename = "pong")]
    Pong {
        /// What the ping said.
        at: i64,
        /// The server's time: milliseconds since 1970.
        now: i64,
    },
    /// A request is done.
    #[serde(rename = "ok")]
    Ok(Reply),
    /// A request is refused.
    #[serde(rename = "error")]
    Error(ErrorReply),
    /// The token ends soon.
    #[serde(rename = "token.needed")]
    TokenNeeded {},
    /// How a leg stands.
    #[serde(rename = "leg")]
    Leg(LegShown),
    /// A leg is over: the last message about it.
    #[serde(rename = "leg.over")]
    LegOver {
        /// Why.
        reason: Reason,
        /// Who did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<u32>,
    },
    /// Who the others are.
    #[serde(rename = "participants")]
    Participants {
        /// Whole objects; the newest counts.
        set: Vec<Participant>,
        /// Who has left.
        gone: Vec<u32>,
    },
    /// What is true for all.
    #[serde(rename = "call")]
    Call(CallState),
    /// Somebody calls.
    #[serde(rename = "ring")]
    Ring(Box<Ring>),
    /// The ringing is over.
    #[serde(rename = "ring.over")]
    RingOver {
        /// Why.
        reason: Reason,
    },
    /// Somebody switched the leg's microphone off.
    #[serde(rename = "muted")]
    Muted {
        /// Who.
        by: u32,
    },
    /// Somebody reacts.
    #[serde(rename = "reaction")]
    Reaction {
        /// Who.
        p: u32,
        /// How.
        reaction: Reaction,
    },
    /// Somebody says something in writing.
    #[serde(rename = "text")]
    Text(TextShown),
    /// Whose sources the slots carry.
    #[serde(rename = "media.slots")]
    Slots {
        /// Every slot.
        slots: Vec<SlotShown>,
    },
    /// More slots would be of use.
    #[serde(rename = "media.need")]
    Need {
        /// Audio slots in all.
        audio: u8,
        /// Video slots in all.
        video: u8,
    },
    /// Who speaks.
    #[serde(rename = "media.speaking")]
    Speaking {
        /// Everybody who speaks.
        speaking: Vec<u32>,
        /// The dominant speakers, the newest first.
        dominant: Vec<u32>,
    },
    /// Which layers somebody wishes to see.
    #[serde(rename = "media.layers")]
    Layers {
        /// Of the camera: `q`, `h`, `f`.
        camera: Vec<String>,
        /// Whether the screen.
        screen: bool,
    },
}

/// A session is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// The version of the protocol.
    pub v: u32,
    /// The session.
    pub session: String,
    /// The secret that resumes it.
    pub resume: String,
    /// How long it lives without a socket, in seconds.
    #[serde(rename = "resumeFor_s")]
    pub resume_for_s: u64,
    /// How long whoever lost the connection may come back into a call, in seconds.
    #[serde(rename = "rejoinFor_s")]
    pub rejoin_for_s: u64,
    /// The raw id of the user.
    pub user: String,
    /// The server's time: milliseconds since 1970.
    pub now: i64,
    /// How often the client says `ping`, in seconds.
    #[serde(rename = "ping_s")]
    pub ping_s: u64,
    /// When the token ends: milliseconds since 1970.
    pub token_ends: i64,
    /// Relays.
    pub ice_servers: Vec<IceServer>,
    /// What the server takes.
    pub limits: Limits,
}

/// What the server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// People in a call.
    pub participants: u32,
    /// A message of a client.
    pub message_bytes: usize,
}

/// A session goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resumed {
    /// The next secret.
    pub resume: String,
    /// How long the session lives without a socket, in seconds.
    #[serde(rename = "resumeFor_s")]
    pub resume_for_s: u64,
    /// Relays.
    pub ice_servers: Vec<IceServer>,
}

/// A relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// Its addresses.
    pub urls: Vec<String>,
    /// The name to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// The connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bye {
    /// The code the socket is closed with.
    pub code: u16,
    /// Why, for a person.
    pub reason: String,
    /// Whether to come back.
    pub retry: bool,
    /// How long to wait before, in milliseconds.
    #[serde(rename = "retryAfter_ms", default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// What a request brings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reply {
    /// A leg.
    Joined(Box<Joined>),
    /// An answer to an offer.
    Answered {
        /// The answer.
        answer: Answer,
    },
    /// Who was called in.
    Added {
        /// Them.
        added: Vec<AddedParticipant>,
    },
    /// The end of the new token.
    Token {
        /// Milliseconds since 1970.
        #[serde(rename = "tokenEnds")]
        token_ends: i64,
    },
    /// What was said of a call is kept.
    Survey {
        /// Its id.
        survey: String,
    },
    /// Nothing besides.
    Done {},
}

/// What a request is refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "docs/signalling.md §1.2 says what each means")]
pub enum ErrorName {
    Malformed,
    UnknownType,
    UnknownCall,
    UnknownParticipant,
    NotAllowed,
    NotNow,
    LimitReached,
    RateLimited,
    BadMedia,
    NoEndpoint,
    RoomNotFound,
    RoomNotInvited,
    RoomNotOpen,
    Busy,
    Unavailable,
}

/// A request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorReply {
    /// The code.
    pub code: u16,
    /// The finer code.
    pub sub_code: u32,
    /// What is wrong, for a person.
    pub message: String,
    /// What is wrong, for a program.
    pub name: ErrorName,
}

/// How a leg stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegShown {
    /// Its state.
    pub state: LegState,
    /// Its role.
    pub role: Role,
    /// What it may do.
    pub capabilities: Vec<Capability>,
    /// Since when it is connected: milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
}

/// Somebody calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ring {
    /// The call.
    pub call: String,
    /// Who calls.
    pub from: RingFrom,
    /// What kind of call.
    pub kind: CallKind,
    /// How long it rings: milliseconds since 1970.
    pub until: i64,
    /// What the application gave along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_context: Option<CustomContext>,
    /// What the caller sends.
    pub sources: Vec<SourceName>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingFrom {
    /// The raw id.
    pub user: String,
    /// The name shown.
    pub name: String,
}

/// What somebody says in writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextShown {
    /// Who.
    pub p: u32,
    /// Which text it is a version of.
    pub seq: u64,
    /// What.
    pub text: String,
    /// Whether it will not change any more.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// When: milliseconds since 1970.
    pub at: i64,
}
