//! Limits of requests: token buckets for each resource and operation, and for parts of a resource, on each
//! node.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use trunkline_kernel::ids::ResourceId;
use trunkline_kernel::limits::{LimitSet, RequestRate};

use crate::operation::{Operation, RateScope};
use crate::principal::Principal;

/// The most buckets kept at once; about 64 bytes each. Full buckets are dropped first: a new bucket
/// starts full, so nothing is lost by forgetting one.
const BUCKETS_MAX: usize = 100_000;

/// The least time between two looks for full buckets: one reads all of them, and may find that all are in use.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// The buckets of one node.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    // Guards every bucket: held for a few map operations, never across an await.
    buckets: Mutex<Buckets>,
    /// Turns a scope into the number in its key; secret, so that nobody chooses whose bucket is theirs.
    hashing: RandomState,
}

#[derive(Debug, Default)]
struct Buckets {
    by_key: HashMap<BucketKey, Bucket>,
    swept: Option<Duration>,
}

/// Resource, operation id, and a number for the part of the resource; 0 is the whole of it.
type BucketKey = (Option<ResourceId>, &'static str, u64);

/// What a request is counted by.
pub(crate) struct Asked<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) resource: Option<ResourceId>,
    pub(crate) principal: &'a Principal,
    pub(crate) path: &'a [(&'static str, String)],
    /// The configured limit of the whole operation, before that of the set.
    pub(crate) configured: Option<RequestRate>,
    pub(crate) limits: LimitSet,
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

impl Buckets {
    fn sweep_when_due(&mut self, now: Duration) {
        let is_due = self.swept.is_none_or(|swept| now.saturating_sub(swept) >= SWEEP_PAUSE);
        if is_due && self.by_key.len() >= BUCKETS_MAX {
            self.by_key.retain(|_, bucket| !bucket.refilled(now).is_full());
            self.swept = Some(now);
        }
    }
}

impl RateLimiter {
    /// Takes one request out of every bucket it belongs to, or out of none.
    ///
    /// **Errors**: the seconds after which there is one again in each. `now` is monotonic time.
    pub(crate) fn take_all(&self, asked: &Asked<'_>, now: Duration) -> Result<(), u64> {
        let whole = asked.configured.or_else(|| asked.operation.rate.in_set(asked.limits));
        let mut wanted: Vec<(BucketKey, RequestRate)> = Vec::new();
        wanted.extend(whole.map(|rate| ((asked.resource, asked.operation.id, 0), rate)));
        for (index, scoped) in asked.operation.scoped_rates.iter().enumerate() {
            if let Some(rate) = scoped.rate.in_set(asked.limits) {
                let part = self.part(index, scoped.scope, asked);
                wanted.push(((asked.resource, asked.operation.id, part), rate));
            }
        }
        if wanted.is_empty() { Ok(()) } else { self.take(&wanted, now) }
    }

