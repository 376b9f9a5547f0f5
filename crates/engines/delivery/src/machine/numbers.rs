//! Numbers of the machine, and the small things a caller asks for.

use super::Machine;
use crate::health::Health;
use crate::stats::{Stats, SubscriptionStats};
use crate::types::{Position, SubscriptionKey};

impl Machine {
    /// The next event that nothing in memory needs any longer: its bytes can go.
    pub fn poll_release(&mut self) -> Option<Position> {
        self.window.next_released()
    }

    /// The machine at this moment. Looks at every subscription.
    pub fn stats(&self) -> Stats {
        let subscriptions = || self.subscriptions.iter();
        Stats {
            cursor: self.cursor,
            read_through: self.read_through,
            window_events: self.window.len(),
            window_bytes: self.window.held_bytes(),
            loaded_bytes: self.window.outside_bytes(),
            deliveries_open: self.window.open_total(),
            in_flight: self.in_flight,
            unsaved: self.unsaved.len(),
            pending_rows: subscriptions().map(|one| one.rows).sum(),
            sick_subscriptions: subscriptions().filter(|one| one.health.is_sick()).count(),
            low_water_published: self.window.first_open().map(|entry| entry.facts.published),
        }
    }

    /// One subscription at this moment; `None` when there is none with this key.
    pub fn subscription(&self, key: SubscriptionKey) -> Option<SubscriptionStats> {
        let one = self.subscriptions.get(self.subscriptions.slot(key)?)?;
        let sick_since = match one.health {
            Health::Sick { since, .. } => Some(since),
            Health::Healthy { .. } => None,
        };
        let next_due = [one.waiting_scan.next_due(), one.dead_scan.next_due()].into_iter().flatten().min();
        Some(SubscriptionStats {
            key,
            sick_since,
            in_memory: one.fresh.len() + one.in_memory.len(),
            in_flight: one.attempts.len(),
            rows: one.rows,
            next_due,
        })
    }
}
