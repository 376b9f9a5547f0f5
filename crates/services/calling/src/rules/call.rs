//! The machine itself: who is in a call, and which input goes where.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_calling_wire::{Capability, LegState as LegShows};
use trunkline_kernel::Timestamp;

use super::effects::{Change, Effect, Fact, Notice, Policy, To};
use super::inputs::{EndpointId, Input};
use super::legs::{Before, Leg, LegState, NewLeg, P};
use super::reasons::Reason;
use super::timers::{TimerId, Times};

/// What kind of call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Between two; a group from when a third is called into it.
    OneToOne,
    /// Among several: by an id that anybody may join with, or of people who were called.
    Group { id: Option<Arc<str>> },
    /// In a room.
    Room { id: Arc<str> },
    /// With the echo test.
    Echo,
}

impl Kind {
    /// Whether neither of two can be without the other.
    pub(crate) const fn is_pair(&self) -> bool {
        matches!(self, Self::OneToOne | Self::Echo)
    }

    /// Whether people join it by an id.
    pub(crate) const fn is_joined(&self) -> bool {
        matches!(self, Self::Group { id: Some(_) } | Self::Room { .. })
    }
}

/// How much of something a call has at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Legs that have not ended.
    pub(crate) participants: usize,
    /// People shown large; ACS has seven.
    pub(crate) spotlight: usize,
}

/// How a call begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Start {
    pub(crate) kind: Kind,
    pub(crate) starter: NewLeg,
    /// Who is called; empty for a call that is joined.
    pub(crate) to: Vec<NewLeg>,
    pub(crate) times: Times,
    pub(crate) limits: Limits,
}

/// What a request is refused for. Nothing has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no such participant")]
    UnknownParticipant,
    #[error("this cannot be done now")]
    NotNow,
    #[error("the role does not allow it")]
    NotAllowed,
    #[error("there are as many as there may be")]
    Full,
    #[error("the call is over")]
    Over,
}

/// A call.
///
/// Invariants: numbers of participants grow; a leg that is over stays over and has one reason; a call that has begun
/// and has no active leg is over, but for an empty room that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Call {
    pub(super) kind: Kind,
    pub(super) started_by: P,
    pub(super) started_at: Timestamp,
    pub(super) live_at: Option<Timestamp>,
    pub(super) ended: Option<Ended>,
    pub(super) legs: BTreeMap<P, Leg>,
    pub(super) next_p: u32,
    pub(super) next_hand: u32,
    pub(super) spotlight: Vec<P>,
    pub(super) speaking: Vec<P>,
    pub(super) dominant: Vec<P>,
    pub(super) asked: Asked,
    pub(super) times: Times,
    pub(super) limits: Limits,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ended {
    pub(crate) at: Timestamp,
    pub(crate) reason: Reason,
    /// Who ended it; `None`: the service.
    pub(crate) by: Option<P>,
}

/// What the row of a call holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) started_by: P,
    /// The raw id; empty when they have left.
    pub(crate) starter: Arc<str>,
    pub(crate) started_at: Timestamp,
    pub(crate) live_at: Option<Timestamp>,
    pub(crate) next_p: u32,
    pub(crate) ended: Option<Ended>,
}

/// How people who were called have answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Asked {
    pub(super) over: u32,
    pub(super) declined: u32,
}

impl Call {
    /// A call begins: `starter` is 1, and those who are called follow.
    pub(crate) fn start(begin: Start, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut call = Self {
            kind: begin.kind,
            started_by: P(1),
            started_at: now,
            live_at: None,
            ended: None,
            legs: BTreeMap::new(),
            next_p: 1,
            next_hand: 1,
            spotlight: Vec::new(),
            speaking: Vec::new(),
            dominant: Vec::new(),
            asked: Asked::default(),
            times: begin.times,
            limits: begin.limits,
        };
        let mut out = vec![Effect::Save(Change::Call), Effect::Publish(Fact::CallStarted)];
        call.begin(begin.starter, begin.to, now, &mut out);
        (call, in_order(out))
    }

    /// Something happens. The effects are in the order in which they must be done, rows and events first.
    ///
    /// **Errors**: a request that is refused; the call is as it was.
    pub(crate) fn handle(&mut self, input: Input, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        if self.is_over() {
            return Err(Refusal::Over);
        }
        self.forget_the_gone();
        let mut out = Vec::new();
        self.route(input, now, &mut out)?;
        Ok(in_order(out))
    }

    /// Whoever has left is known until the next thing happens, so that effects can be told.
    pub(super) fn forget_the_gone(&mut self) {
        self.legs.retain(|_, leg| leg.state != LegState::Over);
    }

