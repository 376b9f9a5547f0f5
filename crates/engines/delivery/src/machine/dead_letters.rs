//! What was given up goes to the place for dead letters.

use trunkline_kernel::Timestamp;

use super::Machine;
use super::parking::Origin;
use crate::ladder::{DEAD_LETTER_MAX, DEAD_LETTER_STEP};
use crate::limits::DEAD_LETTERS_MAX;
use crate::outputs::{DeadLetter, DeadLetterId};
use crate::types::{DeliveryKey, DueRow, Phase, SubscriptionKey};
use crate::unsaved::Change;

/// A file that the caller writes.
#[derive(Debug)]
pub(super) struct DeadLetterUnderWay {
    key: SubscriptionKey,
    rows: Vec<DueRow>,
}

impl Machine {
    /// The next file of dead letters; each has to be answered by [`Machine::handle_dead_lettered`].
    pub fn poll_dead_letter(&mut self, now: Timestamp) -> Option<DeadLetter> {
        self.advance(now);
        if self.drain_until.is_some() {
            return None;
        }
        while self.dead_letters.len() < DEAD_LETTERS_MAX {
            let slot = self.ready_dead_letters.pop_front()?;
            let Some(subscription) = self.subscriptions.get_mut(slot) else { continue };
            subscription.is_in_dead = false;
            if subscription.dead.is_empty() || subscription.has_dead_letter_under_way {
                continue;
            }
            subscription.has_dead_letter_under_way = true;
            let key = subscription.key;
            let rows: Vec<_> = subscription.dead.drain(..).collect();
            for row in &rows {
                subscription.late.remove(&row.event.position);
            }
            let with_key =
                |row: &DueRow| (DeliveryKey { subscription: key, position: row.event.position }, *row);
            let deliveries = rows.iter().map(with_key).collect();
            let id = DeadLetterId(self.next_id());
            self.dead_letters.insert(id, DeadLetterUnderWay { key, rows });
            return Some(DeadLetter { id, subscription: key, deliveries });
        }
        None
    }

    /// Takes the end of a file: written, or to be tried again in a minute, for four hours.
    pub fn handle_dead_lettered(&mut self, id: DeadLetterId, stored: bool, now: Timestamp) {
        self.advance(now);
        let Some(under_way) = self.dead_letters.remove(&id) else { return };
        let Some(slot) = self.subscriptions.slot(under_way.key) else {
            for row in under_way.rows {
                self.window.let_go(row.event.position);
            }
            return;
        };
        for row in under_way.rows {
            self.leave_memory(slot, row.event.position);
            if stored {
                self.delete_row(slot, row.event.position);
            } else {
                self.put_back(slot, row, now);
            }
        }
        if let Some(subscription) = self.subscriptions.get_mut(slot) {
            subscription.has_dead_letter_under_way = false;
        }
        self.refresh(slot);
    }

    fn put_back(&mut self, slot: u32, row: DueRow, now: Timestamp) {
        let Phase::DeadLetter { reason } = row.phase else { return };
        if now.since(row.base) < DEAD_LETTER_MAX {
            self.put_row(slot, DueRow { due: now.plus(DEAD_LETTER_STEP), ..row }, Origin::Row);
            return;
        }
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        subscription.rows = subscription.rows.saturating_sub(1);
        let key = super::key_of(subscription, row.event.position);
        self.unsaved.push(key, Change::Drop { reason, has_row: true }, None, self.steady.now());
    }
}
