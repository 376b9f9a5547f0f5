//! The end: no new work, what is under way gets a little time, the rest becomes rows.

use trunkline_kernel::Timestamp;

use super::{DRAIN_MAX, Machine};

impl Machine {
    /// Begins the end. From now on there are only answers to take and writes to carry out.
    pub fn begin_drain(&mut self, now: Timestamp) {
        self.advance(now);
        if self.drain_until.is_some() {
            return;
        }
        let steady = self.steady.now();
        self.drain_until = Some(steady.plus(DRAIN_MAX));
        for slot in self.subscriptions.all_slots() {
            self.park_fresh(slot, now);
        }
        self.unsaved.touch(steady);
    }

    /// Whether everything is stored and the machine may be thrown away.
    pub fn is_drained(&self) -> bool {
        let Some(until) = self.drain_until else { return false };
        let has_waited = self.in_flight == 0 || self.steady.now() >= until;
        has_waited
            && self.writing.is_none()
            && self.unsaved.is_empty()
            && self.window.low_water(self.read_through) == self.cursor
    }

    /// What is still under way when the time is up becomes rows as well.
    pub(super) fn advance_drain(&mut self) {
        if self.drain_until.is_none_or(|until| until > self.steady.now()) || self.window.open_total() == 0 {
            return;
        }
        for slot in self.subscriptions.all_slots() {
            self.park_attempts(slot);
        }
    }
}
