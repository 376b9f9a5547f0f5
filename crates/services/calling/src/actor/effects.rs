//! What a step wants done, once its rows are written.

use super::outside::Outside;
use super::run::Actor;
use crate::registry::LegPlace;
use crate::rules::{Change, Effect, Input, LegState, P};

impl<O: Outside> Actor<O> {
    /// Does everything but rows and events, in order. Gives what happens by that.
    pub(super) fn perform(&mut self, effects: &[Effect]) -> Vec<Input> {
        let mut follows = Vec::new();
        for effect in effects {
            follows.extend(self.perform_one(effect));
        }
        follows
    }

    fn perform_one(&mut self, effect: &Effect) -> Option<Input> {
        let now = self.now();
        let call = self.call.as_ref()?;
        match effect {
            Effect::Save(_) | Effect::Publish(_) | Effect::Bind { .. } | Effect::Over => {}
            Effect::Ring { p, until } => {
                let reached = self.outside.ring(&self.facts, call, *p, *until);
                if reached.sessions == 0 && !self.is_patient {
                    return Some(Input::NoDevice { p: *p, is_known: reached.is_known });
                }
            }
            Effect::StopRing { p, reason, except } => {
                self.outside.stop_ring(&self.facts, call, *p, *reason, *except);
            }
            Effect::OpenLoop { p } => self.outside.open_loop(*p),
            Effect::CloseMedia { p } => self.outside.leave(*p),
            Effect::Policy { p, policy } => self.outside.policy(*p, *policy),
            Effect::Sources { p, sources } => self.outside.sources(*p, *sources),
            Effect::Order(order) => self.outside.order(order),
            Effect::Tell { to, notice } => self.outside.tell(&self.facts, call, *to, notice),
            Effect::SetTimer { timer, until } => {
                let due = self.registry.clock().monotonic() + until.since(now);
                self.timers.set(*timer, due);
            }
            Effect::StopTimer(timer) => self.timers.stop(*timer),
        }
        None
    }

    /// Legs are found by their ids from when they are there until they have ended: before anybody is told.
    pub(super) fn index_legs(&mut self, effects: &[Effect]) {
        for (_, leg) in self.changed(effects).filter(|(_, leg)| leg.state != LegState::Over) {
            let place = LegPlace {
                handle: self.handle.clone(),
                user: std::sync::Arc::clone(&leg.user),
                endpoint: leg.endpoint,
            };
            self.registry.enter(self.facts.resource.id, &leg.id, place);
        }
        for (_, leg) in self.changed(effects).filter(|(_, leg)| leg.state == LegState::Over) {
            self.registry.leave(self.facts.resource.id, &leg.id, &self.handle);
        }
        let call = self.call.as_ref();
        self.reports
            .retain(|p, _| call.and_then(|call| call.leg(*p)).is_some_and(|leg| leg.over_at.is_none()));
    }

    fn changed<'a>(&'a self, effects: &'a [Effect]) -> impl Iterator<Item = (P, &'a crate::rules::Leg)> {
        let saved = effects.iter().filter_map(|effect| match effect {
            Effect::Save(Change::Leg(p)) => Some(*p),
            _ => None,
        });
        saved.filter_map(|p| Some((p, self.call.as_ref()?.leg(p)?)))
    }
}
