//! Key sets of issuers elsewhere: fetched through discovery (OpenID Connect Discovery §4), cached, and
//! fetched again when a token names an unknown key, at most once in [`REFETCH_AFTER`] and never twice at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use trunkline_kernel::Clock;
use trunkline_kernel::jws::{Jwk, VerifyingKey};

use crate::ports::FetchJson;

/// How soon an issuer may be asked for its keys again: a flood of tokens with made-up key names must not
/// become a flood of requests.
pub(crate) const REFETCH_AFTER: Duration = Duration::from_secs(30);

/// How long a key set is used before it is fetched again, so that withdrawn keys end.
pub(crate) const KEYS_AGE_MAX: Duration = Duration::from_hours(12);

/// Keys of one issuer that are looked at; real sets have fewer than 10.
const KEYS_MAX: usize = 100;

/// Issuers whose keys are kept. Only configured ones and those of federations are ever asked for, so more
/// than this are left over from federations that were removed.
const ISSUERS_MAX: usize = 1000;

/// The issuer's keys cannot be had right now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unreachable;

#[derive(Clone)]
struct CachedKeys {
    // One permit: who asks the issuer. Others wait for the answer instead of asking too.
    asking: Arc<Semaphore>,
    keys: Arc<HashMap<String, VerifyingKey>>,
    // When they came; `None` when they never did.
    fetched: Option<Duration>,
    // When the issuer was last asked in vain.
    failed: Option<Duration>,
}

impl Default for CachedKeys {
    fn default() -> Self {
        Self { asking: Arc::new(Semaphore::new(1)), keys: Arc::default(), fetched: None, failed: None }
    }
}

impl CachedKeys {
    /// The answer without asking the issuer, where there is one at `now`.
    fn answer(&self, kid: &str, now: Duration) -> Option<Result<Option<VerifyingKey>, Unreachable>> {
        let is_within = |since: Option<Duration>, limit: Duration| {
            since.is_some_and(|since| now.saturating_sub(since) < limit)
        };
        let found = self.keys.get(kid).cloned();
        let is_usable = found.is_some() && is_within(self.fetched, KEYS_AGE_MAX);
        if is_usable || is_within(self.fetched, REFETCH_AFTER) {
            return Some(Ok(found));
        }
        is_within(self.failed, REFETCH_AFTER).then_some(Err(Unreachable))
    }
}

/// The key sets of every issuer that was asked for.
pub(crate) struct KeySets {
    fetcher: Arc<dyn FetchJson>,
    clock: Arc<dyn Clock>,
    // Guards the key sets by issuer; never held across an await.
    cached: Mutex<HashMap<String, CachedKeys>>,
}

impl KeySets {
    pub(crate) fn new(fetcher: Arc<dyn FetchJson>, clock: Arc<dyn Clock>) -> Self {
        Self { fetcher, clock, cached: Mutex::default() }
    }

    /// The key called `kid` of `issuer`, whose set is at `jwks_url` or found by discovery; `None` when the
    /// set has no such key.
    pub(crate) async fn find(
        &self,
        issuer: &str,
        jwks_url: Option<&str>,
        kid: &str,
    ) -> Result<Option<VerifyingKey>, Unreachable> {
        let cached = self.cached(issuer);
        if let Some(answer) = cached.answer(kid, self.clock.monotonic()) {
            return answer;
        }
        let _asking = cached.asking.acquire().await.expect("the semaphore is never closed");
        // Whoever asked while this one waited has the answer for both.
        let mut cached = self.cached(issuer);
        if let Some(answer) = cached.answer(kid, self.clock.monotonic()) {
            return answer;
        }
        let fetched = self.fetch(issuer, jwks_url).await;
        let now = self.clock.monotonic();
        let outcome = if let Some(keys) = fetched {
            let found = keys.get(kid).cloned();
            (cached.keys, cached.fetched, cached.failed) = (Arc::new(keys), Some(now), None);
            Ok(found)
        } else {
            cached.failed = Some(now);
            Err(Unreachable)
        };
        self.lock().insert(issuer.to_owned(), cached);
        outcome
    }

