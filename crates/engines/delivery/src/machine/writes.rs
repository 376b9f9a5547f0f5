//! Changes go to the store: one transaction at a time, small ones often.

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::Timestamp;

use super::Machine;
use crate::hash::FoldSet;
use crate::outputs::{LoadPhase, Write, WriteId};
use crate::steady::Instant;
use crate::types::{DeliveryKey, DueRow, Phase};
use crate::unsaved::Change;

/// Pause before a transaction that failed is handed out again: a full disk is not freed faster.
const WRITE_RETRY: Duration = Duration::from_millis(200);

/// The transaction that the caller carries out.
#[derive(Debug)]
pub(super) struct Writing {
    write: Arc<Write>,
    /// Set when it failed.
    pub(super) retry_at: Option<Instant>,
}

impl Machine {
    /// The next transaction; it has to be answered by [`Machine::handle_stored`], and there is never a second one
    /// before that. After a failure the same one comes again.
    pub fn poll_write(&mut self, now: Timestamp) -> Option<Arc<Write>> {
        self.advance(now);
        let steady = self.steady.now();
        if let Some(writing) = &mut self.writing {
            writing.retry_at.take_if(|at| *at <= steady)?;
            return Some(Arc::clone(&writing.write));
        }
        let since = self.unsaved.since()?;
        let is_due = since.plus(self.limits.flush_delay) <= steady
            || self.unsaved.len() >= self.limits.flush_items_max
            || self.drain_until.is_some();
        if !is_due {
            return None;
        }
        let write = self.take_write();
        let Some(write) = write else {
            self.unsaved.settle();
            return None;
        };
        let write = Arc::new(write);
        self.writing = Some(Writing { write: Arc::clone(&write), retry_at: None });
        Some(write)
    }

    /// Takes the end of a transaction: it is stored, or nothing of it is.
    pub fn handle_stored(&mut self, write: WriteId, stored: bool, now: Timestamp) {
        self.advance(now);
        let retry_at = self.steady.now().plus(WRITE_RETRY);
        let Some(writing) = self.writing.as_mut().filter(|writing| writing.write.id == write) else { return };
        if !stored {
            writing.retry_at = Some(retry_at);
            return;
        }
        let write = Arc::clone(&writing.write);
        self.writing = None;
        self.unsaved.clear_writing();
        for (key, row) in &write.upsert {
            self.note_upserted(*key, row);
        }
        for key in &write.delete {
            self.note_deleted(*key);
        }
        self.refresh_all(&write);
        if let Some((_, to)) = write.cursor {
            self.cursor = to;
            self.window.pass(to);
        }
    }

    /// A part of what is unsaved, and the cursor as it may stand together with it.
    fn take_write(&mut self) -> Option<Write> {
        let items_max = self.limits.flush_items_max;
        // A quarter for the log, so that neither starves the other.
        let ops_max = items_max - self.unsaved.attempts_len().min(items_max / 4);
        let mut write = Write {
            id: WriteId(0),
            cursor: None,
            upsert: Vec::new(),
            delete: Vec::new(),
            attempts: Vec::new(),
            dropped: Vec::new(),
        };
        let mut keys = FoldSet::default();
        let mut taken = 0;
        while taken < ops_max {
            let Some((key, op)) = self.unsaved.pop() else { break };
            if let Some(index) = op.closes {
                self.window.close(index);
            }
            // The transaction that deleted a subscription deletes its rows.
            if self.subscriptions.slot(key.subscription).is_none() {
                continue;
            }
            taken += 1;
            keys.insert(key);
            add_change(&mut write, key, op.change);
        }
        write.attempts = self.unsaved.take_attempts(items_max - taken);
        let low_water = self.window.low_water(self.read_through);
        write.cursor = (low_water > self.cursor).then_some((self.cursor, low_water));
        if write.cursor.is_none() && taken == 0 && write.attempts.is_empty() {
            return None;
        }
        self.unsaved.set_writing(keys);
        write.id = WriteId(self.next_id());
        Some(write)
    }

    fn note_upserted(&mut self, key: DeliveryKey, row: &DueRow) {
        let Some(slot) = self.subscriptions.slot(key.subscription) else { return };
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        let (into, from) = match row.phase {
            Phase::Waiting => (LoadPhase::Waiting, LoadPhase::DeadLetter),
            Phase::DeadLetter { .. } => (LoadPhase::DeadLetter, LoadPhase::Waiting),
        };
        subscription.scan_mut(into).note_stored((row.due, key.position), &self.steady);
        subscription.scan_mut(from).note_gone(key.position);
    }

    fn note_deleted(&mut self, key: DeliveryKey) {
        let Some(slot) = self.subscriptions.slot(key.subscription) else { return };
        let Some(subscription) = self.subscriptions.get_mut(slot) else { return };
        subscription.waiting_scan.note_gone(key.position);
        subscription.dead_scan.note_gone(key.position);
    }

    fn refresh_all(&mut self, write: &Write) {
        let mut last = None;
        for (key, _) in &write.upsert {
            if last.replace(key.subscription) == Some(key.subscription) {
                continue;
            }
            if let Some(slot) = self.subscriptions.slot(key.subscription) {
                self.refresh(slot);
            }
        }
    }
}

fn add_change(write: &mut Write, key: DeliveryKey, change: Change) {
    match change {
        Change::Upsert(row) => write.upsert.push((key, row)),
        Change::Delete => write.delete.push(key),
        Change::Drop { reason, has_row } => {
            write.dropped.push((key, reason));
            if has_row {
                write.delete.push(key);
            }
        }
    }
}
