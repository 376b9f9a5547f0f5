//! The window: events that were read and are not yet passed by the stored cursor, and who still needs their bytes.
//!
//! ```text
//!  stored cursor      low        hold                 end
//!       │   passed     │  parked  │  queued, in flight │
//!       ▼  ┌───────────┴──────────┴────────────────────┐
//!          │ open = 0  │ open > 0 until rows are taken │  ◄── handle_event
//!          └───────────────────────────────────────────┘
//! ```
//!
//! Two counts per event. `open`: deliveries that are neither settled nor part of a write; the cursor stops before
//! the first event that has one. `holders`: deliveries in memory whose payload the caller has to keep; it may
//! outlive the window.

use std::collections::VecDeque;
use std::time::Duration;

use trunkline_kernel::Timestamp;

use crate::hash::FoldMap;
use crate::steady::Instant;
use crate::types::{EventFacts, Position};

/// An event in the window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The event.
    pub(crate) facts: EventFacts,
    /// Wall-clock time at which it was handed in.
    pub(crate) entered: Timestamp,
    entered_at: Instant,
    open: u32,
    holders: u32,
    /// Where its takers start in the common list, and how many there are.
    takers_start: u64,
    takers_count: u32,
}

#[derive(Debug, Clone, Copy)]
struct Outside {
    holders: u32,
    size_bytes: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Window {
    // Invariant: sorted by position. Entry `index` is at `index - base`.
    entries: VecDeque<Entry>,
    base: u64,
    // Slots of the subscriptions that got events in memory, of all entries in a row.
    takers: VecDeque<u32>,
    takers_base: u64,
    // No entry before it is open.
    low: u64,
    // Everything open before it waits to be written.
    hold: u64,
    open_total: usize,
    held_bytes: usize,
    // Invariant: no position is in here and in `entries`.
    outside: FoldMap<Position, Outside>,
    outside_bytes: usize,
    released: VecDeque<Position>,
}

impl Window {
    /// Adds an event behind the others; its index.
    pub(crate) fn push(&mut self, facts: EventFacts, entered: Timestamp, entered_at: Instant) -> u64 {
        let outside = self.outside.remove(&facts.position);
        let holders = outside.map_or(0, |outside| outside.holders);
        if let Some(outside) = outside {
            self.outside_bytes -= size(outside.size_bytes);
            self.held_bytes += size(facts.size_bytes);
        }
        self.entries.push_back(Entry {
            facts,
            entered,
            entered_at,
            open: 0,
            holders,
            takers_start: self.takers_base + self.takers.len() as u64,
            takers_count: 0,
        });
        self.end() - 1
    }

    /// Adds a delivery of the newest event that stays in memory.
    pub(crate) fn open_queued(&mut self, slot: u32) {
        self.takers.push_back(slot);
        self.open_total += 1;
        let entry = self.entries.back_mut().expect("an event was pushed before its deliveries");
        entry.takers_count += 1;
        entry.open += 1;
        entry.holders += 1;
        if entry.holders == 1 {
            self.held_bytes += size(entry.facts.size_bytes);
        }
    }

    /// Adds a delivery of the newest event that becomes a row at once.
    pub(crate) fn open_parked(&mut self) {
        self.open_total += 1;
        self.entries.back_mut().expect("an event was pushed before its deliveries").open += 1;
    }

    /// The entry at `index`, while it is not passed.
    pub(crate) fn entry(&self, index: u64) -> &Entry {
        let offset = offset(index, self.base);
        self.entries.get(offset).expect("an event with an open delivery is not passed")
    }

    /// The slots that got the event at `index` in memory.
    pub(crate) fn takers(&self, index: u64) -> impl Iterator<Item = u32> + '_ {
        let entry = self.entry(index);
        let start = offset(entry.takers_start, self.takers_base);
        self.takers.iter().skip(start).take(size(entry.takers_count)).copied()
    }

    /// A delivery of the event at `index` is settled or part of a write.
    pub(crate) fn close(&mut self, index: u64) {
        let offset = offset(index, self.base);
        let entry = self.entries.get_mut(offset).expect("an event with an open delivery is not passed");
        entry.open -= 1;
        self.open_total -= 1;
        while self.low < self.end() && self.entry(self.low).open == 0 {
            self.low += 1;
        }
    }

    /// A delivery of the event at `index` needs its bytes no longer.
    pub(crate) fn let_go_at(&mut self, index: u64) {
        let offset = offset(index, self.base);
        let entry = self.entries.get_mut(offset).expect("an event with an open delivery is not passed");
        entry.holders -= 1;
        if entry.holders == 0 {
            self.held_bytes -= size(entry.facts.size_bytes);
            self.released.push_back(entry.facts.position);
        }
    }

