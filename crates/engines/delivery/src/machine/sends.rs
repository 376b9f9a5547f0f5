//! Requests go out: subscriptions take turns, and inside each, fresh deliveries and rows.

use trunkline_kernel::Timestamp;

use super::Machine;
use super::parking::Origin;
use crate::attempt::{Attempt, Carried, UnderWay};
use crate::health::Health;
use crate::ladder;
use crate::limits::{ANSWER_MAX, LATE_ANSWERS_MAX, PROBE_LANES, UNSAVED_ATTEMPTS_MAX};
use crate::outputs::{AttemptId, Send};
use crate::types::DeliveryKey;
use crate::window;

/// A subscription may have at most this part of the places that are still free. With many endpoints that hang, each
/// ends with few places, and the free ones never run out.
const SHARE_OF_FREE: usize = 8;

/// A request in the making.
struct Load {
    carried: Vec<Carried>,
    deliveries: Vec<DeliveryKey>,
    tries: u32,
    bytes: usize,
}

impl Load {
    fn has_room(&self, size_bytes: u32, events_max: usize, bytes_max: usize) -> bool {
        self.carried.is_empty()
            || (self.carried.len() < events_max && self.bytes + window::size(size_bytes) <= bytes_max)
    }

    fn push(&mut self, carried: Carried, key: DeliveryKey, size_bytes: u32, tries: u32) {
        if self.carried.is_empty() {
            self.tries = tries;
        }
        self.carried.push(carried);
        self.deliveries.push(key);
        self.bytes += window::size(size_bytes);
    }
}

impl Machine {
    /// The next request to send; each has to be answered by [`Machine::handle_answer`].
    pub fn poll_send(&mut self, now: Timestamp) -> Option<Send> {
        self.advance(now);
        // A disk that does not keep up slows sending down instead of filling the memory.
        if self.drain_until.is_some() || self.unsaved.attempts_len() >= UNSAVED_ATTEMPTS_MAX {
            return None;
        }
        while self.in_flight < self.limits.in_flight_max {
            let slot = self.ready.pop_front()?;
            let Some(subscription) = self.subscriptions.get_mut(slot) else { continue };
            subscription.is_in_ready = false;
            if !self.may_send(slot) {
                continue;
            }
            let send = self.send_one(slot, now);
            self.refresh(slot);
            if send.is_some() {
                return send;
            }
        }
        None
    }

    /// Whether a subscription has a lane. When it has none, the end of one of its requests puts it in line again.
    fn may_send(&self, slot: u32) -> bool {
        let Some(subscription) = self.subscriptions.get(slot) else { return false };
        let lanes = match subscription.health {
            Health::Sick { probe_at, .. } if probe_at > self.steady.now() => 0,
            Health::Sick { .. } => PROBE_LANES,
            Health::Healthy { .. } => {
                let free = self.limits.in_flight_max - self.in_flight;
                self.limits.lanes_max.min(free / SHARE_OF_FREE).max(1)
            }
        };
        subscription.policy.is_active && subscription.attempts.len() < lanes
    }

    fn send_one(&mut self, slot: u32, now: Timestamp) -> Option<Send> {
        let mut load = Load { carried: Vec::new(), deliveries: Vec::new(), tries: 0, bytes: 0 };
        let subscription = self.subscriptions.get_mut(slot)?;
        let rows_first = subscription.prefers_rows && !subscription.waiting.is_empty();
        subscription.prefers_rows = !rows_first;
        if rows_first {
            self.take_rows(slot, &mut load, now);
            self.take_fresh(slot, &mut load);
        } else {
            self.take_fresh(slot, &mut load);
            self.take_rows(slot, &mut load, now);
        }
        if load.carried.is_empty() {
            return None;
        }
        let attempt = AttemptId(self.next_id());
        let answer_by = now.plus(ANSWER_MAX);
        let subscription = self.subscriptions.get_mut(slot)?;
        let may_be_late = subscription.late_places < LATE_ANSWERS_MAX;
        subscription.late_places += usize::from(may_be_late);
        if subscription.attempts.is_empty() {
            subscription.heard_at = self.steady.now();
        }
        subscription.attempts.push(attempt);
        self.in_flight += 1;
        let (key, tries) = (subscription.key, load.tries);
        let under_way = UnderWay { key, carried: load.carried, tries, answer_by, may_be_late };
        self.attempts.insert(attempt, Attempt::UnderWay(under_way));
        Some(Send { attempt, subscription: key, deliveries: load.deliveries, tries, answer_by, may_be_late })
    }

    fn take_fresh(&mut self, slot: u32, load: &mut Load) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let events_max = window::size(subscription.policy.batch_events);
        let bytes_max = window::size(subscription.policy.batch_bytes);
        while let Some(&index) = subscription.fresh.front() {
            let facts = self.window.entry(index).facts;
            if !load.has_room(facts.size_bytes, events_max, bytes_max) {
                return;
            }
            subscription.fresh.pop_front();
            let key = DeliveryKey { subscription: subscription.key, position: facts.position };
            load.push(Carried::Fresh(index), key, facts.size_bytes, 0);
        }
    }

    fn take_rows(&mut self, slot: u32, load: &mut Load, now: Timestamp) {
        while let Some(subscription) = self.subscriptions.get_mut(slot) {
            let policy = subscription.policy;
            let is_sick = subscription.health.is_sick();
            let Some(row) = subscription.waiting.front() else { return };
            let end = ladder::end_before_attempt(row, &policy, is_sick, now);
            let (events_max, bytes_max) =
                (window::size(policy.batch_events), window::size(policy.batch_bytes));
            if end.is_none() && !load.has_room(row.event.size_bytes, events_max, bytes_max) {
                return;
            }
            let Some(row) = subscription.waiting.pop_front() else { return };
            let position = row.event.position;
            if let Some(reason) = end {
                self.leave_memory(slot, position);
                self.give_up(slot, &row, reason, Origin::Row);
                continue;
            }
            if !subscription.late.is_empty() {
                subscription.late.remove(&position);
            }
            let key = DeliveryKey { subscription: subscription.key, position };
            let (size_bytes, tries) = (row.event.size_bytes, row.attempts);
            load.push(Carried::Row(row), key, size_bytes, tries);
        }
    }
}
