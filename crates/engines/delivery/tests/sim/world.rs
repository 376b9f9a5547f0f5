//! The world around the machine: time, the store, endpoints, and the caller as the service is one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use trunkline_delivery::{
    ANSWER_MAX, Answer, AttemptId, DeadLetter, DeliveryKey, Detail, DueRow, EventFacts, LATE_ANSWER_MAX,
    Limits, Load, LoadId, Machine, Outcome, Policy, Position, SubscriptionKey, Write,
};
use trunkline_kernel::Timestamp;

use crate::endpoints::{Endpoint, status};
use crate::store::{Outgoing, Store};

/// When every simulation begins: 2026-11-21T00:00:00Z.
pub(crate) const START: i64 = 1_795_219_200;

/// Something that will happen.
#[derive(Debug)]
enum Happening {
    Answer(AttemptId, Answer, Vec<DeliveryKey>),
    // The transaction is applied when it ends, or was when it began.
    Stored(Arc<Write>, bool),
    Loaded(LoadId, Vec<DueRow>, Option<Timestamp>),
    LoadEnds(Load),
    DeadLettered(DeadLetter),
}

/// A request as an endpoint saw it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) at: Timestamp,
    pub(crate) subscription: SubscriptionKey,
    pub(crate) positions: Vec<Position>,
    pub(crate) tries: u32,
}

/// Everything.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) machine: Machine,
    pub(crate) store: Store,
    pub(crate) requests: Vec<Request>,
    pub(crate) policies: BTreeMap<SubscriptionKey, Policy>,
    pub(crate) blobs_work: bool,
    pub(crate) disk_works: bool,
    /// Payloads that the caller keeps, and the most it ever kept.
    pub(crate) bytes: BTreeSet<Position>,
    pub(crate) bytes_most: usize,
    /// Requests that may be answered late.
    pub(crate) late_allowed: usize,
    limits: Limits,
    endpoints: BTreeMap<SubscriptionKey, Endpoint>,
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    order: u64,
    read_through: u64,
    random: u64,
}

/// Thirty attempts, a day, no batches, no dead letters.
pub(crate) const POLICY: Policy = Policy {
    attempts_max: 30,
    time_to_live: Duration::from_hours(24),
    batch_events: 1,
    batch_bytes: 64 * 1024,
    has_dead_letter: false,
    is_active: true,
};

