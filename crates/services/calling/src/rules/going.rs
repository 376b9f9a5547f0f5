//! Leaving, removing, ending: a leg, and with it what cannot be without it.

use trunkline_calling_wire::Capability;
use trunkline_kernel::Timestamp;

use super::Call;
use super::call::{Ended, Kind, Refusal};
use super::effects::{Change, Effect, Fact, Notice, To};
use super::legs::{LegState, P};
use super::reasons::Reason;
use super::timers::TimerId;

impl Call {
    /// A leg leaves, or ends the call for everybody.
    pub(super) fn hang_up(
        &mut self,
        p: P,
        for_everyone: bool,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let leg = self.known(p)?;
        if for_everyone && !leg.may(Capability::HangUpForEveryOne) {
            return Err(Refusal::NotAllowed);
        }
        if leg.state.is_asked() {
            return self.decline(p, false, now, out);
        }
        if for_everyone {
            // Nothing follows from this end: the call ends right after it.
            self.leave(p, Reason::HUNG_UP, Some(p), now, out);
            self.end(Reason::ENDED_FOR_ALL, Some(p), now, out);
        } else {
            self.over(p, Reason::HUNG_UP, Some(p), now, out);
        }
        Ok(())
    }

    /// Somebody is removed, or called no more.
    pub(super) fn remove(
        &mut self,
        by: P,
        p: P,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let can_cancel = by == self.started_by && self.known(p)?.state.is_asked();
        // Whoever calls may stop calling somebody before being in the call themselves.
        if !(can_cancel && self.known(by)?.may(Capability::RemoveParticipant)) {
            self.check(by, Capability::RemoveParticipant)?;
        }
        self.known(p)?;
        self.over(p, Reason::REMOVED, Some(by), now, out);
        Ok(())
    }

    /// A user is no more: neither are their legs.
    pub(super) fn user_deleted(&mut self, user: &str, now: Timestamp, out: &mut Vec<Effect>) {
        for p in self.legs_of(user) {
            self.over(p, Reason::BY_SERVICE, None, now, out);
        }
    }

    pub(super) fn legs_of(&self, user: &str) -> Vec<P> {
        self.legs.iter().filter(|(_, leg)| *leg.user == *user).map(|(p, _)| *p).collect()
    }

    /// Ends a leg, and what cannot be without it.
    pub(super) fn over(
        &mut self,
        p: P,
        reason: Reason,
        by: Option<P>,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        if self.leave(p, reason, by, now, out) {
            self.consequences(p, reason, by, now, out);
        }
    }

    /// Ends a leg; the one place where legs end. Says whether it had not ended before.
    fn leave(&mut self, p: P, reason: Reason, by: Option<P>, now: Timestamp, out: &mut Vec<Effect>) -> bool {
        let Some(leg) = self.legs.get_mut(&p).filter(|leg| leg.state != LegState::Over) else { return false };
        let before = std::mem::replace(&mut leg.state, LegState::Over);
        (leg.reason, leg.over_at, leg.hand) = (Some(reason), Some(now), None);
        let (was_added, has_client) = (leg.connected_at.is_some(), leg.endpoint.is_some());
        out.push(Effect::Save(Change::Leg(p)));
        for timer in [TimerId::Ring(p), TimerId::Setup(p), TimerId::Away(p), TimerId::Lobby(p)] {
            out.push(Effect::StopTimer(timer));
        }
        if before.is_asked() {
            self.asked.over += 1;
            self.asked.declined += u32::from(reason == Reason::DECLINED);
            out.push(Effect::StopRing { p, reason, except: None });
        } else {
            out.push(Effect::CloseMedia { p });
        }
        if was_added {
            out.push(Effect::Publish(Fact::ParticipantRemoved(p)));
        }
        if has_client {
            Self::tell(p, Notice::LegOver { reason, by }, out);
        }
        Self::show(p, out);
        let was_shown_large = self.spotlight.contains(&p);
        for list in [&mut self.spotlight, &mut self.speaking, &mut self.dominant] {
            list.retain(|one| *one != p);
        }
        if was_added && (was_shown_large || !self.kind.is_pair()) {
            out.push(Effect::Tell { to: To::All, notice: Notice::Call });
        }
        true
    }

    fn consequences(
        &mut self,
        gone: P,
        reason: Reason,
        by: Option<P>,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        if self.kind.is_pair() {
            return self.end(self.reason_for_other(gone, reason), by, now, out);
        }
        if self.nobody_came(gone) {
            let reason = if self.asked.declined == self.asked.over { Reason::ALL_DECLINED } else { reason };
            return self.end(reason, by, now, out);
        }
        if self.has_active() {
            return;
        }
        match self.kind {
            Kind::Room { .. } => Self::set_timer(TimerId::Empty, now.plus(self.times.empty_room), out),
            _ => self.end(Reason::CANCELLED, by, now, out),
        }
    }

    /// What the other one of two is told. What the starter learns of a callee who never came is how that one answered;
    /// from then on, one who has left has hung up.
    fn reason_for_other(&self, gone: P, reason: Reason) -> Reason {
        let is_before = self.live_at.is_none();
        let other_is_asked = self.legs.values().any(|leg| leg.state.is_asked());
        match reason {
            Reason::NO_MEDIA if is_before && !other_is_asked => Reason::OTHER_FAILED,
            _ if is_before && other_is_asked => Reason::CANCELLED,
            Reason::DECLINED | Reason::BUSY | Reason::NO_ANSWER | Reason::NO_DEVICE | Reason::NOT_ONLINE
                if gone != self.started_by =>
            {
                reason
            }
            _ => Reason::HUNG_UP,
        }
    }

    /// Whether people were called, none of them is in or still called, and whoever called is alone.
    fn nobody_came(&self, gone: P) -> bool {
        let is_called = matches!(self.kind, Kind::Group { id: None });
        let is_alone =
            || self.legs.iter().all(|(p, leg)| *p == self.started_by || leg.state == LegState::Over);
        is_called && self.live_at.is_none() && gone != self.started_by && self.asked.over > 0 && is_alone()
    }

    /// Ends every leg that is left, and the call.
    pub(super) fn end(&mut self, reason: Reason, by: Option<P>, now: Timestamp, out: &mut Vec<Effect>) {
        if self.is_over() {
            return;
        }
        self.ended = Some(Ended { at: now, reason, by });
        let left: Vec<P> = self.legs.keys().copied().collect();
        for p in left {
            let is_asked = self.leg(p).is_some_and(|leg| leg.state.is_asked());
            // Somebody who is still called is called no more, whyever the call ended.
            let reason = if is_asked && reason.code == 0 { Reason::CANCELLED } else { reason };
            self.leave(p, reason, by, now, out);
        }
        out.push(Effect::StopTimer(TimerId::Empty));
        out.push(Effect::StopTimer(TimerId::Longest));
        out.push(Effect::Save(Change::Call));
        out.push(Effect::Publish(Fact::CallEnded));
        out.push(Effect::Over);
    }
}