    fn route(&mut self, input: Input, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match input {
            Input::Join { leg } => self.join(leg, now, out)?,
            Input::Add { by, legs } => self.add(by, legs, now, out)?,
            Input::Reached { p } => self.reached(p, out),
            Input::NoDevice { p, is_known } => self.no_device(p, is_known, now, out),
            Input::Accept { p, with } => self.accept(p, with, now, out)?,
            Input::Decline { p, is_busy } => self.decline(p, is_busy, now, out)?,
            Input::MediaUp { p } | Input::MediaBack { p } => self.media_up(p, now, out),
            Input::MediaLost { p } => self.media_lost(p, now, out),
            Input::MediaFailed { p } => self.media_failed(p, now, out),
            Input::SessionLost { endpoint } => self.session_lost(endpoint, now, out),
            Input::SessionBack { endpoint } => self.session_back(endpoint, now, out),
            Input::SessionGone { endpoint, reason } => self.session_gone(endpoint, reason, now, out),
            Input::TokenEnded { endpoint } => self.session_gone(endpoint, Reason::TOKEN_ENDED, now, out),
            Input::Rejoin { p, with } => self.rejoin(p, &with, now, out)?,
            Input::HangUp { p, for_everyone } => self.hang_up(p, for_everyone, now, out)?,
            Input::Remove { by, p } => self.remove(by, p, now, out)?,
            Input::Admit { by, who } => self.admit(by, &who, now, out)?,
            Input::Refuse { by, who } => self.refuse(by, &who, now, out)?,
            Input::Mute { p, is_muted } => self.mute(p, is_muted, out)?,
            Input::MuteOthers { by, p } => self.mute_others(by, p, out)?,
            Input::Hold { p, is_held } => self.hold(p, is_held, out)?,
            Input::Hand { by, whose, is_raised } => self.hand(by, &whose, is_raised, out)?,
            Input::React { p, reaction } => self.react(p, reaction, out)?,
            Input::Spotlight { by, add, remove, clear } => {
                self.spotlight_people(by, &add, &remove, clear, out)?;
            }
            Input::Text { p, text } => self.text(p, text, now, out)?,
            Input::Access { by, audio, video, who } => self.access(by, audio, video, &who, out)?,
            Input::Sources { p, camera, screen } => self.sources(p, camera, screen, out)?,
            Input::Speaking { speaking, dominant } => self.speakers(speaking, dominant, out),
            Input::Timer { timer } => self.timer(timer, now, out),
            Input::UserDeleted { user } => self.user_deleted(&user, now, out),
            Input::End { reason } => self.end(reason, None, now, out),
        }
        Ok(())
    }

    /// What its row holds.
    pub(crate) fn head(&self) -> Head {
        Head {
            kind: self.kind.clone(),
            started_by: self.started_by,
            starter: self.leg(self.started_by).map_or_else(|| "".into(), |leg| Arc::clone(&leg.user)),
            started_at: self.started_at,
            live_at: self.live_at,
            next_p: self.next_p,
            ended: self.ended,
        }
    }

    /// The id that people join it with.
    pub(crate) fn locator(&self) -> Option<&str> {
        match &self.kind {
            Kind::Group { id } => id.as_deref(),
            Kind::Room { id } => Some(id),
            Kind::OneToOne | Kind::Echo => None,
        }
    }

    /// What kind of call it is now.
    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether it has ended.
    pub(crate) const fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// The number of the next participant.
    pub(crate) const fn next_p(&self) -> P {
        P(self.next_p)
    }

    /// Every leg, by its number; one that ended by the last input as well.
    pub(crate) fn legs(&self) -> impl Iterator<Item = (P, &Leg)> {
        self.legs.iter().map(|(p, leg)| (*p, leg))
    }

    /// A leg; one that ended by the last input as well.
    pub(crate) fn leg(&self, p: P) -> Option<&Leg> {
        self.legs.get(&p)
    }

    /// How many are in the call.
    pub(crate) fn count(&self) -> usize {
        self.legs.values().filter(|leg| leg.state.is_in()).count()
    }

    /// Who is shown large for everybody.
    pub(crate) fn spotlight(&self) -> &[P] {
        &self.spotlight
    }

    /// Who speaks just now.
    pub(crate) fn speaking(&self) -> &[P] {
        &self.speaking
    }

    /// The dominant speakers, the newest first.
    pub(crate) fn dominant(&self) -> &[P] {
        &self.dominant
    }