/// Seconds.
pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl World {
    /// With the limits of a node.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    /// With other limits.
    pub(crate) fn with_limits(seed: u64, limits: Limits) -> Self {
        Self {
            now: Timestamp::from_seconds(START),
            machine: Machine::new(limits, seed, 0),
            store: Store::default(),
            requests: Vec::new(),
            policies: BTreeMap::new(),
            blobs_work: true,
            disk_works: true,
            bytes: BTreeSet::new(),
            bytes_most: 0,
            late_allowed: 0,
            limits,
            endpoints: BTreeMap::new(),
            agenda: BTreeMap::new(),
            order: 0,
            read_through: 0,
            random: seed,
        }
    }

    /// Adds a subscription, or changes it.
    pub(crate) fn subscribe(&mut self, number: i64, policy: Policy, endpoint: Endpoint) -> SubscriptionKey {
        let key = SubscriptionKey(number);
        self.policies.insert(key, policy);
        self.endpoints.insert(key, endpoint);
        self.machine.set_subscription(key, policy, self.now);
        key
    }

    /// Deletes a subscription.
    pub(crate) fn unsubscribe(&mut self, key: SubscriptionKey) {
        self.policies.remove(&key);
        self.store.remove_subscription(key);
        self.machine.remove_subscription(key, self.now);
    }

    /// Publishes an event of 500 bytes to all subscriptions.
    pub(crate) fn publish(&mut self) -> Position {
        self.publish_sized(500)
    }

    /// Publishes that many.
    pub(crate) fn publish_many(&mut self, count: u32) {
        for _ in 0..count {
            self.publish();
        }
    }

    /// Publishes an event to all subscriptions.
    pub(crate) fn publish_sized(&mut self, size_bytes: u32) -> Position {
        let to: Vec<_> = self.policies.keys().copied().collect();
        self.publish_to(size_bytes, to)
    }

    /// Publishes an event to some subscriptions.
    pub(crate) fn publish_to(&mut self, size_bytes: u32, to: Vec<SubscriptionKey>) -> Position {
        let sequence = self.store.outbox.last_key_value().map_or(1, |(sequence, _)| sequence + 1);
        let position = Position { sequence, ordinal: 0 };
        let facts = EventFacts { position, size_bytes, published: self.now };
        self.store.outbox.insert(sequence, vec![Outgoing { facts, to }]);
        position
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        self.run_until(self.now.plus(time));
    }

    /// Lets time pass up to an instant.
    pub(crate) fn run_until(&mut self, end: Timestamp) {
        loop {
            self.pump();
            let happening = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let next = happening.into_iter().chain(self.machine.poll_timeout()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            assert!(
                next > self.now || happening == Some(next),
                "the machine asks for the past and does nothing"
            );
            self.now = next.max(self.now);
            while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let happening = entry.remove();
                self.happen(happening);
            }
        }
        self.now = end;
    }

    /// Lets time pass until nothing waits in memory; panics when that takes too long.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            self.run(Duration::from_millis(50));
            let last = self.store.outbox.last_key_value().map_or(0, |(sequence, _)| *sequence);
            if self.store.cursor == last && self.machine.stats().unsaved == 0 && self.agenda.is_empty() {
                return;
            }
        }
        panic!("nothing settles: {:?}", self.machine.stats());
    }

    /// The clock is set, forth or back, while nothing passes.
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        let agenda = std::mem::take(&mut self.agenda);
        for ((at, order), happening) in agenda {
            self.agenda.insert((now.plus(at.since(self.now)), order), happening);
        }
        self.now = now;
    }

    /// The process ends without a word and starts again.
    pub(crate) fn crash(&mut self) {
        self.agenda.clear();
        self.bytes.clear();
        let seed = self.draw(u64::MAX);
        self.machine = Machine::new(self.limits, seed, self.store.cursor);
        self.read_through = self.store.cursor;
        // What is read again may end otherwise.
        let cursor = self.store.cursor;
        self.store.dropped.retain(|key, _| key.position.sequence <= cursor);
        for (key, policy) in &self.policies {
            self.machine.set_subscription(*key, *policy, self.now);
            let (next_due, rows) = self.store.arrears(*key);
            self.machine.set_arrears(*key, next_due, rows, self.now);
        }
        self.machine.set_parked(self.store.rows.keys().filter(|key| key.position.sequence > cursor).copied());
    }

    /// Requests to a subscription.
    pub(crate) fn requests_to(&self, key: SubscriptionKey) -> Vec<&Request> {
        self.requests.iter().filter(|request| request.subscription == key).collect()
    }

    /// A number below `bound`, from the seed.
    pub(crate) fn draw(&mut self, bound: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    /// Does what the service does until there is nothing to do.
    pub(crate) fn pump(&mut self) {
        while self.step() {}
    }

    fn step(&mut self) -> bool {
        let mut is_busy = self.read();
        while let Some(send) = self.machine.poll_send(self.now) {
            is_busy = true;
            self.send(send);
        }
        while let Some(load) = self.machine.poll_load(self.now) {
            is_busy = true;
            // The snapshot is as old as it can be, or as new.
            if self.draw(2) == 0 {
                let (rows, next_due) = self.store.load(&load);
                self.plan(3, Happening::Loaded(load.id, rows, next_due));
            } else {
                self.plan(3, Happening::LoadEnds(load));
            }
        }
        while let Some(write) = self.machine.poll_write(self.now) {
            is_busy = true;
            let is_early = self.disk_works && self.draw(2) == 0;
            if is_early {
                self.store.apply(&write);
            }
            self.plan(2, Happening::Stored(write, is_early));
        }
        while let Some(dead) = self.machine.poll_dead_letter(self.now) {
            is_busy = true;
            assert!(dead.deliveries.len() <= 500, "a file is bounded");
            self.plan(5, Happening::DeadLettered(dead));
        }
        while let Some(position) = self.machine.poll_release() {
            self.bytes.remove(&position);
        }
        is_busy
    }

    fn read(&mut self) -> bool {
        let room = self.machine.room();
        if room.events == 0 {
            return false;
        }
        let next = self.store.outbox.range(self.read_through + 1..).take(room.events.min(1_000));
        let read: Vec<_> = next.map(|(sequence, events)| (*sequence, events.clone())).collect();
        let Some((last, _)) = read.last() else { return false };
        self.read_through = *last;
        for event in read.iter().flat_map(|(_, events)| events) {
            let to: Vec<_> = event.to.iter().filter(|key| self.policies.contains_key(key)).copied().collect();
            self.keep(event.facts.position);
            self.machine.handle_event(event.facts, &to, self.now);
        }
        self.machine.handle_read(self.read_through, self.now);
        true
    }

    fn keep(&mut self, position: Position) {
        self.bytes.insert(position);
        self.bytes_most = self.bytes_most.max(self.bytes.len());
    }

    fn send(&mut self, send: trunkline_delivery::Send) {
        for key in &send.deliveries {
            assert!(self.bytes.contains(&key.position), "the payload of {key:?} is gone");
            assert!(!self.store.dropped.contains_key(key), "{key:?} was given up");
        }
        self.late_allowed += usize::from(send.may_be_late);
        self.requests.push(Request {
            at: self.now,
            subscription: send.subscription,
            positions: send.deliveries.iter().map(|key| key.position).collect(),
            tries: send.tries,
        });
        let endpoint = self.endpoints.get_mut(&send.subscription).expect("it was subscribed");
        let answer = endpoint.react(self.now);
        let in_time = answer.filter(|answer| answer.took < ANSWER_MAX);
        let first =
            in_time.unwrap_or(Answer::without_status(Outcome::TimedOut, ANSWER_MAX, Detail::default()));
        self.plan_answer(send.attempt, first, send.deliveries.clone());
        if let Some(late) = answer.filter(|answer| answer.took >= ANSWER_MAX && answer.took < LATE_ANSWER_MAX)
            && send.may_be_late
        {
            self.plan_answer(send.attempt, late, send.deliveries);
        }
    }

    fn plan_answer(&mut self, attempt: AttemptId, answer: Answer, keys: Vec<DeliveryKey>) {
        let at = self.now.plus(answer.took);
        self.order += 1;
        self.agenda.insert((at, self.order), Happening::Answer(attempt, answer, keys));
    }

    fn plan(&mut self, milliseconds: u64, happening: Happening) {
        self.order += 1;
        self.agenda.insert((self.now.plus(Duration::from_millis(milliseconds)), self.order), happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Answer(attempt, answer, keys) => {
                if answer.outcome == Outcome::Delivered {
                    self.store.accepted.extend(keys);
                }
                self.machine.handle_answer(attempt, answer, self.now);
            }
            Happening::Stored(write, true) => self.machine.handle_stored(write.id, true, self.now),
            Happening::Stored(write, false) => {
                if self.disk_works {
                    self.store.apply(&write);
                }
                self.machine.handle_stored(write.id, self.disk_works, self.now);
            }
            Happening::Loaded(id, rows, next_due) => self.loaded(id, rows, next_due),
            Happening::LoadEnds(load) => {
                let (rows, next_due) = self.store.load(&load);
                self.loaded(load.id, rows, next_due);
            }
            Happening::DeadLettered(dead) => {
                if self.blobs_work {
                    let at = self.now;
                    self.store.dead_keys.extend(dead.deliveries.iter().map(|(key, _)| *key));
                    self.store.dead.extend(dead.deliveries.iter().map(|(key, row)| (at, *key, *row)));
                }
                self.machine.handle_dead_lettered(dead.id, self.blobs_work, self.now);
            }
        }
    }

    fn loaded(&mut self, id: LoadId, rows: Vec<DueRow>, next_due: Option<Timestamp>) {
        for row in &rows {
            self.keep(row.event.position);
        }
        self.machine.handle_due(id, rows, next_due, self.now);
    }
}

/// A world with one subscription.
pub(crate) fn one(policy: Policy, endpoint: Endpoint) -> (World, SubscriptionKey) {
    let mut world = World::new(1);
    let key = world.subscribe(1, policy, endpoint);
    (world, key)
}

/// An endpoint that works.
pub(crate) fn works() -> Endpoint {
    Endpoint::always(status(200))
}