    /// What is known of `issuer`, which gets a place where it has none.
    fn cached(&self, issuer: &str) -> CachedKeys {
        let mut cached = self.lock();
        if cached.len() >= ISSUERS_MAX && !cached.contains_key(issuer) {
            cached.clear();
        }
        cached.entry(issuer.to_owned()).or_default().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, CachedKeys>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, issuer: &str, jwks_url: Option<&str>) -> Option<HashMap<String, VerifyingKey>> {
        let url = if let Some(url) = jwks_url {
            url.to_owned()
        } else {
            let base = issuer.trim_end_matches('/');
            let discovery = self.fetcher.fetch(&format!("{base}/.well-known/openid-configuration")).await?;
            // OpenID Connect Discovery §4.3: the document must name the issuer it was asked for.
            if discovery["issuer"].as_str() != Some(issuer) {
                return None;
            }
            discovery["jwks_uri"].as_str()?.to_owned()
        };
        let document = self.fetcher.fetch(&url).await?;
        let keys = document["keys"].as_array()?.iter().take(KEYS_MAX);
        Some(keys.filter_map(named_key).collect())
    }
}

fn named_key(value: &Value) -> Option<(String, VerifyingKey)> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let key = VerifyingKey::from_jwk(&jwk).ok()?;
    Some((jwk.kid?, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use futures_util::poll;
    use serde_json::json;
    use trunkline_kernel::jws::SigningKey;
    use trunkline_kernel::{ManualClock, Timestamp};

    const ISSUER: &str = "https://issuer.example";

    /// Answers when it is let, and counts.
    struct Slow {
        document: Option<Value>,
        asked: AtomicUsize,
        gate: Semaphore,
    }

    impl FetchJson for Slow {
        fn fetch<'a>(&'a self, _: &'a str) -> Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async {
                let _passed = self.gate.acquire().await.expect("open");
                self.document.clone()
            })
        }
    }

    fn key_sets(document: Option<Value>) -> (KeySets, Arc<Slow>, Arc<ManualClock>) {
        let slow = Arc::new(Slow { document, asked: AtomicUsize::new(0), gate: Semaphore::new(0) });
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_262_400)));
        (KeySets::new(Arc::clone(&slow) as _, Arc::clone(&clock) as _), slow, clock)
    }

    async fn ask_at_once(key_sets: &KeySets, slow: &Slow, kids: &[&str]) -> Vec<Result<bool, Unreachable>> {
        let mut asking: Vec<_> = kids
            .iter()
            .map(|kid| Box::pin(key_sets.find(ISSUER, Some("https://issuer.example/k"), kid)))
            .collect();
        for one in &mut asking {
            assert!(poll!(one).is_pending());
        }
        slow.gate.add_permits(1);
        join_all(asking).await.into_iter().map(|found| found.map(|key| key.is_some())).collect()
    }

    #[tokio::test]
    async fn a_flood_of_tokens_asks_an_issuer_once() {
        let key = SigningKey::from_pkcs8(SigningKey::generate_pkcs8().expose()).expect("a key");
        let (key_sets, slow, clock) = key_sets(Some(json!({ "keys": [key.jwk()] })));
        let answers = ask_at_once(&key_sets, &slow, &[key.kid(), "made-up", key.kid(), "another"]).await;
        assert_eq!(answers, [Ok(true), Ok(false), Ok(true), Ok(false)]);
        assert_eq!(slow.asked.load(Ordering::Relaxed), 1);
        clock.advance(REFETCH_AFTER);
        let unknown = key_sets.find(ISSUER, Some("https://issuer.example/k"), "made-up").await;
        assert!(matches!(unknown, Ok(None)));
        assert_eq!(slow.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn an_issuer_that_does_not_answer_is_asked_once() {
        let (key_sets, slow, _) = key_sets(None);
        let answers = ask_at_once(&key_sets, &slow, &["a", "b", "c"]).await;
        assert_eq!(answers, [Err(Unreachable); 3]);
        assert_eq!(slow.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_does_not_hold_up_the_others() {
        let key = SigningKey::from_pkcs8(SigningKey::generate_pkcs8().expose()).expect("a key");
        let (key_sets, slow, _) = key_sets(Some(json!({ "keys": [key.jwk()] })));
        let mut gone = Box::pin(key_sets.find(ISSUER, Some("https://issuer.example/k"), key.kid()));
        assert!(poll!(&mut gone).is_pending());
        drop(gone);
        assert_eq!(ask_at_once(&key_sets, &slow, &[key.kid()]).await, [Ok(true)]);
    }
}
