//! A sender, a way and a receiver that gives feedback.

use std::collections::BTreeMap;

use super::sender::{Media, Sender};
use super::way::{Chance, Link, Way};
use crate::Now;
use crate::congestion::Controller;

/// Numbers, and when they arrived.
type Feedback = Vec<(u16, Option<i64>)>;

/// Everything, and what was seen of it.
pub(super) struct World {
    pub(super) controller: Controller,
    pub(super) sender: Sender,
    pub(super) link: Link,
    pub(super) ms: u64,
    /// The receiver's clock is so much ahead.
    pub(super) clock_us: i64,
    /// One feedback of so many comes back.
    pub(super) feedback_kept_each: u64,
    feedbacks: u64,
    /// No feedback comes back.
    pub(super) is_deaf: bool,
    // By number, counted on where the real one wraps.
    arrived: BTreeMap<u64, i64>,
    chance: Chance,
    told_until: u64,
    // On its way back.
    feedback: Vec<(u64, Feedback)>,
    /// The estimate at the end of each 100 ms.
    pub(super) estimates: Vec<u64>,
    pub(super) timeouts: u64,
    last_estimate: u64,
    /// How often it went down by more than a twentieth.
    pub(super) drops: u32,
}

impl World {
    pub(super) fn new(media: Media, seed: u64) -> Self {
        Self {
            controller: Controller::new(1_000_000),
            sender: Sender::new(media, seed),
            link: Link::new(seed ^ 0xabcd),
            ms: 0,
            clock_us: 3_600_000_000,
            feedback_kept_each: 1,
            feedbacks: 0,
            is_deaf: false,
            arrived: BTreeMap::new(),
            chance: Chance(!seed),
            told_until: 0,
            feedback: Vec::new(),
            estimates: Vec::new(),
            timeouts: 0,
            last_estimate: 1_000_000,
            drops: 0,
        }
    }

    /// Goes on for so long.
    pub(super) fn run(&mut self, way: &Way, lasts_ms: u64) {
        self.run_while(way, lasts_ms, |_| true);
    }

    /// Goes on while `goes_on`, at most for so long; answers how long.
    pub(super) fn run_while(&mut self, way: &Way, most_ms: u64, goes_on: impl Fn(&Self) -> bool) -> u64 {
        let start = self.ms;
        while self.ms < start + most_ms && goes_on(self) {
            self.step(way);
        }
        self.ms - start
    }

    /// Until the estimate is at least so much; answers how long it took.
    pub(super) fn until_estimate(&mut self, way: &Way, bps: u64, most_ms: u64) -> u64 {
        self.run_while(way, most_ms, |world| world.controller.estimate_bps() < bps)
    }

    /// Until the estimate is less than so much; answers how long it took.
    pub(super) fn until_below(&mut self, way: &Way, bps: u64, most_ms: u64) -> u64 {
        self.run_while(way, most_ms, |world| world.controller.estimate_bps() >= bps)
    }

    fn step(&mut self, way: &Way) {
        let now = Now::from_millis(self.ms);
        if self.controller.poll_timeout().is_some_and(|at| at <= now) {
            self.timeouts += 1;
            self.controller.handle_timeout(now);
        }
        for burst in self.sender.step(&mut self.controller, self.ms) {
            self.link.send(&burst, way, self.ms * 1_000);
        }
        let after = self.controller.poll_timeout();
        assert!(after.is_none_or(|at| at > now), "{after:?} is not after {now:?}: it would spin");
        for (at_us, packet) in self.link.step(way, self.ms * 1_000) {
            if let Some(number) = packet.number {
                self.take(at_us, number, way);
            }
        }
        if self.ms.is_multiple_of(way.feedback_ms) {
            self.give_feedback(way);
        }
        let (due, rest) = self.feedback.drain(..).partition(|(at_ms, _)| *at_ms <= self.ms);
        self.feedback = rest;
        let due: Vec<(u64, Feedback)> = due;
        for (_, told) in due {
            self.controller.arrived(told.into_iter(), now);
        }
        self.note();
    }

    fn take(&mut self, at_us: u64, number: u16, way: &Way) {
        let near = self.told_until;
        // The one with these 16 bits that is nearest to what was told.
        let ahead = i64::from(number.wrapping_sub((near & 0xffff) as u16).cast_signed());
        let number = near.saturating_add_signed(ahead);
        let batch = way.batch_us.max(1);
        let at_us = at_us.div_ceil(batch) * batch;
        self.arrived.insert(number, i64::try_from(at_us).unwrap() + self.clock_us);
    }

    fn give_feedback(&mut self, way: &Way) {
        let (Some((first, _)), Some((last, _))) =
            (self.arrived.first_key_value(), self.arrived.last_key_value())
        else {
            return;
        };
        let (first, last) = ((*first).min(self.told_until), *last);
        let told =
            (first..=last).map(|number| ((number & 0xffff) as u16, self.arrived.get(&number).copied()));
        let told = told.collect();
        self.told_until = self.told_until.max(last + 1);
        self.arrived.clear();
        self.feedbacks += 1;
        let is_kept = self.feedbacks.is_multiple_of(self.feedback_kept_each) && !self.is_deaf;
        if is_kept && !self.chance.happens(way.feedback_lost_permille) {
            self.feedback.push((self.ms + way.delay_ms, told));
        }
    }

    fn note(&mut self) {
        let estimate = self.controller.estimate_bps();
        self.drops += u32::from(estimate < self.last_estimate * 95 / 100);
        self.last_estimate = estimate;
        self.ms += 1;
        if self.ms.is_multiple_of(100) {
            self.estimates.push(estimate);
        }
    }

    /// The least estimate since a moment.
    pub(super) fn least_since(&self, ms: u64) -> u64 {
        let from = usize::try_from(ms / 100).unwrap();
        *self.estimates[from..].iter().min().expect("something ran since")
    }
}
