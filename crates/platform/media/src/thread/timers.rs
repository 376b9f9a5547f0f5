//! When what is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

use trunkline_sfu::Now;

/// One time for each key. Setting a later time costs nothing until the earlier one has come.
#[derive(Debug)]
pub(super) struct Timers<K> {
    // May hold times that no longer count; those of `wanted` do.
    heap: BinaryHeap<Reverse<(Now, K)>>,
    wanted: HashMap<K, Wanted>,
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    at: Now,
    // Invariant: not after `at`, and in the heap.
    queued: Now,
}

impl<K> Default for Timers<K>
where
    K: Ord,
{
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), wanted: HashMap::new() }
    }
}

impl<K> Timers<K>
where
    K: Copy + Ord + Hash,
{
    /// Sets the time of `key`, in place of the one before.
    pub(super) fn set(&mut self, key: K, at: Now) {
        if at == Now::MAX {
            self.wanted.remove(&key);
            return;
        }
        match self.wanted.get_mut(&key) {
            Some(wanted) if wanted.queued <= at => wanted.at = at,
            _ => {
                self.wanted.insert(key, Wanted { at, queued: at });
                self.heap.push(Reverse((at, key)));
            }
        }
    }

    pub(super) fn cancel(&mut self, key: K) {
        self.wanted.remove(&key);
    }

    /// When [`Timers::pop`] should be asked again.
    pub(super) fn next(&self) -> Option<Now> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// A key whose time has come; it has no time afterwards.
    pub(super) fn pop(&mut self, now: Now) -> Option<K> {
        while let Some(Reverse((at, key))) = self.heap.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.heap.pop();
            let Some(wanted) = self.wanted.get_mut(&key).filter(|wanted| wanted.queued == at) else {
                continue;
            };
            if wanted.at <= now {
                self.wanted.remove(&key);
                return Some(key);
            }
            wanted.queued = wanted.at;
            self.heap.push(Reverse((wanted.at, key)));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_later_time_replaces_an_earlier_one() {
        let mut timers = Timers::default();
        timers.set('a', Now::from_millis(1));
        timers.set('a', Now::from_millis(5));
        assert_eq!(timers.pop(Now::from_millis(4)), None);
        assert_eq!(timers.pop(Now::from_millis(5)), Some('a'));
        assert_eq!((timers.pop(Now::from_millis(9)), timers.next()), (None, None));
    }

    proptest! {
        #[test]
        fn each_key_comes_once_at_the_time_set_last(
            steps in proptest::collection::vec((0..6_u8, proptest::option::of(1..50_u64), 0..4_u64), 0..200),
        ) {
            let mut timers = Timers::default();
            let mut model: BTreeMap<u8, u64> = BTreeMap::new();
            let mut now = 0;
            for (key, delay, elapsed) in steps {
                if let Some(delay) = delay {
                    timers.set(key, Now::from_millis(now + delay));
                    model.insert(key, now + delay);
                } else {
                    timers.cancel(key);
                    model.remove(&key);
                }
                now += elapsed;
                let mut popped: Vec<_> = std::iter::from_fn(|| timers.pop(Now::from_millis(now))).collect();
                popped.sort_unstable();
                let due: Vec<_> = model.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
                model.retain(|_, at| *at > now);
                prop_assert_eq!(popped, due);
                let next = model.values().min().map(|at| Now::from_millis(*at));
                prop_assert!(next.is_none_or(|next| timers.next().is_some_and(|told| told <= next)));
            }
        }
    }
}
