//! Media and sessions come up, are lost and come back.

use trunkline_kernel::Timestamp;

use super::Call;
use super::call::Refusal;
use super::effects::{Change, Effect, Fact, Notice, To};
use super::inputs::{EndpointId, Rejoining};
use super::legs::{Before, LegState, P};
use super::reasons::Reason;
use super::timers::TimerId;

impl Call {
    /// Media flows, or flows again.
    pub(super) fn media_up(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&p).filter(|leg| leg.state.is_active()) else { return };
        let was_up = std::mem::replace(&mut leg.is_media_up, true);
        leg.previous_token = None;
        match leg.state {
            LegState::Joining if !was_up => {
                out.push(Effect::StopTimer(TimerId::Setup(p)));
                if leg.waits_in_lobby { self.wait_in_lobby(p, now, out) } else { self.connect(p, now, out) }
            }
            LegState::Away(_) => self.regain(p, now, out),
            _ => {}
        }
    }

    /// Media stands ready, and nothing of it passes until somebody lets the leg in.
    pub(super) fn wait_in_lobby(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        self.at(p).state = LegState::InLobby;
        out.push(Effect::Save(Change::Leg(p)));
        Self::set_timer(TimerId::Lobby(p), now.plus(self.times.lobby), out);
        Self::tell(p, Notice::Leg, out);
        Self::show(p, out);
    }

    /// A leg whose media is up is in the call; two of a pair are together, when both are ready.
    pub(super) fn connect(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        let ready = if self.kind.is_pair() { self.ready_pair() } else { vec![p] };
        for &p in &ready {
            let leg = self.at(p);
            leg.state = LegState::Connected;
            out.push(Effect::Save(Change::Leg(p)));
            if leg.connected_at.is_none() {
                leg.connected_at = Some(now);
                out.push(Effect::Publish(Fact::ParticipantAdded(p)));
            }
        }
        if self.live_at.is_none() && self.count() >= 2 {
            self.live_at = Some(now);
            out.push(Effect::Save(Change::Call));
        }
        for &p in &ready {
            self.welcome(p, out);
        }
        // How many there are now; a newcomer has just been told.
        match *ready {
            [] => {}
            [p] => out.push(Effect::Tell { to: To::AllBut(p), notice: Notice::Call }),
            _ => out.push(Effect::Tell { to: To::All, notice: Notice::Call }),
        }
    }

    /// Those of a pair who connect now: both, or one whose other is in the call already.
    fn ready_pair(&self) -> Vec<P> {
        let is_ready =
            |leg: &super::Leg| leg.state.is_in() || leg.state == LegState::Joining && leg.is_media_up;
        let alive = || self.legs.iter().filter(|(_, leg)| leg.state != LegState::Over);
        if alive().count() < 2 || !alive().all(|(_, leg)| is_ready(leg)) {
            return Vec::new();
        }
        alive().filter(|(_, leg)| leg.state == LegState::Joining).map(|(p, _)| *p).collect()
    }

    /// Tells a leg that it is in, and the others.
    fn welcome(&mut self, p: P, out: &mut Vec<Effect>) {
        self.policy(p, out);
        Self::tell(p, Notice::Leg, out);
        if self.leg(p).is_some_and(|leg| !leg.sees_others && leg.endpoint.is_some()) {
            self.show_everybody(p, out);
        }
        Self::show(p, out);
    }

    /// No packet has come for some seconds.
    pub(super) fn media_lost(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&p).filter(|leg| leg.state.is_active()) else { return };
        let was_up = std::mem::replace(&mut leg.is_media_up, false);
        // The other one of a pair is still waited for: media has its time again.
        if leg.state == LegState::Joining && was_up {
            Self::set_timer(TimerId::Setup(p), now.plus(self.times.setup), out);
        }
        self.go_away(p, now, out);
    }

    /// Media will not come.
    pub(super) fn media_failed(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        match self.leg(p).map(|leg| leg.state) {
            // A client that was connected may set up new media; there is time for it.
            Some(state) if state.is_in() => self.media_lost(p, now, out),
            Some(state) if state.is_active() => self.over(p, Reason::NO_MEDIA, None, now, out),
            _ => {}
        }
    }

    /// A session has had no socket for some seconds.
    pub(super) fn session_lost(&mut self, endpoint: EndpointId, now: Timestamp, out: &mut Vec<Effect>) {
        for p in self.bound_to(endpoint) {
            self.at(p).is_session_up = false;
            self.go_away(p, now, out);
        }
    }

    /// A session has a socket again.
    pub(super) fn session_back(&mut self, endpoint: EndpointId, now: Timestamp, out: &mut Vec<Effect>) {
        for p in self.bound_to(endpoint) {
            self.at(p).is_session_up = true;
            self.regain(p, now, out);
        }
    }

    /// A session is no more, and its legs with it.
    pub(super) fn session_gone(
        &mut self,
        endpoint: EndpointId,
        reason: Reason,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        for p in self.bound_to(endpoint) {
            self.over(p, reason, None, now, out);
        }
    }

    fn go_away(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        let leg = self.at(p);
        let before = match leg.state {
            LegState::Connected => Before::Connected,
            LegState::Held => Before::Held,
            _ => return,
        };
        leg.state = LegState::Away(before);
        Self::set_timer(TimerId::Away(p), now.plus(self.times.away), out);
        Self::tell(p, Notice::Leg, out);
        Self::show(p, out);
    }

    /// A leg that is away is back, when both its session and its media are.
    fn regain(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        let leg = self.at(p);
        let LegState::Away(before) = leg.state else { return };
        if !leg.is_session_up || !leg.is_media_up {
            return;
        }
        leg.state = before.into();
        out.push(Effect::StopTimer(TimerId::Away(p)));
        match before {
            Before::Joining => self.connect(p, now, out),
            Before::InLobby => self.wait_in_lobby(p, now, out),
            Before::Connected | Before::Held => self.welcome(p, out),
        }
    }

    /// A leg comes back with its token: after the server was away, or from another page of the same device. Its media
    /// is set up anew.
    pub(super) fn rejoin(
        &mut self,
        p: P,
        with: &Rejoining,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let leg = self.known(p)?;
        let is_right = [leg.token, leg.previous_token]
            .into_iter()
            .flatten()
            .any(|token| trunkline_kernel::secret::equal_in_constant_time(&token, &with.token));
        if !is_right {
            return Err(Refusal::NotAllowed);
        }
        if !leg.state.is_active() {
            return Err(Refusal::NotNow);
        }
        let order = self.next_hand;
        let leg = self.at(p);
        leg.endpoint = Some(with.endpoint);
        (leg.is_session_up, leg.is_media_up, leg.sees_others) = (true, false, false);
        (leg.token, leg.previous_token) = (Some(with.fresh), Some(with.token));
        leg.is_muted = with.is_muted;
        leg.sources = with.sources;
        leg.hand = with.is_hand_raised.then(|| leg.hand.unwrap_or(order));
        if leg.hand == Some(order) {
            self.next_hand += 1;
        }
        out.push(Effect::Save(Change::Leg(p)));
        out.push(Effect::Bind { p, endpoint: with.endpoint });
        self.policy(p, out);
        out.push(Effect::Sources { p, sources: with.sources });
        self.come_back(p, now, out);
        Ok(())
    }

    /// How a leg stands whose media is being set up anew.
    fn come_back(&mut self, p: P, now: Timestamp, out: &mut Vec<Effect>) {
        match self.at(p).state {
            LegState::Away(Before::Joining) | LegState::Joining => {
                self.at(p).state = LegState::Joining;
                out.push(Effect::StopTimer(TimerId::Away(p)));
                Self::set_timer(TimerId::Setup(p), now.plus(self.times.setup), out);
                Self::tell(p, Notice::Leg, out);
                // Whoever has called others sees whether they ring.
                if p == self.started_by && !self.kind.is_joined() {
                    self.show_everybody(p, out);
                }
            }
            // The others see it reconnecting until its media is up.
            LegState::Connected | LegState::Held => return self.go_away(p, now, out),
            LegState::Away(_) => {
                Self::set_timer(TimerId::Away(p), now.plus(self.times.setup), out);
                Self::tell(p, Notice::Leg, out);
            }
            _ => Self::tell(p, Notice::Leg, out),
        }
        Self::show(p, out);
    }
}
