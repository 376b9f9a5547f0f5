//! Starting, ringing, taking, declining, joining.

use std::time::Duration;

use trunkline_calling_wire::{Capability, ParticipantKind};
use trunkline_kernel::Timestamp;

use super::Call;
use super::call::{Kind, Refusal};
use super::effects::{Change, Effect, Fact, Notice, To};
use super::inputs::Taking;
use super::legs::{LegState, NewLeg, P};
use super::reasons::Reason;
use super::timers::TimerId;

impl Call {
    /// The starter comes in, and those who are called are rung.
    pub(super) fn begin(&mut self, starter: NewLeg, to: Vec<NewLeg>, now: Timestamp, out: &mut Vec<Effect>) {
        Self::set_timer(TimerId::Longest, now.plus(self.times.longest), out);
        let is_calling = !to.is_empty();
        let p = self.come_in(starter, now, out);
        for leg in to {
            match leg.kind {
                ParticipantKind::Echo => self.bring(leg, now, out),
                _ => {
                    self.call_in(leg, p, self.times.ring, now, out);
                }
            }
        }
        if is_calling {
            self.show_everybody(p, out);
        }
    }

    /// Somebody joins by id.
    pub(super) fn join(&mut self, leg: NewLeg, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        if !self.kind.is_joined() {
            return Err(Refusal::NotAllowed);
        }
        self.check_room_for(1)?;
        out.push(Effect::StopTimer(TimerId::Empty));
        let p = self.come_in(leg, now, out);
        Self::show(p, out);
        Ok(())
    }

    /// A leg with a session comes in; its media is being set up.
    fn come_in(&mut self, leg: NewLeg, now: Timestamp, out: &mut Vec<Effect>) -> P {
        let endpoint = leg.endpoint;
        let p = self.put(leg, LegState::Joining);
        self.at(p).joined_at = Some(now);
        out.push(Effect::Save(Change::Leg(p)));
        out.extend(endpoint.map(|endpoint| Effect::Bind { p, endpoint }));
        self.wait_for_media(p, now, out);
        p
    }

    fn wait_for_media(&self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(leg) = self.leg(p) else { return };
        // Nothing passes before the leg is connected.
        self.policy(p, out);
        out.push(Effect::Sources { p, sources: leg.sources });
        Self::set_timer(TimerId::Setup(p), now.plus(self.times.setup), out);
        Self::tell(p, Notice::Leg, out);
    }

    /// A leg without a session comes in: it is there at once.
    fn bring(&mut self, leg: NewLeg, now: Timestamp, out: &mut Vec<Effect>) {
        let p = self.put(leg, LegState::Joining);
        let leg = self.at(p);
        (leg.is_media_up, leg.is_session_up, leg.joined_at) = (true, true, Some(now));
        out.push(Effect::Save(Change::Leg(p)));
        out.push(Effect::OpenLoop { p });
    }

    /// Somebody is called into the call.
    fn call_in(&mut self, leg: NewLeg, by: P, wait: Duration, now: Timestamp, out: &mut Vec<Effect>) -> P {
        let p = self.put(leg, LegState::Invited);
        let until = now.plus(wait);
        let leg = self.at(p);
        (leg.invited_by, leg.ring_until) = (Some(by), Some(until));
        out.push(Effect::Save(Change::Leg(p)));
        out.push(Effect::Publish(Fact::IncomingCall(p)));
        Self::set_timer(TimerId::Ring(p), until, out);
        out.push(Effect::Ring { p, until });
        p
    }

    /// People are called into a call that goes on; one of two becomes a group by it.
    pub(super) fn add(
        &mut self,
        by: P,
        legs: Vec<NewLeg>,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.check(by, Capability::AddCommunicationUser)?;
        self.check_room_for(legs.len())?;
        let mut wait = self.times.ring;
        match self.kind {
            Kind::Echo => return Err(Refusal::NotNow),
            Kind::OneToOne => {
                self.kind = Kind::Group { id: None };
                wait = self.times.ring_promoted;
                out.push(Effect::Save(Change::Call));
                out.push(Effect::Tell { to: To::All, notice: Notice::Call });
            }
            Kind::Group { .. } | Kind::Room { .. } => {}
        }
        for leg in legs {
            let p = self.call_in(leg, by, wait, now, out);
            Self::show(p, out);
        }
        Ok(())
    }

    /// A device of somebody who is called shows it. Others may have before.
    pub(super) fn reached(&mut self, p: P, out: &mut Vec<Effect>) {
        if self.leg(p).is_none_or(|leg| leg.state != LegState::Invited) {
            return;
        }
        self.at(p).state = LegState::Ringing;
        Self::show(p, out);
        let starter = self.started_by;
        if self.leg(starter).is_some_and(|leg| leg.state == LegState::Joining) {
            Self::tell(starter, Notice::Leg, out);
        }
    }

    /// Nothing rings at somebody who is called.
    pub(super) fn no_device(&mut self, p: P, is_known: bool, now: Timestamp, out: &mut Vec<Effect>) {
        if self.leg(p).is_some_and(|leg| leg.state.is_asked()) {
            let reason = if is_known { Reason::NOT_ONLINE } else { Reason::NO_DEVICE };
            self.over(p, reason, None, now, out);
        }
    }

    /// A device takes the call. The first one wins: a second finds the leg taken.
    pub(super) fn accept(
        &mut self,
        p: P,
        with: Taking,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if !self.known(p)?.state.is_asked() {
            return Err(Refusal::NotNow);
        }
        let leg = self.at(p);
        leg.state = LegState::Joining;
        leg.endpoint = Some(with.endpoint);
        leg.is_session_up = true;
        leg.is_muted = with.is_muted;
        leg.token = Some(with.token);
        leg.agent = with.agent;
        leg.sources = with.sources;
        leg.joined_at = Some(now);
        leg.ring_until = None;
        if let Some(name) = with.name {
            leg.name = name;
        }
        out.push(Effect::Save(Change::Leg(p)));
        out.push(Effect::StopTimer(TimerId::Ring(p)));
        out.push(Effect::Bind { p, endpoint: with.endpoint });
        let (reason, except) = (Reason::TAKEN_ELSEWHERE, Some(with.endpoint));
        out.push(Effect::StopRing { p, reason, except });
        self.wait_for_media(p, now, out);
        Self::show(p, out);
        Ok(())
    }

    /// A device declines, for all devices of its user.
    pub(super) fn decline(
        &mut self,
        p: P,
        is_busy: bool,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if !self.known(p)?.state.is_asked() {
            return Err(Refusal::NotNow);
        }
        let reason = if is_busy { Reason::BUSY } else { Reason::DECLINED };
        self.over(p, reason, Some(p), now, out);
        Ok(())
    }
}
