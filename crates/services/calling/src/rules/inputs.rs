//! What comes to a call: requests of its legs, news of media and sessions, timers.

use std::sync::Arc;

use trunkline_calling_wire::{Reaction, Size};

use super::legs::{NewLeg, P};
use super::reasons::Reason;
use super::timers::TimerId;

/// A session of a client, within the life of this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct EndpointId(pub(crate) u64);

/// What an application knows as `Call.id`.
pub(crate) type LegId = Arc<str>;

/// SHA-256 of a leg's token.
pub(crate) type TokenHash = [u8; 32];

/// A value that a request leaves as it is, ends or sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Update<T> {
    /// Stays as it is.
    #[default]
    Keep,
    /// Is no more.
    End,
    /// Is this from now on.
    Set(T),
}

impl<T: Copy> Update<T> {
    pub(super) fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::End => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }
}

/// A piece of live text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LiveText {
    /// Counts what its writer has begun.
    pub(crate) seq: u64,
    pub(crate) text: Arc<str>,
    pub(crate) is_final: bool,
}

/// What happens to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Input {
    /// Somebody joins by id.
    Join { leg: NewLeg },
    /// People are called into it.
    Add { by: P, legs: Vec<NewLeg> },
    /// A device of somebody who is called shows it.
    Reached { p: P },
    /// Nothing rings at somebody who is called.
    NoDevice { p: P, is_known: bool },
    /// A device takes the call.
    Accept { p: P, with: Taking },
    /// A device refuses the call, for all of them.
    Decline { p: P, is_busy: bool },
    /// Media flows, for the first time or after new media was set up.
    MediaUp { p: P },
    /// No packet has come for some seconds.
    MediaLost { p: P },
    /// Packets come again.
    MediaBack { p: P },
    /// Media will not come.
    MediaFailed { p: P },
    /// A session has had no socket for some seconds.
    SessionLost { endpoint: EndpointId },
    /// It has one again.
    SessionBack { endpoint: EndpointId },
    /// It is no more.
    SessionGone { endpoint: EndpointId, reason: Reason },
    /// A leg comes back with its token, perhaps from another session.
    Rejoin { p: P, with: Rejoining },
    /// A leg leaves, or ends the call.
    HangUp { p: P, for_everyone: bool },
    /// Somebody is removed, or called no more.
    Remove { by: P, p: P },
    /// People are let in from the lobby; empty: everybody there.
    Admit { by: P, who: Vec<P> },
    /// People are sent away from the lobby; empty: everybody there.
    Refuse { by: P, who: Vec<P> },
    /// A leg mutes or unmutes itself.
    Mute { p: P, is_muted: bool },
    /// Others are muted; `None`: everybody else.
    MuteOthers { by: P, p: Option<P> },
    /// A leg holds the call, or goes on.
    Hold { p: P, is_held: bool },
    /// Hands go up or down; empty: one's own.
    Hand { by: P, whose: Vec<P>, is_raised: bool },
    /// A sign of feeling.
    React { p: P, reaction: Reaction },
    /// Who is shown large for everybody.
    Spotlight { by: P, add: Vec<P>, remove: Vec<P>, clear: bool },
    /// Live text.
    Text { p: P, text: LiveText },
    /// Microphones and cameras of others are forbidden or allowed; empty: of everybody without a say.
    Access { by: P, audio: Option<bool>, video: Option<bool>, who: Vec<P> },
    /// What a leg sends has changed.
    Sources { p: P, camera: Update<Size>, screen: Update<Size> },
    /// Who speaks.
    Speaking { speaking: Vec<P>, dominant: Vec<P> },
    /// A timer that was set.
    Timer { timer: TimerId },
    /// The token of a session has ended.
    TokenEnded { endpoint: EndpointId },
    /// A user is no more.
    UserDeleted { user: Arc<str> },
    /// The service ends the call.
    End { reason: Reason },
}

/// What taking a call says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Taking {
    pub(crate) endpoint: EndpointId,
    /// The name to show; `None` leaves it.
    pub(crate) name: Option<String>,
    pub(crate) agent: String,
    pub(crate) is_muted: bool,
    pub(crate) token: TokenHash,
    pub(crate) sources: super::legs::Sources,
}

/// What coming back says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rejoining {
    pub(crate) endpoint: EndpointId,
    /// The token that was given last.
    pub(crate) token: TokenHash,
    /// The one from now on.
    pub(crate) fresh: TokenHash,
    pub(crate) is_muted: bool,
    pub(crate) is_hand_raised: bool,
    pub(crate) sources: super::legs::Sources,
}
