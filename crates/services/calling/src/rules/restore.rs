//! A call that goes on after the server was away: what rows keep of it, and how it begins again.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_calling_wire::{ParticipantKind, Role};
use trunkline_kernel::Timestamp;

use super::Call;
use super::call::{Asked, Kind, Limits};
use super::effects::Effect;
use super::inputs::{LegId, TokenHash};
use super::legs::{Before, Leg, LegState, NewLeg, P, Sources};
use super::timers::{TimerId, Times};

/// What rows keep of a running call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    pub(crate) kind: Kind,
    pub(crate) started_by: P,
    pub(crate) started_at: Timestamp,
    pub(crate) live_at: Option<Timestamp>,
    pub(crate) next_p: u32,
    /// Those that have not ended.
    pub(crate) legs: Vec<KeptLeg>,
}

/// What rows keep of a leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeptLeg {
    pub(crate) p: P,
    pub(crate) id: LegId,
    pub(crate) user: Arc<str>,
    pub(crate) name: String,
    pub(crate) agent: String,
    pub(crate) kind: ParticipantKind,
    /// Never [`LegState::Away`]: whoever was away is what they were before.
    pub(crate) state: LegState,
    pub(crate) role: Role,
    pub(crate) token: Option<TokenHash>,
    pub(crate) previous_token: Option<TokenHash>,
    pub(crate) may_speak: bool,
    pub(crate) may_show: bool,
    pub(crate) waits_in_lobby: bool,
    pub(crate) invited_by: Option<P>,
    pub(crate) ring_until: Option<Timestamp>,
    pub(crate) joined_at: Option<Timestamp>,
    pub(crate) connected_at: Option<Timestamp>,
}

impl Call {
    /// The call as rows keep it.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> Kept {
        let alive = self.legs.iter().filter(|(_, leg)| leg.state != LegState::Over);
        Kept {
            kind: self.kind.clone(),
            started_by: self.started_by,
            started_at: self.started_at,
            live_at: self.live_at,
            next_p: self.next_p,
            legs: alive.map(|(p, leg)| leg.kept(*p)).collect(),
        }
    }

    /// Goes on with a call: whoever was in it is away and has time to come back; whoever was called is rung on.
    pub(crate) fn restore(kept: Kept, times: Times, limits: Limits, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut call = Self {
            kind: kept.kind,
            started_by: kept.started_by,
            started_at: kept.started_at,
            live_at: kept.live_at,
            ended: None,
            legs: BTreeMap::new(),
            next_p: kept.next_p,
            next_hand: 1,
            spotlight: Vec::new(),
            speaking: Vec::new(),
            dominant: Vec::new(),
            asked: Asked::default(),
            times,
            limits,
        };
        let mut out = Vec::new();
        Self::set_timer(TimerId::Longest, kept.started_at.plus(times.longest), &mut out);
        for leg in kept.legs {
            call.bring_back(leg, now, &mut out);
        }
        if !call.has_active() {
            Self::set_timer(TimerId::Empty, now.plus(times.empty_room), &mut out);
        }
        (call, out)
    }

    fn bring_back(&mut self, kept: KeptLeg, now: Timestamp, out: &mut Vec<Effect>) {
        let p = kept.p;
        let mut leg = Leg::from_kept(kept);
        match leg.state {
            LegState::Invited | LegState::Ringing => {
                let until = leg.ring_until.unwrap_or(now);
                leg.state = LegState::Invited;
                Self::set_timer(TimerId::Ring(p), until, out);
                out.push(Effect::Ring { p, until });
            }
            _ if leg.kind == ParticipantKind::Echo => {
                (leg.is_media_up, leg.is_session_up) = (true, true);
                out.push(Effect::OpenLoop { p });
            }
            state => {
                leg.state = LegState::Away(before(state));
                Self::set_timer(TimerId::Away(p), now.plus(self.times.away), out);
            }
        }
        let is_active = leg.state.is_active();
        self.legs.insert(p, leg);
        if is_active {
            self.policy(p, out);
        }
    }
}

const fn before(state: LegState) -> Before {
    match state {
        LegState::Connected => Before::Connected,
        LegState::Held => Before::Held,
        LegState::InLobby => Before::InLobby,
        LegState::Away(before) => before,
        LegState::Invited | LegState::Ringing | LegState::Joining | LegState::Over => Before::Joining,
    }
}

impl Leg {
    #[cfg(test)]
    fn kept(&self, p: P) -> KeptLeg {
        KeptLeg {
            p,
            id: Arc::clone(&self.id),
            user: Arc::clone(&self.user),
            name: self.name.clone(),
            agent: self.agent.clone(),
            kind: self.kind,
            state: self.saved_state(),
            role: self.role,
            token: self.token,
            previous_token: self.previous_token,
            may_speak: self.may_speak,
            may_show: self.may_show,
            waits_in_lobby: self.waits_in_lobby,
            invited_by: self.invited_by,
            ring_until: self.ring_until,
            joined_at: self.joined_at,
            connected_at: self.connected_at,
        }
    }

    /// How it stands, as rows keep it: rows do not tell who is away, and which device shows a ringing.
    pub(crate) fn saved_state(&self) -> LegState {
        match self.state {
            LegState::Away(before) => before.into(),
            LegState::Ringing => LegState::Invited,
            state => state,
        }
    }

    fn from_kept(kept: KeptLeg) -> Self {
        let new = NewLeg {
            id: kept.id,
            user: kept.user,
            name: kept.name,
            agent: kept.agent,
            kind: kept.kind,
            role: kept.role,
            endpoint: None,
            token: kept.token,
            // Until the client says otherwise.
            is_muted: true,
            waits_in_lobby: kept.waits_in_lobby,
            sources: Sources::default(),
        };
        Self {
            previous_token: kept.previous_token,
            may_speak: kept.may_speak,
            may_show: kept.may_show,
            invited_by: kept.invited_by,
            ring_until: kept.ring_until,
            joined_at: kept.joined_at,
            connected_at: kept.connected_at,
            ..Self::new(new, kept.state)
        }
    }
}