    /// How a leg stands, for its own client.
    pub(crate) fn leg_shows(&self, p: P) -> LegShows {
        let Some(leg) = self.legs.get(&p) else { return LegShows::Connecting };
        let others = || self.legs.iter().filter(|(other, _)| **other != p).map(|(_, leg)| leg.state);
        match leg.state {
            LegState::Joining
                if others().any(|state| state == LegState::Ringing) && self.live_at.is_none() =>
            {
                LegShows::Ringing
            }
            LegState::Invited | LegState::Ringing | LegState::Joining | LegState::Over => {
                LegShows::Connecting
            }
            LegState::InLobby => LegShows::InLobby,
            LegState::Connected if self.kind.is_pair() && others().any(is_held) => LegShows::RemoteHold,
            LegState::Connected => LegShows::Connected,
            LegState::Held => LegShows::Hold,
            LegState::Away(_) => LegShows::Reconnecting,
        }
    }

    /// Which legs a notice goes to: to several only those that see the others.
    pub(crate) fn audience(&self, to: To) -> Vec<P> {
        let except = match to {
            To::One(p) => return vec![p],
            To::AllBut(p) => Some(p),
            To::All => None,
        };
        let sees = |(p, leg): (&P, &Leg)| {
            (leg.sees_others && leg.state != LegState::Over && Some(*p) != except).then_some(*p)
        };
        self.legs.iter().filter_map(sees).collect()
    }

    // What the other parts of the machine share.

    pub(super) fn has_active(&self) -> bool {
        self.legs.values().any(|leg| leg.state.is_active())
    }

    pub(super) fn check_room_for(&self, more: usize) -> Result<(), Refusal> {
        let there = self.legs.values().filter(|leg| leg.state != LegState::Over).count();
        if there + more > self.limits.participants { Err(Refusal::Full) } else { Ok(()) }
    }

    /// The leg that a request comes from or is about.
    pub(super) fn known(&self, p: P) -> Result<&Leg, Refusal> {
        self.legs.get(&p).filter(|leg| leg.state != LegState::Over).ok_or(Refusal::UnknownParticipant)
    }

    /// The leg of somebody who does something in the call.
    pub(super) fn present(&self, p: P) -> Result<&Leg, Refusal> {
        let leg = self.known(p)?;
        if leg.state.is_in() { Ok(leg) } else { Err(Refusal::NotNow) }
    }

    /// Whether somebody who is in the call may do that.
    pub(super) fn check(&self, by: P, capability: Capability) -> Result<(), Refusal> {
        if self.present(by)?.may(capability) { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    /// The leg; for places where it was just looked up.
    pub(super) fn at(&mut self, p: P) -> &mut Leg {
        self.legs.get_mut(&p).expect("the caller has just looked it up")
    }

    pub(super) fn put(&mut self, new: NewLeg, state: LegState) -> P {
        let p = P(self.next_p);
        self.next_p += 1;
        self.legs.insert(p, Leg::new(new, state));
        p
    }

    pub(super) fn bound_to(&self, endpoint: EndpointId) -> Vec<P> {
        let bound = |leg: &Leg| leg.endpoint == Some(endpoint) && leg.state != LegState::Over;
        self.legs.iter().filter(|(_, leg)| bound(leg)).map(|(p, _)| *p).collect()
    }

    /// What media of a leg is let through: nothing of one that is not fully in. Media of somebody whose socket is away
    /// for a moment goes on.
    pub(super) fn policy(&self, p: P, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get(&p) else { return };
        let is_in = matches!(leg.state, LegState::Connected | LegState::Away(Before::Connected));
        let policy = Policy {
            is_heard: is_in && !leg.is_silenced && leg.may(Capability::UnmuteMic),
            is_seen: is_in && leg.may(Capability::TurnVideoOn),
            may_share: is_in && leg.may(Capability::ShareScreen),
            hears: is_in,
            sees: is_in,
        };
        out.push(Effect::Policy { p, policy });
    }

    /// Tells the others how a leg now stands.
    pub(super) fn show(p: P, out: &mut Vec<Effect>) {
        out.push(Effect::Tell { to: To::AllBut(p), notice: Notice::Participant(p) });
    }

    pub(super) fn tell(p: P, notice: Notice, out: &mut Vec<Effect>) {
        out.push(Effect::Tell { to: To::One(p), notice });
    }

    /// Tells a leg of all the others, from when on it is told what changes.
    pub(super) fn show_everybody(&mut self, p: P, out: &mut Vec<Effect>) {
        self.at(p).sees_others = true;
        Self::tell(p, Notice::Everybody, out);
        Self::tell(p, Notice::Call, out);
    }

    pub(super) fn set_timer(timer: TimerId, until: Timestamp, out: &mut Vec<Effect>) {
        out.push(Effect::SetTimer { timer, until });
    }
}

fn is_held(state: LegState) -> bool {
    matches!(state, LegState::Held | LegState::Away(Before::Held))
}

/// Rows, then events, then the rest as it came.
fn in_order(mut out: Vec<Effect>) -> Vec<Effect> {
    out.sort_by_key(Effect::stage);
    out
}
