//! What people do in a call.

use std::collections::BTreeSet;

use trunkline_calling_wire::{Capability, Reaction, Size};
use trunkline_kernel::Timestamp;

use super::Call;
use super::call::Refusal;
use super::effects::{Change, Effect, Notice, To};
use super::inputs::{LiveText, Update};
use super::legs::{LegState, P};

impl Call {
    /// A leg mutes or unmutes itself. Also before it is connected: what the microphone is then is known to the others.
    pub(super) fn mute(&mut self, p: P, is_muted: bool, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let leg = self.known(p)?;
        if leg.state.is_asked() {
            return Err(Refusal::NotNow);
        }
        if !is_muted && !leg.may(Capability::UnmuteMic) {
            return Err(Refusal::NotAllowed);
        }
        let leg = self.at(p);
        leg.is_muted = is_muted;
        // Whoever unmutes speaks again, whoever had muted it.
        leg.is_silenced &= is_muted;
        self.policy(p, out);
        Self::show(p, out);
        Ok(())
    }

    /// Others are muted, at once on the server: a slow or unwilling client is not heard either.
    pub(super) fn mute_others(
        &mut self,
        by: P,
        only: Option<P>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.check(by, Capability::MuteOthers)?;
        let muted: Vec<P> = match only {
            Some(p) => self.present(p).map(|_| vec![p])?,
            None => self.legs.keys().copied().filter(|p| *p != by).collect(),
        };
        for p in muted {
            self.silence(p, by, out);
        }
        Ok(())
    }

    pub(super) fn silence(&mut self, p: P, by: P, out: &mut Vec<Effect>) {
        let leg = self.at(p);
        if !leg.state.is_in() || leg.is_muted {
            return;
        }
        (leg.is_muted, leg.is_silenced) = (true, true);
        self.policy(p, out);
        Self::tell(p, Notice::Muted { by }, out);
        Self::show(p, out);
    }

    /// A leg holds the call, or goes on. Asked twice, nothing changes.
    pub(super) fn hold(&mut self, p: P, is_held: bool, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let state = match (self.known(p)?.state, is_held) {
            (LegState::Connected, true) => LegState::Held,
            (LegState::Held, false) => LegState::Connected,
            (LegState::Held, true) | (LegState::Connected, false) => return Ok(()),
            _ => return Err(Refusal::NotNow),
        };
        self.at(p).state = state;
        out.push(Effect::Save(Change::Leg(p)));
        self.policy(p, out);
        Self::tell(p, Notice::Leg, out);
        Self::show(p, out);
        if self.kind.is_pair() {
            let others: Vec<P> = self.legs.keys().copied().filter(|other| *other != p).collect();
            for other in others {
                Self::tell(other, Notice::Leg, out);
            }
        }
        Ok(())
    }

    /// Hands go up or down: one's own, or down those of others.
    pub(super) fn hand(
        &mut self,
        by: P,
        whose: &[P],
        is_raised: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let whose: BTreeSet<P> = if whose.is_empty() { [by].into() } else { whose.iter().copied().collect() };
        if whose.iter().any(|p| *p != by) {
            if is_raised {
                return Err(Refusal::NotAllowed);
            }
            self.check(by, Capability::MuteOthers)?;
        } else if is_raised {
            self.check(by, Capability::RaiseHand)?;
        } else {
            self.present(by)?;
        }
        for p in &whose {
            self.present(*p)?;
        }
        for p in whose {
            let order = self.next_hand;
            let leg = self.at(p);
            match (leg.hand, is_raised) {
                (None, true) => {
                    leg.hand = Some(order);
                    self.next_hand += 1;
                }
                (Some(_), false) => leg.hand = None,
                _ => continue,
            }
            self.show_to_all(p, out);
        }
        Ok(())
    }

    /// Tells everybody, also the one it is about: somebody else may have done it.
    fn show_to_all(&self, p: P, out: &mut Vec<Effect>) {
        debug_assert!(self.legs.contains_key(&p), "hands of those who are there");
        out.push(Effect::Tell { to: To::All, notice: Notice::Participant(p) });
    }

    /// A sign of feeling, for everybody and oneself.
    pub(super) fn react(&mut self, p: P, reaction: Reaction, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.check(p, Capability::UseReactions)?;
        out.push(Effect::Tell { to: To::All, notice: Notice::Reaction { p, reaction } });
        Ok(())
    }

    /// Live text, for everybody and oneself.
    pub(super) fn text(
        &mut self,
        p: P,
        text: LiveText,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.present(p)?;
        out.push(Effect::Tell { to: To::All, notice: Notice::Text { p, text, at: now } });
        Ok(())
    }

    /// Who is shown large for everybody.
    pub(super) fn spotlight_people(
        &mut self,
        by: P,
        add: &[P],
        remove: &[P],
        clear: bool,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.present(by)?;
        if !add.is_empty() {
            self.check(by, Capability::SpotlightParticipant)?;
        }
        if clear || remove.iter().any(|p| *p != by) {
            self.check(by, Capability::RemoveParticipantsSpotlight)?;
        }
        let stays = |p: &P| !clear && !remove.contains(p);
        let mut next: Vec<P> = self.spotlight.iter().copied().filter(stays).collect();
        for p in add {
            self.present(*p)?;
            if !next.contains(p) {
                next.push(*p);
            }
        }
        if next.len() > self.limits.spotlight {
            return Err(Refusal::Full);
        }
        if next != self.spotlight {
            self.spotlight = next;
            self.order(out);
            out.push(Effect::Tell { to: To::All, notice: Notice::Call });
        }
        Ok(())
    }

    /// Who speaks, and who has lately.
    pub(super) fn speakers(&mut self, speaking: Vec<P>, dominant: Vec<P>, out: &mut Vec<Effect>) {
        let is_there = |p: &P| self.legs.get(p).is_some_and(|leg| leg.state.is_in());
        let speaking: Vec<P> = speaking.into_iter().filter(is_there).collect();
        let dominant: Vec<P> = dominant.into_iter().filter(is_there).collect();
        if speaking == self.speaking && dominant == self.dominant {
            return;
        }
        let is_order_new = dominant != self.dominant;
        (self.speaking, self.dominant) = (speaking, dominant);
        if is_order_new {
            self.order(out);
        }
        out.push(Effect::Tell { to: To::All, notice: Notice::Speaking });
    }

    /// Whoever is shown large matters most, then whoever speaks.
    fn order(&self, out: &mut Vec<Effect>) {
        let speakers = self.dominant.iter().filter(|p| !self.spotlight.contains(p));
        out.push(Effect::Order(self.spotlight.iter().chain(speakers).copied().collect()));
    }

    /// What a leg sends has changed.
    pub(super) fn sources(
        &mut self,
        p: P,
        camera: Update<Size>,
        screen: Update<Size>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let leg = self.known(p)?;
        if leg.state.is_asked() {
            return Err(Refusal::NotNow);
        }
        let needs = [
            (matches!(camera, Update::Set(_)), Capability::TurnVideoOn),
            (matches!(screen, Update::Set(_)), Capability::ShareScreen),
        ];
        if needs.iter().any(|(is_set, capability)| *is_set && !leg.may(*capability)) {
            return Err(Refusal::NotAllowed);
        }
        let mut sources = leg.sources;
        camera.apply(&mut sources.camera);
        screen.apply(&mut sources.screen);
        if sources != leg.sources {
            self.at(p).sources = sources;
            out.push(Effect::Sources { p, sources });
            Self::show(p, out);
        }
        Ok(())
    }
}
