//! Due rows come in from the store, as many as can be used soon.

use trunkline_kernel::Timestamp;

use super::parking::Origin;
use super::{Machine, key_of, load_rows};
use crate::limits::LOADS_MAX;
use crate::outputs::{Load, LoadId, LoadPhase};
use crate::types::{DueRow, Phase, SubscriptionKey};

/// A read of this size is always allowed: it keeps every subscription moving when the bound is used up.
const LOAD_BYTES_MIN: usize = 64 * 1024;
/// A read may take this part of the bytes that are still free.
const SHARE_OF_FREE_BYTES: usize = 8;

/// A read that the caller carries out.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoadUnderWay {
    key: SubscriptionKey,
    phase: LoadPhase,
}

impl Machine {
    /// The next read of due rows; each has to be answered by [`Machine::handle_due`].
    pub fn poll_load(&mut self, now: Timestamp) -> Option<Load> {
        self.advance(now);
        if self.drain_until.is_some() {
            return None;
        }
        while self.loads.len() < LOADS_MAX {
            let slot = self.ready_loads.pop_front()?;
            let Some(subscription) = self.subscriptions.get_mut(slot) else { continue };
            subscription.is_in_loads = false;
            let rows_max = load_rows(subscription, self.limits.load_rows);
            let steady = self.steady.now();
            let is_due =
                |phase: &LoadPhase| subscription.load_at(*phase, rows_max).is_some_and(|at| at <= steady);
            // Dead letters are few, and wait behind nothing.
            let Some(phase) = [LoadPhase::DeadLetter, LoadPhase::Waiting].into_iter().find(is_due) else {
                continue;
            };
            self.last_id += 1;
            let id = LoadId(self.last_id);
            let (after, due_through) = subscription.scan_mut(phase).begin(id, now);
            let limit = match phase {
                LoadPhase::Waiting => rows_max - subscription.waiting.len().min(rows_max - 1),
                LoadPhase::DeadLetter => self.limits.load_rows,
            };
            let free = self.limits.loaded_bytes_max.saturating_sub(self.window.outside_bytes());
            let bytes_max = LOAD_BYTES_MIN.max(free / SHARE_OF_FREE_BYTES);
            let key = subscription.key;
            self.loads.insert(id, LoadUnderWay { key, phase });
            self.refresh(slot);
            return Some(Load { id, subscription: key, phase, after, due_through, limit, bytes_max });
        }
        None
    }

    /// Takes the rows of a read; see [`Load`] for what they are and what `next_due` says.
    pub fn handle_due(
        &mut self,
        load: LoadId,
        rows: Vec<DueRow>,
        next_due: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.advance(now);
        let Some(under_way) = self.loads.remove(&load) else { return };
        let slot = self.subscriptions.slot(under_way.key);
        let subscription = slot.and_then(|slot| Some((slot, self.subscriptions.get_mut(slot)?)));
        let Some((slot, subscription)) = subscription else {
            for row in rows {
                self.window.offer_release(row.event.position);
            }
            return;
        };
        let last = rows.last().map(|row| (row.due, row.event.position));
        let is_short = next_due.is_none_or(|due| due > now);
        let scan = subscription.scan_mut(under_way.phase);
        let Some(changed) = scan.finish(load, last, next_due, is_short, &self.steady) else { return };
        for row in rows {
            if changed.contains(&row.event.position) {
                self.window.offer_release(row.event.position);
            } else {
                self.take_row(slot, row);
            }
        }
        self.refresh(slot);
    }

    fn take_row(&mut self, slot: u32, row: DueRow) {
        let position = row.event.position;
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let is_known =
            subscription.in_memory.contains(&position) || self.unsaved.covers(key_of(subscription, position));
        match row.phase {
            _ if is_known => self.window.offer_release(position),
            Phase::DeadLetter { reason } if !subscription.policy.has_dead_letter => {
                self.window.offer_release(position);
                self.give_up(slot, &row, reason, Origin::Row);
            }
            Phase::DeadLetter { .. } => {
                subscription.in_memory.insert(position);
                subscription.dead.push_back(row);
                self.window.retain(position, row.event.size_bytes);
            }
            Phase::Waiting => {
                subscription.in_memory.insert(position);
                subscription.waiting.push_back(Box::new(row));
                self.window.retain(position, row.event.size_bytes);
            }
        }
    }
}
