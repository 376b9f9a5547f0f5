//! What all threads of a store share besides their queues: counters, health, wake-ups, bounds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::config::{Bounds, Health, StoreMetrics};
use crate::error::StoreError;
use crate::wakes::Wakes;

#[derive(Default)]
pub(crate) struct Meter {
    pub(crate) writes_committed: Counter,
    pub(crate) writes_rolled_back: Counter,
    pub(crate) commits: Counter,
    pub(crate) commits_failed: Counter,
    pub(crate) reads: Counter,
    pub(crate) reruns: Counter,
    pub(crate) refused_busy: Counter,
    pub(crate) checkpoints: Counter,
    pub(crate) wal_frames: Counter,
}

#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Meter {
    pub(crate) fn snapshot(&self, writes_queued: usize, reads_queued: usize) -> StoreMetrics {
        StoreMetrics {
            writes_committed: self.writes_committed.get(),
            writes_rolled_back: self.writes_rolled_back.get(),
            commits: self.commits.get(),
            commits_failed: self.commits_failed.get(),
            reads: self.reads.get(),
            reruns: self.reruns.get(),
            refused_busy: self.refused_busy.get(),
            checkpoints: self.checkpoints.get(),
            writes_queued: writes_queued as u64,
            reads_queued: reads_queued as u64,
            wal_frames: self.wal_frames.get(),
        }
    }
}

pub(crate) struct Shared {
    pub(crate) meter: Meter,
    pub(crate) wakes: Wakes,
    pub(crate) bounds: Bounds,
    // Guards only the reasons for being unhealthy, one per part.
    unhealthy: Mutex<BTreeMap<Part, String>>,
}

/// A part of the store that can fail and recover by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Writer,
    Checkpoint,
    Server,
}

impl Shared {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { meter: Meter::default(), wakes: Wakes::new(), bounds, unhealthy: Mutex::default() }
    }

    pub(crate) fn health(&self) -> Health {
        let unhealthy = self.unhealthy.lock().unwrap_or_else(PoisonError::into_inner);
        let first = unhealthy.values().next().cloned();
        first.map_or(Health::Healthy, |reason| Health::Unhealthy { reason })
    }

    /// Records that `part` fails; the first failure of a series is logged.
    pub(crate) fn set_unhealthy(&self, part: Part, failure: &StoreError) {
        let reason = match failure {
            StoreError::Unavailable { reason } => reason.clone(),
            other => other.to_string(),
        };
        let mut unhealthy = self.unhealthy.lock().unwrap_or_else(PoisonError::into_inner);
        if unhealthy.insert(part, reason).is_none() {
            tracing::error!(?part, reason = %failure, "the store is unhealthy; it keeps trying to recover");
        }
    }

    pub(crate) fn set_healthy(&self, part: Part) {
        let mut unhealthy = self.unhealthy.lock().unwrap_or_else(PoisonError::into_inner);
        if unhealthy.remove(&part).is_some() {
            tracing::info!(?part, "the store recovered");
        }
    }
}
