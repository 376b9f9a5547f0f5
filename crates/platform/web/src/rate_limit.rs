//! Limits of requests: a token bucket for each resource and operation, on each node.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use trunkline_kernel::ids::ResourceId;
use trunkline_kernel::limits::RequestRate;

/// The most buckets kept at once; about 64 bytes each. Full buckets are dropped first: a new bucket
/// starts full, so nothing is lost by forgetting one.
const BUCKETS_MAX: usize = 100_000;

/// The buckets of one node.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    // Guards every bucket: held for a few map operations, never across an await.
    buckets: Mutex<HashMap<(Option<ResourceId>, &'static str), Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    updated: Duration,
    rate: RequestRate,
}

impl Bucket {
    fn refilled(mut self, now: Duration) -> Self {
        let per_second = f64::from(self.rate.requests) / self.rate.per.as_secs_f64();
        let elapsed = now.saturating_sub(self.updated).as_secs_f64();
        self.tokens = (self.tokens + elapsed * per_second).min(f64::from(self.rate.requests));
        self.updated = now;
        self
    }

    fn is_full(&self) -> bool {
        self.tokens >= f64::from(self.rate.requests)
    }

    fn wait_seconds(&self) -> u64 {
        let per_second = f64::from(self.rate.requests) / self.rate.per.as_secs_f64();
        let seconds = ((1.0 - self.tokens) / per_second).ceil().max(1.0);
        // A wait fits by far: the rate's window is seconds to a day.
        Duration::try_from_secs_f64(seconds).map_or(u64::MAX, |wait| wait.as_secs())
    }
}

impl RateLimiter {
    /// Takes one request out of the bucket.
    ///
    /// **Errors**: the seconds after which there is one again. `now` is monotonic time.
    pub(crate) fn take(
        &self,
        resource: Option<ResourceId>,
        operation: &'static str,
        rate: RequestRate,
        now: Duration,
    ) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| !bucket.refilled(now).is_full());
        }
        let fresh = Bucket { tokens: f64::from(rate.requests), updated: now, rate };
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&(resource, operation)) {
            // Every bucket is in use: one more caller without a limit does less harm than a refusal.
            return Ok(());
        }
        let bucket = buckets.entry((resource, operation)).or_insert(fresh);
        *bucket = bucket.refilled(now);
        if bucket.tokens < 1.0 {
            return Err(bucket.wait_seconds());
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: RequestRate = RequestRate::per_seconds(3, 30);

    #[test]
    fn a_burst_passes_and_the_next_must_wait_for_one_token() {
        let limiter = RateLimiter::default();
        let take = |second| limiter.take(None, "Op", RATE, Duration::from_secs(second));
        assert_eq!([take(0), take(0), take(0)], [Ok(()); 3]);
        assert_eq!(take(0), Err(10));
        assert_eq!(take(4), Err(6));
        assert_eq!(take(10), Ok(()));
        assert_eq!(take(10), Err(10));
    }

    #[test]
    fn resources_and_operations_have_buckets_of_their_own() {
        let limiter = RateLimiter::default();
        let one = RequestRate::per_seconds(1, 30);
        let resource = Some(ResourceId(uuid::Uuid::nil()));
        assert_eq!(limiter.take(None, "A", one, Duration::ZERO), Ok(()));
        assert_eq!(limiter.take(None, "B", one, Duration::ZERO), Ok(()));
        assert_eq!(limiter.take(resource, "A", one, Duration::ZERO), Ok(()));
        assert!(limiter.take(resource, "A", one, Duration::ZERO).is_err());
    }
}
