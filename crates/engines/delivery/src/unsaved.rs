//! What has to be stored: the latest change per delivery, and lines of the attempt log.

use std::collections::VecDeque;

use crate::hash::{FoldMap, FoldSet};
use crate::outputs::AttemptRow;
use crate::steady::Instant;
use crate::types::{DeadLetterReason, DeliveryKey, DueRow};

/// What becomes of a delivery's row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// It is inserted or replaced.
    Upsert(DueRow),
    /// It is deleted.
    Delete,
    /// The delivery is lost for good.
    Drop {
        /// Why.
        reason: DeadLetterReason,
        /// Whether there may be a row to delete.
        has_row: bool,
    },
}

/// A change, and the event in the window that it closes once it is part of a write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Op {
    /// What changes.
    pub(crate) change: Change,
    /// Index in the window.
    pub(crate) closes: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    // Invariant: holds exactly the keys of `ops`, oldest first.
    order: VecDeque<DeliveryKey>,
    ops: FoldMap<DeliveryKey, Op>,
    attempts: VecDeque<AttemptRow>,
    since: Option<Instant>,
    // Keys of the write that the caller is carrying out.
    writing: FoldSet<DeliveryKey>,
}

impl Unsaved {
    /// Something changed that a write will carry.
    pub(crate) fn touch(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Takes a change; it replaces an earlier one of the same delivery that is not stored.
    pub(crate) fn push(&mut self, key: DeliveryKey, change: Change, closes: Option<u64>, now: Instant) {
        self.touch(now);
        match self.ops.entry(key) {
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                let op = entry.get_mut();
                op.change = change;
                op.closes = op.closes.or(closes);
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Op { change, closes });
                self.order.push_back(key);
            }
        }
    }

    /// Takes a line of the log.
    pub(crate) fn push_attempt(&mut self, row: AttemptRow, now: Instant) {
        self.touch(now);
        self.attempts.push_back(row);
    }

    /// The oldest change.
    pub(crate) fn pop(&mut self) -> Option<(DeliveryKey, Op)> {
        let key = self.order.pop_front()?;
        let op = self.ops.remove(&key).expect("`order` holds the keys of `ops`");
        Some((key, op))
    }

    /// Up to `count` of the oldest lines.
    pub(crate) fn take_attempts(&mut self, count: usize) -> Vec<AttemptRow> {
        self.attempts.drain(..count.min(self.attempts.len())).collect()
    }

    /// The row of this delivery in the store is not the one that counts.
    pub(crate) fn covers(&self, key: DeliveryKey) -> bool {
        self.ops.contains_key(&key) || self.writing.contains(&key)
    }

    /// The latest change of this delivery, not stored yet, is a row.
    pub(crate) fn has_row_for(&self, key: DeliveryKey) -> bool {
        self.ops.get(&key).is_some_and(|op| matches!(op.change, Change::Upsert(_)))
    }

    /// These are being stored.
    pub(crate) fn set_writing(&mut self, keys: FoldSet<DeliveryKey>) {
        self.writing = keys;
        if self.is_empty() {
            self.since = None;
        }
    }

    /// They are stored.
    pub(crate) fn clear_writing(&mut self) -> FoldSet<DeliveryKey> {
        std::mem::take(&mut self.writing)
    }

    /// Since when something waits.
    pub(crate) const fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Nothing waits after all.
    pub(crate) fn settle(&mut self) {
        self.since = None;
    }

    /// Changes and lines.
    pub(crate) fn len(&self) -> usize {
        self.order.len() + self.attempts.len()
    }

    /// Neither changes nor lines.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines of the log.
    pub(crate) fn attempts_len(&self) -> usize {
        self.attempts.len()
    }
}