    /// The number of the part of the resource; two windows of one scope have two.
    fn part(&self, index: usize, scope: RateScope, asked: &Asked<'_>) -> u64 {
        let value = |wanted: &str| {
            let found = asked.path.iter().find(|(name, _)| *name == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        let (caller, value) = match scope {
            RateScope::Caller => (asked.principal.key(), ""),
            RateScope::Path(name) => (String::new(), value(name)),
            RateScope::CallerAndPath(name) => (asked.principal.key(), value(name)),
        };
        self.hashing.hash_one((index, caller, value)).max(1)
    }

    fn take(&self, wanted: &[(BucketKey, RequestRate)], now: Duration) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.sweep_when_due(now);
        let buckets = &mut buckets.by_key;
        let mut wait_seconds = None;
        for (key, rate) in wanted {
            if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(key) {
                // Every bucket is in use: one more caller without a limit does less harm than a refusal.
                continue;
            }
            let fresh = Bucket { tokens: f64::from(rate.requests), updated: now, rate: *rate };
            let bucket = buckets.entry(*key).or_insert(fresh);
            *bucket = bucket.refilled(now);
            if bucket.tokens < 1.0 {
                wait_seconds = wait_seconds.max(Some(bucket.wait_seconds()));
            }
        }
        if let Some(seconds) = wait_seconds {
            return Err(seconds);
        }
        for (key, _) in wanted {
            if let Some(bucket) = buckets.get_mut(key) {
                bucket.tokens -= 1.0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use trunkline_kernel::limits::NamedLimit;

    use super::*;
    use crate::operation::{Method, ScopedRate};

    const RATE: RequestRate = RequestRate::per_seconds(3, 30);

    fn key(resource: Option<ResourceId>, operation: &'static str) -> BucketKey {
        (resource, operation, 0)
    }

    #[test]
    fn a_burst_passes_and_the_next_must_wait_for_one_token() {
        let limiter = RateLimiter::default();
        let take = |second| limiter.take(&[(key(None, "Op"), RATE)], Duration::from_secs(second));
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
        let take = |resource, operation| limiter.take(&[(key(resource, operation), one)], Duration::ZERO);
        assert_eq!(take(None, "A"), Ok(()));
        assert_eq!(take(None, "B"), Ok(()));
        assert_eq!(take(resource, "A"), Ok(()));
        assert!(take(resource, "A").is_err());
    }

    #[test]
    fn full_buckets_make_room_at_most_once_a_second() {
        let limiter = RateLimiter::default();
        let three_a_second = RequestRate::per_seconds(3, 1);
        for part in 1..=BUCKETS_MAX as u64 {
            assert_eq!(limiter.take(&[((None, "Op", part), three_a_second)], Duration::ZERO), Ok(()));
        }
        let one = RequestRate::per_seconds(1, 60);
        let take = |millis| limiter.take(&[(key(None, "Late"), one)], Duration::from_millis(millis));
        // Nothing to drop yet, and not looked at again before its time: nobody is refused.
        assert_eq!([take(0), take(0), take(500), take(500)], [Ok(()); 4]);
        assert_eq!(take(1_000), Ok(()));
        assert_eq!(take(1_000), Err(60));
    }

    const fn of_acs(requests: u32, seconds: u64) -> NamedLimit<RequestRate> {
        NamedLimit { generous: None, acs: Some(RequestRate::per_seconds(requests, seconds)) }
    }

    /// Two windows for a caller in a thread, one for the thread, one for the caller everywhere.
    static SEND: Operation = Operation {
        scoped_rates: &[
            ScopedRate { scope: RateScope::CallerAndPath("t"), rate: of_acs(1, 10) },
            ScopedRate { scope: RateScope::CallerAndPath("t"), rate: of_acs(2, 60) },
            ScopedRate { scope: RateScope::Path("t"), rate: of_acs(3, 3_600) },
            ScopedRate { scope: RateScope::Caller, rate: of_acs(4, 7_200) },
        ],
        ..Operation::own("Send", Method::Post, "/{t}", &[])
    };

    fn send(limiter: &RateLimiter, set: LimitSet, user: &str, thread: &str, second: u64) -> Result<(), u64> {
        let principal = Principal::Operator { name: user.into(), role: crate::Role::Reader };
        let path = [("t", thread.to_owned())];
        let asked = Asked {
            operation: &SEND,
            resource: None,
            principal: &principal,
            path: &path,
            configured: None,
            limits: set,
        };
        limiter.take_all(&asked, Duration::from_secs(second))
    }

    #[test]
    fn each_scope_has_buckets_of_its_own_and_the_longest_wait_is_told() {
        let limiter = RateLimiter::default();
        let send = |user, thread, second| send(&limiter, LimitSet::Acs, user, thread, second);
        assert_eq!(send("ann", "one", 0), Ok(()));
        // The first window: one in ten seconds, for Ann in this thread.
        assert_eq!(send("ann", "one", 0), Err(10));
        assert_eq!(send("bob", "one", 0), Ok(()));
        // The second window: two a minute, of which one has grown back by a third.
        assert_eq!(send("ann", "one", 10), Ok(()));
        assert_eq!(send("ann", "one", 20), Err(1_180));
        // The thread's three are used up; another thread has its own.
        assert_eq!(send("cid", "one", 20), Err(1_180));
        assert_eq!(send("ann", "two", 20), Ok(()));
        assert_eq!(send("ann", "three", 20), Ok(()));
        // Ann's four everywhere.
        assert_eq!(send("ann", "four", 20), Err(1_780));
        assert_eq!(send("cid", "four", 20), Ok(()));
    }

    #[test]
    fn a_refused_request_takes_from_no_bucket() {
        let limiter = RateLimiter::default();
        let send = |user, second| send(&limiter, LimitSet::Acs, user, "one", second);
        assert_eq!(send("ann", 0), Ok(()));
        for _ in 0..5 {
            assert!(send("ann", 1).is_err());
        }
        assert_eq!(send("bob", 1), Ok(()));
        assert_eq!(send("cid", 1), Ok(()));
    }

    #[test]
    fn scoped_limits_are_those_of_the_set() {
        let limiter = RateLimiter::default();
        for _ in 0..10 {
            assert_eq!(send(&limiter, LimitSet::Generous, "ann", "one", 0), Ok(()));
        }
    }
}
