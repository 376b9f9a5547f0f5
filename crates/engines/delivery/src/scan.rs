//! Where the reading of one subscription's rows of one phase stands.
//!
//! Invariant: every stored row at or before `after` is in memory or has a change on its way to the store. A row that
//! is stored before `after` all the same (the clock was set back, or it became due at once) moves `after` back.

use std::time::Duration;

use trunkline_kernel::Timestamp;

use crate::hash::FoldSet;
use crate::ladder::LONGEST_STEP;
use crate::outputs::LoadId;
use crate::steady::{Instant, Steady};
use crate::types::Position;

/// Reads that found little are this far apart: a flush is not faster.
const LOAD_GAP: Duration = Duration::from_millis(20);

/// The place of a row in the order of reading.
pub(crate) type RowKey = (Timestamp, Position);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    after: Option<RowKey>,
    next: Option<Next>,
    not_before: Instant,
    under_way: Option<UnderWay>,
    // How far ahead of the wall clock the last rows were that came due by the steady clock.
    ahead: Duration,
    // The row that was last found further away than anything is planned.
    far: Option<Next>,
}

#[derive(Debug, Clone, Copy)]
struct Next {
    due: Timestamp,
    at: Instant,
}

#[derive(Debug)]
struct UnderWay {
    id: LoadId,
    // The read may or may not have seen what was stored since it began.
    stored: Option<RowKey>,
    changed: FoldSet<Position>,
}

impl Scan {
    /// A row was stored, or is said to be there.
    pub(crate) fn note_stored(&mut self, row: RowKey, steady: &Steady) {
        if let Some(under_way) = &mut self.under_way {
            under_way.stored = Some(under_way.stored.map_or(row, |stored| stored.min(row)));
            under_way.changed.insert(row.1);
        }
        self.note(row, steady);
    }

    /// A row was deleted, or is now one of the other phase.
    pub(crate) fn note_gone(&mut self, position: Position) {
        if let Some(under_way) = &mut self.under_way {
            under_way.changed.insert(position);
        }
    }

    fn note(&mut self, row: RowKey, steady: &Steady) {
        if self.after.is_some_and(|after| row <= after) {
            self.after = Some((row.0.minus(Duration::from_micros(1)), Position::MAX));
        }
        if self.next.is_none_or(|next| row.0 < next.due) {
            self.next = Some(self.plan(row.0, steady));
        }
    }

    /// When the next read makes sense; `None` while one is under way or nothing is known to wait.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let next = self.next.filter(|_| self.under_way.is_none())?;
        Some(next.at.max(self.not_before))
    }

    /// When the next row is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.next.map(|next| next.due)
    }

    /// Begins a read: where it goes on, and up to which due time.
    pub(crate) fn begin(&mut self, id: LoadId, now: Timestamp) -> (Option<RowKey>, Timestamp) {
        self.under_way = Some(UnderWay { id, stored: None, changed: FoldSet::default() });
        // A row that seems far away is due as well when its time came by the steady clock.
        let due_through = self.next.take().map_or(now, |next| next.due.max(now));
        if due_through > now {
            self.ahead = due_through.since(now);
        }
        (self.after, due_through)
    }

    /// Nothing is ever planned further ahead than the longest step. What lies further away was written before the
    /// clock was set back: it waits the longest step, and what came behind it keeps its distance.
    fn plan(&mut self, due: Timestamp, steady: &Steady) -> Next {
        let wait = due.since(steady.wall());
        if wait <= LONGEST_STEP {
            return Next { due, at: steady.now().plus(wait) };
        }
        let wait = wait.saturating_sub(self.ahead).min(LONGEST_STEP);
        let planned = Next { due, at: steady.now().plus(wait) };
        // Planning it again must not put it off.
        *self.far.insert(self.far.filter(|far| far.due == due).unwrap_or(planned))
    }

    /// Ends a read. The positions whose rows must be ignored, because they changed while it went on; `None` when
    /// it is not the read that is under way.
    pub(crate) fn finish(
        &mut self,
        id: LoadId,
        last: Option<RowKey>,
        next_due: Option<Timestamp>,
        is_short: bool,
        steady: &Steady,
    ) -> Option<FoldSet<Position>> {
        let under_way = self.under_way.take_if(|under_way| under_way.id == id)?;
        self.after = last.or(self.after);
        self.next = next_due.map(|due| self.plan(due, steady));
        if let Some(stored) = under_way.stored {
            self.note(stored, steady);
        }
        if is_short {
            self.not_before = steady.now().plus(LOAD_GAP);
        }
        Some(under_way.changed)
    }
}
