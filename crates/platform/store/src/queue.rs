//! A bounded queue that is fair to tenants.
//!
//! ```text
//! ring of tenants ──> ring of ready lanes per tenant ──> items of a lane in order
//! ```
//!
//! Each pop takes one item of the next tenant. A lane is either the whole tenant (SQLite's one writer) or
//! one key (PostgreSQL's pool). A lane of one key is exclusive: while an item of it runs, no other is
//! handed out, so that a hot key occupies one connection and not the pool.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::StoreError;
use crate::key::Key;

pub(crate) struct FairQueue<T> {
    // Guards everything that waits.
    state: Mutex<State<T>>,
    ready: Condvar,
    bounds: QueueBounds,
}

#[derive(Clone, Copy)]
pub(crate) struct QueueBounds {
    pub(crate) total_max: usize,
    pub(crate) per_resource_max: usize,
    /// Whether items with the same key exclude each other.
    pub(crate) is_exclusive_per_key: bool,
}

struct State<T> {
    lanes: HashMap<Key, Lane<T>>,
    tenants: HashMap<Arc<str>, Tenant>,
    // Invariant: holds exactly the tenants that have a ready lane, each once.
    ring: VecDeque<Arc<str>>,
    queued: usize,
    waiting_takers: usize,
    is_closed: bool,
    refusal: Option<StoreError>,
}

struct Lane<T> {
    items: VecDeque<T>,
    is_running: bool,
}

#[derive(Default)]
struct Tenant {
    ready: VecDeque<Key>,
    queued: usize,
}

impl<T> FairQueue<T> {
    pub(crate) fn new(bounds: QueueBounds) -> Self {
        let state = State {
            lanes: HashMap::new(),
            tenants: HashMap::new(),
            ring: VecDeque::new(),
            queued: 0,
            waiting_takers: 0,
            is_closed: false,
            refusal: None,
        };
        Self { state: Mutex::new(state), ready: Condvar::new(), bounds }
    }

    /// Adds `item`, or gives it back with the reason why not.
    pub(crate) fn push(&self, key: &Key, item: T) -> Result<(), (T, StoreError)> {
        let lane = if self.bounds.is_exclusive_per_key { key.clone() } else { Key::new(key.resource(), "") };
        let mut state = self.lock();
        if let Some(refusal) = state.refusal.clone() {
            return Err((item, refusal));
        }
        if state.is_closed {
            return Err((item, StoreError::Unavailable { reason: "the store is closed".to_owned() }));
        }
        let of_tenant = state.tenants.get(key.resource()).map_or(0, |tenant| tenant.queued);
        if state.queued >= self.bounds.total_max || of_tenant >= self.bounds.per_resource_max {
            return Err((item, StoreError::Busy));
        }
        state.add(lane, item);
        let wakes_taker = state.waiting_takers > 0;
        drop(state);
        if wakes_taker {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// The next item, if one is ready now.
    pub(crate) fn try_pop(&self) -> Option<(Key, T)> {
        self.lock().take(self.bounds.is_exclusive_per_key)
    }

    /// Waits for the next item; `None` when the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<(Key, T)> {
        let mut state = self.lock();
        loop {
            if let Some(taken) = state.take(self.bounds.is_exclusive_per_key) {
                return Some(taken);
            }
            if state.is_closed && state.queued == 0 {
                return None;
            }
            state.waiting_takers += 1;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting_takers -= 1;
        }
    }

    /// Says that the item taken from `key` has run, so that the next one of an exclusive lane may.
    pub(crate) fn finished(&self, key: &Key) {
        let mut state = self.lock();
        let Some(lane) = state.lanes.get_mut(key) else { return };
        lane.is_running = false;
        if lane.items.is_empty() {
            state.lanes.remove(key);
        } else {
            state.make_ready(key.clone());
            self.ready.notify_one();
        }
        if state.is_closed {
            // Everybody: takers wait for the queue to be empty. Else idle ones sleep on: nothing became ready.
            self.ready.notify_all();
        }
    }

    /// Refuses new items with `refusal`, or accepts them again.
    pub(crate) fn set_refusal(&self, refusal: Option<StoreError>) {
        self.lock().refusal = refusal;
    }

    /// Takes out everything that is ready now.
    pub(crate) fn drain(&self) -> Vec<T> {
        let mut state = self.lock();
        let mut items = Vec::new();
        while let Some((_, item)) = state.take(self.bounds.is_exclusive_per_key) {
            items.push(item);
        }
        items
    }

    /// Refuses new items; takers end when the rest is done.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.ready.notify_all();
    }

