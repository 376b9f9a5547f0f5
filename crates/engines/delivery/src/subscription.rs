//! One subscription inside the machine, and the table of all of them.

use std::collections::VecDeque;

use crate::hash::{FoldMap, FoldSet};
use crate::health::Health;
use crate::outputs::{AttemptId, LoadPhase};
use crate::scan::Scan;
use crate::steady::Instant;
use crate::types::{DueRow, Policy, Position, SubscriptionKey};

/// What one subscription has in memory.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether the slot is in one of the queues")]
pub(crate) struct Subscription {
    pub(crate) key: SubscriptionKey,
    pub(crate) policy: Policy,
    pub(crate) health: Health,
    /// Never attempted, of events in the window; indexes, ascending.
    pub(crate) fresh: VecDeque<u64>,
    /// Loaded rows that are due for an attempt.
    pub(crate) waiting: VecDeque<Box<DueRow>>,
    /// Loaded rows that are due for the dead-letter place.
    pub(crate) dead: VecDeque<DueRow>,
    /// Positions of rows in memory: loaded, under way, or parked while under way.
    pub(crate) in_memory: FoldSet<Position>,
    /// Requests under way, those past their time-out not included.
    pub(crate) attempts: Vec<AttemptId>,
    /// Requests that may stay open past their time-out.
    pub(crate) late_places: usize,
    /// What a late success still settles, and of which request.
    pub(crate) late: FoldMap<Position, AttemptId>,
    /// Rows in the store, those on their way included.
    pub(crate) rows: u64,
    pub(crate) waiting_scan: Scan,
    pub(crate) dead_scan: Scan,
    /// Lanes take turns between fresh deliveries and rows.
    pub(crate) prefers_rows: bool,
    pub(crate) is_in_ready: bool,
    pub(crate) is_in_loads: bool,
    pub(crate) is_in_dead: bool,
    pub(crate) has_dead_letter_under_way: bool,
    pub(crate) timer: Option<Instant>,
    /// The last answer, or the first request since nothing was under way.
    pub(crate) heard_at: Instant,
}

impl Subscription {
    /// A new one, of which nothing is known.
    pub(crate) fn new(key: SubscriptionKey, policy: Policy) -> Self {
        Self {
            key,
            policy,
            health: Health::NEW,
            fresh: VecDeque::new(),
            waiting: VecDeque::new(),
            dead: VecDeque::new(),
            in_memory: FoldSet::default(),
            attempts: Vec::new(),
            late_places: 0,
            late: FoldMap::default(),
            rows: 0,
            waiting_scan: Scan::default(),
            dead_scan: Scan::default(),
            prefers_rows: false,
            is_in_ready: false,
            is_in_loads: false,
            is_in_dead: false,
            has_dead_letter_under_way: false,
            timer: None,
            heard_at: Instant::default(),
        }
    }

    /// The reading of rows of a phase.
    pub(crate) fn scan_mut(&mut self, phase: LoadPhase) -> &mut Scan {
        match phase {
            LoadPhase::Waiting => &mut self.waiting_scan,
            LoadPhase::DeadLetter => &mut self.dead_scan,
        }
    }

    /// When the next read of a phase should begin; `None` when nothing is known to wait or there is enough here.
    pub(crate) fn load_at(&self, phase: LoadPhase, load_rows: usize) -> Option<Instant> {
        if !self.policy.is_active {
            return None;
        }
        match phase {
            LoadPhase::Waiting if self.waiting.len() > load_rows / 2 => None,
            LoadPhase::Waiting => self.waiting_scan.next_at(),
            LoadPhase::DeadLetter if self.has_dead_letter_under_way || !self.dead.is_empty() => None,
            LoadPhase::DeadLetter => self.dead_scan.next_at(),
        }
    }

    /// Something waits in memory for an attempt.
    pub(crate) fn has_queued(&self) -> bool {
        !self.fresh.is_empty() || !self.waiting.is_empty()
    }
}

/// All subscriptions; a slot is the short name of one while it exists.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    slots: Vec<Option<Box<Subscription>>>,
    free: Vec<u32>,
    by_key: FoldMap<SubscriptionKey, u32>,
}

impl Subscriptions {
    /// The slot of a subscription.
    pub(crate) fn slot(&self, key: SubscriptionKey) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    /// Adds one; its slot.
    pub(crate) fn insert(&mut self, subscription: Subscription) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("subscriptions are counted in thousands")
        });
        self.by_key.insert(subscription.key, slot);
        self.slots[crate::window::size(slot)] = Some(Box::new(subscription));
        slot
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Box<Subscription>> {
        let subscription = self.slots.get_mut(crate::window::size(slot))?.take()?;
        self.by_key.remove(&subscription.key);
        self.free.push(slot);
        Some(subscription)
    }

    /// The one in a slot; `None` when it was removed.
    pub(crate) fn get(&self, slot: u32) -> Option<&Subscription> {
        self.slots.get(crate::window::size(slot))?.as_deref()
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Subscription> {
        self.slots.get_mut(crate::window::size(slot))?.as_deref_mut()
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscription> {
        self.slots.iter().filter_map(Option::as_deref)
    }

    /// Every slot in use.
    pub(crate) fn all_slots(&self) -> Vec<u32> {
        self.by_key.values().copied().collect()
    }
}
