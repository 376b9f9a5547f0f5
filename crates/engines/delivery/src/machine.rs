//! The machine: state, subscriptions, and what happens when time passes.

mod answers;
mod dead_letters;
mod drain;
mod due;
mod events;
mod numbers;
mod parking;
mod sends;
mod writes;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use trunkline_kernel::Timestamp;

use crate::attempt::Attempt;
use crate::hash::{FoldMap, FoldSet};
use crate::health::Health;
use crate::limits::{LOAD_ROWS_SICK, Limits};
use crate::outputs::{AttemptId, DeadLetterId, LoadId, LoadPhase};
use crate::rng::Rng;
use crate::steady::{Instant, Steady};
use crate::subscription::{Subscription, Subscriptions};
use crate::types::{DeliveryKey, DueRow, Policy, Position, SubscriptionKey};
use crate::unsaved::Unsaved;
use crate::window::Window;
use dead_letters::DeadLetterUnderWay;
use due::LoadUnderWay;
use writes::Writing;

/// Decides what is sent to whom and when, and what has to be stored.
///
/// Input goes into `handle_*` and `set_*`; after every input, and at [`Machine::poll_timeout`], every `poll_*` is
/// called until it gives `None`. Nothing in here blocks, reads a clock or draws a random number.
///
/// Invariant: for every event up to the stored cursor and every subscription that got it, the delivery was answered
/// with success, or given up as the contract says, or there is a row for it in the store.
// No lock: one task owns it.
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    rng: Rng,
    steady: Steady,
    cursor: u64,
    read_through: u64,
    window: Window,
    unsaved: Unsaved,
    subscriptions: Subscriptions,
    // Rows that the store had above the cursor at start, until reading has passed them.
    parked: FoldSet<DeliveryKey>,
    parked_through: u64,
    attempts: FoldMap<AttemptId, Attempt>,
    in_flight: usize,
    // Ascending.
    late_ends: VecDeque<(Instant, AttemptId)>,
    loads: FoldMap<LoadId, LoadUnderWay>,
    dead_letters: FoldMap<DeadLetterId, DeadLetterUnderWay>,
    // Slots in the order of their turns. A slot may be free again when its turn comes.
    ready: VecDeque<u32>,
    ready_loads: VecDeque<u32>,
    ready_dead_letters: VecDeque<u32>,
    timers: BTreeSet<(Instant, u32)>,
    writing: Option<Writing>,
    last_id: u64,
    // Subscriptions per event, the largest number of late.
    fan_out: usize,
    drain_until: Option<Instant>,
}

impl Machine {
    /// A machine whose stored cursor is `cursor`; `seed` makes its jitter.
    pub fn new(limits: Limits, seed: u64, cursor: u64) -> Self {
        Self {
            limits,
            rng: Rng::new(seed),
            steady: Steady::default(),
            cursor,
            read_through: cursor,
            window: Window::default(),
            unsaved: Unsaved::default(),
            subscriptions: Subscriptions::default(),
            parked: FoldSet::default(),
            parked_through: 0,
            attempts: FoldMap::default(),
            in_flight: 0,
            late_ends: VecDeque::new(),
            loads: FoldMap::default(),
            dead_letters: FoldMap::default(),
            ready: VecDeque::new(),
            ready_loads: VecDeque::new(),
            ready_dead_letters: VecDeque::new(),
            timers: BTreeSet::new(),
            writing: None,
            last_id: 0,
            fan_out: 1,
            drain_until: None,
        }
    }

    /// Adds a subscription or changes its policy. One that becomes active starts without a bad record.
    pub fn set_subscription(&mut self, key: SubscriptionKey, policy: Policy, now: Timestamp) {
        self.advance(now);
        let Some(slot) = self.subscriptions.slot(key) else {
            self.subscriptions.insert(Subscription::new(key, policy));
            return;
        };
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let was_active = std::mem::replace(&mut subscription.policy, policy).is_active;
        if policy.is_active && !was_active {
            subscription.health = Health::NEW;
        }
        if !policy.is_active {
            self.park_fresh(slot, now);
        }
        self.refresh(slot);
    }

    /// Forgets a subscription. The transaction that deleted it deletes its rows; answers that still come are
    /// ignored.
    pub fn remove_subscription(&mut self, key: SubscriptionKey, now: Timestamp) {
        self.advance(now);
        let Some(slot) = self.subscriptions.slot(key) else { return };
        let Some(subscription) = self.subscriptions.remove(slot) else { return };
        for index in subscription.fresh {
            self.window.let_go_at(index);
            self.window.close(index);
        }
        for attempt in subscription.attempts {
            self.forget_carried(attempt);
        }
        let rows = subscription.waiting.iter().map(AsRef::as_ref).chain(&subscription.dead);
        for row in rows {
            self.window.let_go(row.event.position);
        }
        if let Some(at) = subscription.timer {
            self.timers.remove(&(at, slot));
        }
        self.unsaved.touch(self.steady.now());
    }