    /// Releases the event at `index` when nobody in memory took it.
    pub(crate) fn release_unheld(&mut self, index: u64) {
        let entry = self.entry(index);
        if entry.holders == 0 {
            self.released.push_back(entry.facts.position);
        }
    }

    /// A row that was loaded needs the bytes of its event.
    pub(crate) fn retain(&mut self, position: Position, size_bytes: u32) {
        if let Some(offset) = self.find(position) {
            let entry = &mut self.entries[offset];
            entry.holders += 1;
            if entry.holders == 1 {
                self.held_bytes += size(entry.facts.size_bytes);
            }
        } else {
            let outside = self.outside.entry(position).or_insert(Outside { holders: 0, size_bytes });
            outside.holders += 1;
            if outside.holders == 1 {
                self.outside_bytes += size(size_bytes);
            }
        }
    }

    /// A row needs the bytes of its event no longer.
    pub(crate) fn let_go(&mut self, position: Position) {
        if let Some(offset) = self.find(position) {
            self.let_go_at(self.base + offset as u64);
        } else if let Some(outside) = self.outside.get_mut(&position) {
            outside.holders -= 1;
            if outside.holders == 0 {
                self.outside_bytes -= size(outside.size_bytes);
                self.outside.remove(&position);
                self.released.push_back(position);
            }
        }
    }

    /// The caller has bytes that perhaps nobody asked to keep.
    pub(crate) fn offer_release(&mut self, position: Position) {
        self.released.push_back(position);
    }

    /// The next event whose bytes nobody needs.
    pub(crate) fn next_released(&mut self) -> Option<Position> {
        // A row of it may have been loaded since it was let go.
        while let Some(position) = self.released.pop_front() {
            let is_held = match self.find(position) {
                Some(offset) => self.entries[offset].holders > 0,
                None => self.outside.contains_key(&position),
            };
            if !is_held {
                return Some(position);
            }
        }
        None
    }

    /// Everything up to the sequence number is passed.
    pub(crate) fn pass(&mut self, cursor: u64) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.facts.position.sequence <= cursor) {
            let entry = *entry;
            self.entries.pop_front();
            self.base += 1;
            self.takers.drain(..size(entry.takers_count));
            self.takers_base += u64::from(entry.takers_count);
            if entry.holders > 0 {
                let size_bytes = entry.facts.size_bytes;
                self.held_bytes -= size(size_bytes);
                self.outside_bytes += size(size_bytes);
                self.outside.insert(entry.facts.position, Outside { holders: entry.holders, size_bytes });
            }
        }
        self.low = self.low.max(self.base);
        self.hold = self.hold.max(self.base);
    }

    /// The first event that holds the cursor.
    pub(crate) fn first_open(&self) -> Option<&Entry> {
        let entry = self.entries.get(offset(self.low, self.base))?;
        (entry.open > 0).then_some(entry)
    }

    /// How far the cursor may move when everything up to `read_through` was handed in.
    pub(crate) fn low_water(&self, read_through: u64) -> u64 {
        self.first_open().map_or(read_through, |entry| read_through.min(entry.facts.position.sequence - 1))
    }

    /// The next event that is open for longer than `hold_max`; it is not named again.
    pub(crate) fn next_overdue(&mut self, now: Instant, hold_max: Duration) -> Option<u64> {
        self.hold = self.hold.max(self.low);
        while self.hold < self.end() {
            let entry = self.entry(self.hold);
            if entry.open > 0 && entry.entered_at.plus(hold_max) > now {
                return None;
            }
            self.hold += 1;
            if self.entry(self.hold - 1).open > 0 {
                return Some(self.hold - 1);
            }
        }
        None
    }

    /// When [`Self::next_overdue`] may have something.
    pub(crate) fn overdue_at(&self, hold_max: Duration) -> Option<Instant> {
        let index = self.hold.max(self.low);
        (index < self.end()).then(|| self.entry(index).entered_at.plus(hold_max))
    }

    /// Events.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of events in the window that the caller keeps.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Open deliveries of all events.
    pub(crate) const fn open_total(&self) -> usize {
        self.open_total
    }

    /// The newest event.
    pub(crate) fn last(&self) -> Option<Position> {
        self.entries.back().map(|entry| entry.facts.position)
    }

    /// Bytes the caller keeps for rows of events that are not in the window.
    pub(crate) const fn outside_bytes(&self) -> usize {
        self.outside_bytes
    }

    fn end(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    fn find(&self, position: Position) -> Option<usize> {
        self.entries.binary_search_by_key(&position, |entry| entry.facts.position).ok()
    }
}

fn offset(index: u64, base: u64) -> usize {
    usize::try_from(index - base).expect("the window is far smaller than the address space")
}

/// A count or size that fits any address space this runs on.
pub(crate) fn size(number: u32) -> usize {
    usize::try_from(number).expect("32 bits fit an address")
}