    /// Waits at most `patience` for the queue to be closed; returns whether it is.
    pub(crate) fn wait_until_closed(&self, patience: Duration) -> bool {
        let waited = self.ready.wait_timeout_while(self.lock(), patience, |state| !state.is_closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().queued
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn add(&mut self, key: Key, item: T) {
        self.queued += 1;
        self.tenants.entry(Arc::clone(key.resource())).or_default().queued += 1;
        let lane = self
            .lanes
            .entry(key.clone())
            .or_insert_with(|| Lane { items: VecDeque::new(), is_running: false });
        lane.items.push_back(item);
        if lane.items.len() == 1 && !lane.is_running {
            self.make_ready(key);
        }
    }

    fn make_ready(&mut self, key: Key) {
        let resource = Arc::clone(key.resource());
        let tenant = self.tenants.entry(Arc::clone(&resource)).or_default();
        tenant.ready.push_back(key);
        if tenant.ready.len() == 1 {
            self.ring.push_back(resource);
        }
    }

    fn take(&mut self, is_exclusive: bool) -> Option<(Key, T)> {
        let resource = self.ring.pop_front()?;
        let tenant = self.tenants.get_mut(&resource).expect("the ring holds tenants that have a ready lane");
        let key = tenant.ready.pop_front().expect("the ring holds tenants that have a ready lane");
        let lane = self.lanes.get_mut(&key).expect("a ready lane exists");
        let item = lane.items.pop_front().expect("a ready lane has an item");
        tenant.queued -= 1;
        self.queued -= 1;
        if is_exclusive {
            lane.is_running = true;
        } else if lane.items.is_empty() {
            self.lanes.remove(&key);
        } else {
            tenant.ready.push_back(key.clone());
        }
        if !tenant.ready.is_empty() {
            self.ring.push_back(resource);
        } else if tenant.queued == 0 {
            self.tenants.remove(&resource);
        }
        Some((key, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(total_max: usize, per_resource_max: usize, is_exclusive_per_key: bool) -> FairQueue<u32> {
        FairQueue::new(QueueBounds { total_max, per_resource_max, is_exclusive_per_key })
    }

    #[test]
    fn tenants_take_turns_and_keep_their_own_order() {
        let queue = queue(100, 100, false);
        for item in 0..4 {
            queue.push(&Key::new("loud", item), item).unwrap();
        }
        queue.push(&Key::new("quiet", "x"), 10).unwrap();
        let order: Vec<u32> = std::iter::from_fn(|| queue.try_pop().map(|(_, item)| item)).collect();
        assert_eq!(order, [0, 10, 1, 2, 3]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn both_bounds_refuse_as_busy() {
        let queue = queue(3, 2, false);
        let loud = Key::new("loud", "x");
        queue.push(&loud, 0).unwrap();
        queue.push(&loud, 1).unwrap();
        assert_eq!(queue.push(&loud, 2), Err((2, StoreError::Busy)));
        queue.push(&Key::new("second", "x"), 3).unwrap();
        assert_eq!(queue.push(&Key::new("third", "x"), 4), Err((4, StoreError::Busy)));
        queue.try_pop().unwrap();
        queue.push(&loud, 5).unwrap();
    }

    #[test]
    fn an_exclusive_key_runs_one_item_at_a_time_and_others_pass() {
        let queue = queue(100, 100, true);
        let (hot, cold) = (Key::new("a", "hot"), Key::new("a", "cold"));
        for item in 0..3 {
            queue.push(&hot, item).unwrap();
        }
        queue.push(&cold, 10).unwrap();
        assert_eq!(queue.try_pop(), Some((hot.clone(), 0)));
        assert_eq!(queue.try_pop(), Some((cold.clone(), 10)));
        assert_eq!(queue.try_pop(), None);
        queue.finished(&hot);
        assert_eq!(queue.try_pop(), Some((hot.clone(), 1)));
        queue.finished(&cold);
        assert_eq!(queue.try_pop(), None);
        queue.finished(&hot);
        assert_eq!(queue.try_pop(), Some((hot, 2)));
    }

    #[test]
    fn a_closed_queue_hands_out_the_rest_and_then_ends() {
        let queue = queue(10, 10, false);
        let key = Key::system("x");
        queue.push(&key, 1).unwrap();
        queue.close();
        assert!(matches!(queue.push(&key, 2), Err((2, StoreError::Unavailable { .. }))));
        assert_eq!(queue.pop().map(|(_, item)| item), Some(1));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn a_refusing_queue_refuses_until_it_is_told_otherwise() {
        let queue = queue(10, 10, false);
        let key = Key::system("x");
        queue.set_refusal(Some(StoreError::TooSlow));
        assert_eq!(queue.push(&key, 1), Err((1, StoreError::TooSlow)));
        queue.set_refusal(None);
        assert_eq!(queue.push(&key, 1), Ok(()));
        assert_eq!(queue.drain(), [1]);
    }
}