    /// Says what the store has: at start, and after somebody else wrote rows.
    ///
    /// `next_due` is the earliest due time of its rows of both phases, `rows` how many there are.
    pub fn set_arrears(
        &mut self,
        key: SubscriptionKey,
        next_due: Option<Timestamp>,
        rows: u64,
        now: Timestamp,
    ) {
        self.advance(now);
        let Some(slot) = self.subscriptions.slot(key) else { return };
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        subscription.rows = rows;
        if let Some(due) = next_due {
            for phase in [LoadPhase::Waiting, LoadPhase::DeadLetter] {
                subscription.scan_mut(phase).note_stored((due, Position::default()), &self.steady);
            }
        }
        self.refresh(slot);
    }

    /// Says which deliveries of events above the cursor have a row already; at start, before any event.
    pub fn set_parked(&mut self, keys: impl IntoIterator<Item = DeliveryKey>) {
        for key in keys {
            self.parked_through = self.parked_through.max(key.position.sequence);
            self.parked.insert(key);
        }
    }

    /// When to call the `poll_*` functions although nothing was handed in; `None` when only input can change
    /// anything.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let write = match &self.writing {
            Some(writing) => writing.retry_at,
            None => self.unsaved.since().map(|since| since.plus(self.limits.flush_delay)),
        };
        let ends = [
            write,
            self.window.overdue_at(self.limits.hold_max),
            self.timers.first().map(|(at, _)| *at),
            self.late_ends.front().map(|(at, _)| *at),
            self.drain_until.filter(|until| *until > self.steady.now()),
        ];
        ends.into_iter().flatten().min().map(|at| self.steady.to_wall(at))
    }

    /// Takes the time: everything that only time makes happen happens in here.
    fn advance(&mut self, now: Timestamp) {
        self.steady.advance(now);
        let steady = self.steady.now();
        while let Some(&(_, slot)) = self.timers.first().filter(|(at, _)| *at <= steady) {
            self.timers.pop_first();
            if let Some(subscription) = self.subscriptions.get_mut(slot) {
                subscription.timer = None;
            }
            self.refresh(slot);
        }
        while let Some(index) = self.window.next_overdue(steady, self.limits.hold_max) {
            self.park_event(index, now);
        }
        while let Some((_, attempt)) = self.late_ends.pop_front_if(|(at, _)| *at <= steady) {
            self.end_late_wait(attempt);
        }
        self.advance_drain();
    }

    /// Puts a subscription in line for what it can do now, and sets its timer for what it can do later.
    fn refresh(&mut self, slot: u32) {
        let steady = self.steady.now();
        let is_draining = self.drain_until.is_some();
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let load_rows = load_rows(subscription, self.limits.load_rows);
        let mut timer: Option<Instant> = None;
        let mut wait_for = |at: Instant| timer = Some(timer.map_or(at, |timer| timer.min(at)));
        if subscription.policy.is_active && !is_draining {
            if subscription.has_queued() {
                match subscription.health {
                    Health::Sick { probe_at, .. } if probe_at > steady => wait_for(probe_at),
                    _ => enqueue(&mut self.ready, &mut subscription.is_in_ready, slot),
                }
            }
            for phase in [LoadPhase::DeadLetter, LoadPhase::Waiting] {
                match subscription.load_at(phase, load_rows) {
                    Some(at) if at > steady => wait_for(at),
                    Some(_) => enqueue(&mut self.ready_loads, &mut subscription.is_in_loads, slot),
                    None => {}
                }
            }
            if !subscription.dead.is_empty() && !subscription.has_dead_letter_under_way {
                enqueue(&mut self.ready_dead_letters, &mut subscription.is_in_dead, slot);
            }
        }
        if subscription.timer != timer {
            if let Some(at) = std::mem::replace(&mut subscription.timer, timer) {
                self.timers.remove(&(at, slot));
            }
            self.timers.extend(timer.map(|at| (at, slot)));
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

fn enqueue(queue: &mut VecDeque<u32>, is_in_it: &mut bool, slot: u32) {
    if !std::mem::replace(is_in_it, true) {
        queue.push_back(slot);
    }
}

/// How many waiting rows a subscription may have in memory.
fn load_rows(subscription: &Subscription, load_rows: usize) -> usize {
    if subscription.health.is_sick() { load_rows.min(LOAD_ROWS_SICK) } else { load_rows }
}

/// The key of a delivery of this subscription.
fn key_of(subscription: &Subscription, position: Position) -> DeliveryKey {
    DeliveryKey { subscription: subscription.key, position }
}

/// How long the end of everything waits for answers: the time a service manager gives without asking.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// A row of a delivery that was never attempted.
fn new_row(event: crate::types::EventFacts, base: Timestamp, due: Timestamp) -> DueRow {
    DueRow { event, base, attempts: 0, due, last: None, phase: crate::types::Phase::Waiting }
}
