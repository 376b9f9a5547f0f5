//! Rows instead of memory: what holds the cursor, or must survive, becomes a change to store.

use trunkline_kernel::Timestamp;

use super::{Machine, key_of, new_row};
use crate::attempt::{Attempt, Carried};
use crate::ladder;
use crate::outputs::AttemptId;
use crate::types::{DeadLetterReason, DueRow};
use crate::unsaved::Change;

/// Where a delivery comes from when its row is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// It has no row; the event at this index of the window waits for it.
    Window(u64),
    /// It has a row.
    Row,
}

impl Origin {
    const fn has_row(self) -> bool {
        matches!(self, Self::Row)
    }

    const fn closes(self) -> Option<u64> {
        match self {
            Self::Window(index) => Some(index),
            Self::Row => None,
        }
    }
}

impl Machine {
    /// Makes rows of everything that waits in memory without one.
    pub(super) fn park_fresh(&mut self, slot: u32, now: Timestamp) {
        while let Some(index) = self.subscriptions.get_mut(slot).and_then(|one| one.fresh.pop_front()) {
            self.park_one(slot, index, now);
        }
    }

    /// Makes rows of the deliveries of one event, wherever they are.
    pub(super) fn park_event(&mut self, index: u64, now: Timestamp) {
        let takers: Vec<u32> = self.window.takers(index).collect();
        for slot in takers {
            let Some(subscription) = self.subscriptions.get_mut(slot) else { continue };
            // Older ones were parked before, so that it can only be the first.
            if subscription.fresh.front() == Some(&index) {
                subscription.fresh.pop_front();
                self.park_one(slot, index, now);
                continue;
            }
            let carries = |id: &AttemptId| match self.attempts.get(id) {
                Some(Attempt::UnderWay(under_way)) => under_way.has_fresh(index),
                _ => false,
            };
            if let Some(attempt) = subscription.attempts.iter().copied().find(carries) {
                self.park_attempt(slot, attempt);
            }
        }
    }

    /// Makes rows of what the requests of a subscription carry.
    pub(super) fn park_attempts(&mut self, slot: u32) {
        let Some(subscription) = self.subscriptions.get(slot) else { return };
        for attempt in subscription.attempts.clone() {
            self.park_attempt(slot, attempt);
        }
    }

    /// Makes rows of what a request carries, due when it times out.
    fn park_attempt(&mut self, slot: u32, attempt: AttemptId) {
        let steady = self.steady.now();
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let Some(Attempt::UnderWay(under_way)) = self.attempts.get_mut(&attempt) else { return };
        for carried in &mut under_way.carried {
            let Carried::Fresh(index) = *carried else { continue };
            let entry = self.window.entry(index);
            let row = new_row(entry.facts, entry.entered, under_way.answer_by);
            let key = key_of(subscription, row.event.position);
            subscription.rows += 1;
            subscription.in_memory.insert(key.position);
            self.unsaved.push(key, Change::Upsert(row), Some(index), steady);
            *carried = Carried::Row(Box::new(row));
        }
    }

    fn park_one(&mut self, slot: u32, index: u64, now: Timestamp) {
        let entry = self.window.entry(index);
        let row = new_row(entry.facts, entry.entered, now);
        self.window.let_go_at(index);
        self.put_row(slot, row, Origin::Window(index));
    }

    /// Stores a row, or gives the delivery up when there are too many.
    pub(super) fn put_row(&mut self, slot: u32, row: DueRow, origin: Origin) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        if !origin.has_row() {
            if subscription.rows >= self.limits.pending_max {
                self.give_up(slot, &row, DeadLetterReason::PendingLimitExceeded, origin);
                return;
            }
            subscription.rows += 1;
        }
        let key = key_of(subscription, row.event.position);
        self.unsaved.push(key, Change::Upsert(row), origin.closes(), self.steady.now());
    }

    /// Ends a delivery without success: a row for the dead-letter place, or nothing.
    pub(super) fn give_up(&mut self, slot: u32, row: &DueRow, reason: DeadLetterReason, origin: Origin) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let key = key_of(subscription, row.event.position);
        // What is on its way to the dead-letter place may pass the bound by a tenth.
        let has_room =
            subscription.rows < self.limits.pending_max.saturating_add(self.limits.pending_max / 10);
        let change = if subscription.policy.has_dead_letter && (origin.has_row() || has_room) {
            subscription.rows += u64::from(!origin.has_row());
            Change::Upsert(ladder::dead_letter(row, reason, self.steady.wall()))
        } else {
            subscription.rows = subscription.rows.saturating_sub(u64::from(origin.has_row()));
            subscription.late.remove(&key.position);
            Change::Drop { reason, has_row: origin.has_row() }
        };
        self.unsaved.push(key, change, origin.closes(), self.steady.now());
    }

    /// Ends a delivery that has a row with success.
    pub(super) fn delete_row(&mut self, slot: u32, position: crate::types::Position) {
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        subscription.rows = subscription.rows.saturating_sub(1);
        self.unsaved.push(key_of(subscription, position), Change::Delete, None, self.steady.now());
    }

    /// A row is no longer in memory.
    pub(super) fn leave_memory(&mut self, slot: u32, position: crate::types::Position) {
        if let Some(subscription) = self.subscriptions.get_mut(slot) {
            subscription.in_memory.remove(&position);
        }
        self.window.let_go(position);
    }
}
