//! One participation in a call.

use std::sync::Arc;

use trunkline_calling_wire::{ParticipantKind, ParticipantState, Role, Size};
use trunkline_kernel::Timestamp;

use super::inputs::{EndpointId, LegId, TokenHash};
use super::reasons::Reason;

/// A participant's number in the call, from 1; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct P(pub(crate) u32);

/// How a leg stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LegState {
    /// Called; no device of theirs has shown it yet.
    Invited,
    /// A device shows it.
    Ringing,
    /// Taken or joined; media is being set up, or the other one of two is waited for.
    Joining,
    /// Waits to be let in.
    InLobby,
    /// In the call.
    Connected,
    /// In the call, and holds it.
    Held,
    /// The session or the media is lost; how it stood when that happened.
    Away(Before),
    /// Has ended.
    Over,
}

/// How a leg stood before it was away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Before {
    /// Its media was being set up. Only after the server was away: elsewhere such a leg just waits.
    Joining,
    /// It waited to be let in. Only after the server was away.
    InLobby,
    /// It was in the call.
    Connected,
    /// It held the call.
    Held,
}

impl LegState {
    /// Whether the leg keeps the call alive.
    pub(crate) const fn is_active(self) -> bool {
        matches!(self, Self::Joining | Self::InLobby | Self::Connected | Self::Held | Self::Away(_))
    }

    /// Whether somebody was called and has not said anything yet.
    pub(crate) const fn is_asked(self) -> bool {
        matches!(self, Self::Invited | Self::Ringing)
    }

    /// Whether the leg is in the call, be it held or away.
    pub(crate) const fn is_in(self) -> bool {
        matches!(self, Self::Connected | Self::Held | Self::Away(Before::Connected | Before::Held))
    }
}

impl From<Before> for LegState {
    fn from(before: Before) -> Self {
        match before {
            Before::Joining => Self::Joining,
            Before::InLobby => Self::InLobby,
            Before::Connected => Self::Connected,
            Before::Held => Self::Held,
        }
    }
}

/// What a participant says it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) camera: Option<Size>,
    pub(crate) screen: Option<Size>,
}

/// Somebody who comes into a call: who joins or starts it is bound to a session, who is called is not yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NewLeg {
    pub(crate) id: LegId,
    /// The raw id.
    pub(crate) user: Arc<str>,
    /// The name shown; empty for none.
    pub(crate) name: String,
    /// The program, for the events; empty when unknown.
    pub(crate) agent: String,
    pub(crate) kind: ParticipantKind,
    pub(crate) role: Role,
    pub(crate) endpoint: Option<EndpointId>,
    /// What lets the leg in again after the server was away.
    pub(crate) token: Option<TokenHash>,
    pub(crate) is_muted: bool,
    pub(crate) waits_in_lobby: bool,
    pub(crate) sources: Sources,
}

/// A leg.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, of which any combination is possible")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    /// The raw id.
    pub(crate) user: Arc<str>,
    /// The name shown; empty for none.
    pub(crate) name: String,
    /// The program, for the events; empty when unknown.
    pub(crate) agent: String,
    pub(crate) kind: ParticipantKind,
    pub(crate) state: LegState,
    pub(crate) role: Role,
    /// The session it is bound to.
    pub(crate) endpoint: Option<EndpointId>,
    pub(crate) is_media_up: bool,
    pub(crate) is_session_up: bool,
    /// Whether it has been told of everybody else, and is told what changes with them.
    pub(crate) sees_others: bool,
    pub(crate) is_muted: bool,
    /// Whether it was muted by somebody else, and is not let through.
    pub(crate) is_silenced: bool,
    /// Whether somebody let it have its microphone, as everybody has at first.
    pub(crate) may_speak: bool,
    /// Whether somebody let it have its camera, as everybody has at first.
    pub(crate) may_show: bool,
    pub(crate) waits_in_lobby: bool,
    /// Its place in the order of raised hands.
    pub(crate) hand: Option<u32>,
    pub(crate) sources: Sources,
    pub(crate) invited_by: Option<P>,
    /// Until when its devices ring.
    pub(crate) ring_until: Option<Timestamp>,
    /// What lets it in again after the server was away.
    pub(crate) token: Option<TokenHash>,
    /// The token before that, until media shows that the client has the new one: the reply may have been lost.
    pub(crate) previous_token: Option<TokenHash>,
    /// When it joined or took the call.
    pub(crate) joined_at: Option<Timestamp>,
    /// When it was first in the call.
    pub(crate) connected_at: Option<Timestamp>,
    pub(crate) over_at: Option<Timestamp>,
    pub(crate) reason: Option<Reason>,
}

impl Leg {
    pub(super) fn new(new: NewLeg, state: LegState) -> Self {
        Self {
            id: new.id,
            user: new.user,
            name: new.name,
            agent: new.agent,
            kind: new.kind,
            state,
            role: new.role,
            is_session_up: new.endpoint.is_some(),
            endpoint: new.endpoint,
            is_media_up: false,
            sees_others: false,
            is_muted: new.is_muted,
            is_silenced: false,
            may_speak: true,
            may_show: true,
            waits_in_lobby: new.waits_in_lobby,
            hand: None,
            sources: new.sources,
            invited_by: None,
            ring_until: None,
            token: new.token,
            previous_token: None,
            joined_at: None,
            connected_at: None,
            over_at: None,
            reason: None,
        }
    }

    /// How the others see it.
    pub(crate) const fn shows(&self) -> ParticipantState {
        match self.state {
            LegState::Invited | LegState::Joining => ParticipantState::Connecting,
            LegState::Ringing => ParticipantState::Ringing,
            LegState::InLobby => ParticipantState::InLobby,
            LegState::Connected => ParticipantState::Connected,
            LegState::Held => ParticipantState::Hold,
            LegState::Away(_) => ParticipantState::Reconnecting,
            LegState::Over => ParticipantState::Disconnected,
        }
    }
}
