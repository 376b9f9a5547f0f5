//! A bounded cache of rows that is never stale for long and never after an invalidation.

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use trunkline_kernel::Clock;

/// A cache in front of a table.
///
/// A value loaded before an invalidation is never kept after it: the load notes the epoch it began in,
/// and every invalidation begins a new one. `max_age` bounds how long another node's change can go
/// unseen when its wake-up is lost.
pub struct FreshCache<K, V> {
    entries: Cache<K, (V, Duration)>,
    // Guards the epoch together with the insertion it allows.
    epoch: Mutex<u64>,
    max_age: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl<K, V> std::fmt::Debug for FreshCache<K, V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FreshCache").finish_non_exhaustive()
    }
}

impl<K: Eq + Hash + Clone, V: Clone> FreshCache<K, V> {
    /// A cache of at most `capacity` entries; `max_age` is `None` where this process makes every change.
    pub fn new(capacity: usize, max_age: Option<Duration>, clock: Arc<dyn Clock>) -> Self {
        Self { entries: Cache::new(capacity), epoch: Mutex::new(0), max_age, clock }
    }

    /// The value of `key`, loaded when it is not there or too old.
    ///
    /// **Errors**: those of `load`, which are not kept.
    pub async fn get_or_load<E, F>(&self, key: &K, load: F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let now = self.clock.monotonic();
        if let Some((value, loaded)) = self.entries.get(key)
            && self.max_age.is_none_or(|max_age| now.saturating_sub(loaded) <= max_age)
        {
            return Ok(value);
        }
        let epoch = *self.lock();
        let value = load.await?;
        let current = self.lock();
        if *current == epoch {
            self.entries.insert(key.clone(), (value.clone(), now));
        }
        drop(current);
        Ok(value)
    }

    /// Forgets `key`, also for loads that are under way. Call it after the commit and before the reply.
    pub fn invalidate(&self, key: &K) {
        *self.lock() += 1;
        self.entries.remove(key);
    }

    /// Forgets everything.
    pub fn invalidate_all(&self) {
        *self.lock() += 1;
        self.entries.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u64> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use trunkline_kernel::{ManualClock, Timestamp};

    use super::*;

    async fn get(cache: &FreshCache<u8, u8>, loaded: u8) -> u8 {
        cache.get_or_load(&1, async { Ok::<_, Infallible>(loaded) }).await.expect("infallible")
    }

    #[tokio::test]
    async fn values_are_kept_until_they_are_old_or_invalidated() {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        let cache = FreshCache::new(8, Some(Duration::from_millis(500)), clock.clone());
        assert_eq!(get(&cache, 1).await, 1);
        assert_eq!(get(&cache, 2).await, 1);
        clock.advance(Duration::from_millis(501));
        assert_eq!(get(&cache, 3).await, 3);
        cache.invalidate(&1);
        assert_eq!(get(&cache, 4).await, 4);
    }

    #[tokio::test]
    async fn a_load_that_began_before_an_invalidation_is_not_kept() {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        let cache = FreshCache::new(8, None, clock);
        let slow = cache.get_or_load(&1, async {
            cache.invalidate(&1);
            Ok::<_, Infallible>(1)
        });
        assert_eq!(slow.await, Ok(1));
        assert_eq!(get(&cache, 2).await, 2);
    }

    #[tokio::test]
    async fn errors_are_not_kept() {
        let cache: FreshCache<u8, u8> =
            FreshCache::new(8, None, Arc::new(ManualClock::new(Timestamp::EPOCH)));
        assert_eq!(cache.get_or_load(&1, async { Err("no") }).await, Err("no"));
        assert_eq!(get(&cache, 2).await, 2);
    }
}
