//! Key sets of issuers elsewhere: fetched through discovery (OpenID Connect Discovery §4), cached, and
//! fetched again when a token names an unknown key, at most once in [`REFETCH_AFTER`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
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

#[derive(Clone, Default)]
struct CachedKeys {
    keys: Arc<HashMap<String, VerifyingKey>>,
    // When they came; `None` when they never did.
    fetched: Option<Duration>,
    // When the issuer was last asked in vain.
    failed: Option<Duration>,
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
        let now = self.clock.monotonic();
        let mut cached = self.lock().get(issuer).cloned().unwrap_or_default();
        let is_within = |since: Option<Duration>, limit: Duration| {
            since.is_some_and(|since| now.saturating_sub(since) < limit)
        };
        let found = cached.keys.get(kid).cloned();
        let is_usable = found.is_some() && is_within(cached.fetched, KEYS_AGE_MAX);
        if is_usable || is_within(cached.fetched, REFETCH_AFTER) {
            return Ok(found);
        }
        if is_within(cached.failed, REFETCH_AFTER) {
            return Err(Unreachable);
        }
        match self.fetch(issuer, jwks_url).await {
            Some(keys) => {
                cached = CachedKeys { keys: Arc::new(keys), fetched: Some(now), failed: None };
            }
            None => cached.failed = Some(now),
        }
        let outcome =
            if cached.failed.is_some() { Err(Unreachable) } else { Ok(cached.keys.get(kid).cloned()) };
        self.keep(issuer, cached);
        outcome
    }

    fn keep(&self, issuer: &str, keys: CachedKeys) {
        let mut cached = self.lock();
        if cached.len() >= ISSUERS_MAX && !cached.contains_key(issuer) {
            cached.clear();
        }
        cached.insert(issuer.to_owned(), keys);
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
