//! Letting people in, and what they are allowed.

use trunkline_calling_wire::Capability;
use trunkline_kernel::Timestamp;

use super::Call;
use super::call::Refusal;
use super::capabilities::can_be_restricted;
use super::effects::{Change, Effect, Notice};
use super::legs::{Before, LegState, P};
use super::reasons::Reason;
use super::timers::TimerId;

impl Call {
    /// People are let in.
    pub(super) fn admit(
        &mut self,
        by: P,
        who: &[P],
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        for p in self.waiting(by, who)? {
            let leg = self.at(p);
            match leg.state {
                LegState::InLobby => {
                    (leg.state, leg.waits_in_lobby) = (LegState::Joining, false);
                    out.push(Effect::StopTimer(TimerId::Lobby(p)));
                    self.connect(p, now, out);
                }
                // It comes back into the call.
                LegState::Away(Before::InLobby) => {
                    (leg.state, leg.waits_in_lobby) = (LegState::Away(Before::Joining), false);
                    out.push(Effect::Save(Change::Leg(p)));
                }
                // Named twice.
                _ => {}
            }
        }
        Ok(())
    }

    /// People are sent away.
    pub(super) fn refuse(
        &mut self,
        by: P,
        who: &[P],
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        for p in self.waiting(by, who)? {
            self.over(p, Reason::NOT_ADMITTED, Some(by), now, out);
        }
        Ok(())
    }

    /// Who of them waits; nobody named: everybody who does.
    fn waiting(&self, by: P, who: &[P]) -> Result<Vec<P>, Refusal> {
        self.check(by, Capability::ManageLobby)?;
        let waits = |p: &P| {
            let state = self.legs.get(p).map(|leg| leg.state);
            matches!(state, Some(LegState::InLobby | LegState::Away(Before::InLobby)))
        };
        if who.is_empty() {
            return Ok(self.legs.keys().copied().filter(waits).collect());
        }
        if let Some(unknown) = who.iter().find(|p| !self.legs.contains_key(p)) {
            return Err(self.known(*unknown).map_or_else(|refusal| refusal, |_| Refusal::NotNow));
        }
        if who.iter().all(waits) { Ok(who.to_vec()) } else { Err(Refusal::NotNow) }
    }

    /// Microphones and cameras of others are forbidden or allowed.
    pub(super) fn access(
        &mut self,
        by: P,
        audio: Option<bool>,
        video: Option<bool>,
        who: &[P],
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if audio.is_some() {
            self.check(by, Capability::ForbidOthersAudio)?;
        }
        if video.is_some() {
            self.check(by, Capability::ForbidOthersVideo)?;
        }
        self.present(by)?;
        for p in who {
            if !can_be_restricted(self.present(*p)?.role) {
                return Err(Refusal::NotAllowed);
            }
        }
        let is_meant = |(p, leg): (&P, &super::Leg)| {
            let is_named =
                if who.is_empty() { *p != by && can_be_restricted(leg.role) } else { who.contains(p) };
            (is_named && leg.state.is_in()).then_some(*p)
        };
        let meant: Vec<P> = self.legs.iter().filter_map(is_meant).collect();
        for p in meant {
            self.restrict(p, by, audio, video, out);
        }
        Ok(())
    }

    fn restrict(&mut self, p: P, by: P, audio: Option<bool>, video: Option<bool>, out: &mut Vec<Effect>) {
        let leg = self.at(p);
        let before = (leg.may_speak, leg.may_show);
        leg.may_speak = audio.unwrap_or(leg.may_speak);
        leg.may_show = video.unwrap_or(leg.may_show);
        if (leg.may_speak, leg.may_show) == before {
            return;
        }
        let (is_silent, had_camera) = (!leg.may_speak, !leg.may_show && leg.sources.camera.take().is_some());
        let sources = leg.sources;
        out.push(Effect::Save(Change::Leg(p)));
        if had_camera {
            out.push(Effect::Sources { p, sources });
        }
        self.policy(p, out);
        Self::tell(p, Notice::Leg, out);
        if is_silent {
            self.silence(p, by, out);
        }
        Self::show(p, out);
    }
}
