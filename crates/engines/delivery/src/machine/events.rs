//! Events come in.

use std::time::Duration;

use trunkline_kernel::Timestamp;

use super::parking::Origin;
use super::{Machine, enqueue, key_of, new_row};
use crate::limits::{ROOM_EVENTS_MIN, UNSAVED_ATTEMPTS_MAX};
use crate::outputs::Room;
use crate::subscription::Subscription;
use crate::types::{EventFacts, SubscriptionKey};

/// While the window fills up, a subscription that has requests under way and was not heard for this long gets rows:
/// a quarter of [`crate::HOLD_MAX`], so that one that hangs cannot fill the window before it is known to be sick.
const STALL_MAX: Duration = Duration::from_millis(500);

impl Machine {
    /// How much more may be handed in.
    pub fn room(&self) -> Room {
        let has_stopped =
            self.drain_until.is_some() || self.unsaved.attempts_len() >= UNSAVED_ATTEMPTS_MAX / 2;
        let bytes = self.limits.window_bytes_max.saturating_sub(self.window.held_bytes());
        if has_stopped || bytes == 0 {
            return Room { events: 0, bytes: 0 };
        }
        let open = self.window.open_total();
        let deliveries = self.limits.deliveries_open_max.saturating_sub(open) / self.fan_out.max(1);
        let least = if open == 0 { ROOM_EVENTS_MIN } else { 0 };
        let places = self.limits.window_events_max.saturating_sub(self.window.len());
        Room { events: deliveries.max(least).min(places), bytes }
    }

    /// Takes an event for these subscriptions. Events come in the order of their positions; one that came before
    /// is ignored.
    pub fn handle_event(&mut self, event: EventFacts, to: &[SubscriptionKey], now: Timestamp) {
        self.advance(now);
        let is_old = event.position.sequence <= self.cursor || self.window.last() >= Some(event.position);
        if is_old || to.is_empty() {
            self.window.offer_release(event.position);
            return;
        }
        self.fan_out = to.len().max(self.fan_out - self.fan_out / 64);
        let index = self.window.push(event, now, self.steady.now());
        for &key in to {
            if let Some(slot) = self.subscriptions.slot(key) {
                self.add_delivery(slot, index, event, now);
            }
        }
        self.window.release_unheld(index);
    }

    /// Everything up to the sequence number was handed in, or is of no interest.
    pub fn handle_read(&mut self, through: u64, now: Timestamp) {
        self.advance(now);
        self.read_through = self.read_through.max(through);
        if self.parked_through <= self.read_through {
            self.parked.clear();
        }
        self.unsaved.touch(self.steady.now());
    }

    fn add_delivery(&mut self, slot: u32, index: u64, event: EventFacts, now: Timestamp) {
        let is_pressed = self.window.len() > self.limits.window_events_max / 4;
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        if !self.parked.is_empty() && self.parked.contains(&key_of(subscription, event.position)) {
            return;
        }
        let is_served = subscription.policy.is_active && !subscription.health.is_sick();
        let has_stalled =
            is_pressed && self.steady.now().since(heard_at(subscription, self.steady.now())) > STALL_MAX;
        if is_served && !has_stalled && self.drain_until.is_none() {
            subscription.fresh.push_back(index);
            self.window.open_queued(slot);
            enqueue(&mut self.ready, &mut subscription.is_in_ready, slot);
            return;
        }
        if has_stalled {
            self.park_fresh(slot, now);
            self.park_attempts(slot);
        }
        self.window.open_parked();
        self.put_row(slot, new_row(event, now, now), Origin::Window(index));
    }
}

/// Since when a subscription owes an answer; `now` when nothing is under way.
fn heard_at(subscription: &Subscription, now: crate::steady::Instant) -> crate::steady::Instant {
    if subscription.attempts.is_empty() { now } else { subscription.heard_at }
}
