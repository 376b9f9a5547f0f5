//! Verifies tokens of configured OpenID Connect issuers, for the exchange into user tokens.
//!
//! An issuer's key set is fetched through its discovery document (OpenID Connect Discovery §4), cached,
//! and fetched again when a token names an unknown key, at most once in [`REFETCH_AFTER`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use trunkline_kernel::jws::{Jwk, Unverified, VerifyingKey};
use trunkline_kernel::{Clock, Timestamp};

use crate::error::IdentityError;
use crate::ports::FetchJson;

/// An issuer whose tokens may be exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The `iss` of its tokens, exactly.
    pub issuer: String,
    /// Accepted values of `aud`.
    pub audiences: Vec<String>,
    /// Accepted values of `tid`; empty accepts every tenant of the issuer.
    pub tenants: Vec<String>,
    /// Where its key set is; found by discovery when not given.
    pub jwks_url: Option<String>,
}

/// How soon an issuer may be asked for its keys again: a flood of tokens with made-up key names must not
/// become a flood of requests.
const REFETCH_AFTER: Duration = Duration::from_secs(30);

/// How long a key set is used before it is fetched again, so that withdrawn keys end.
const KEYS_AGE_MAX: Duration = Duration::from_hours(12);

/// Keys of one issuer that are looked at; real sets have fewer than 10.
const KEYS_MAX: usize = 100;

/// How far the issuer's clock may be ahead or behind.
const CLOCK_LEEWAY: Duration = Duration::from_mins(5);

/// The claims of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The user's object id.
    pub object_id: String,
    /// When the token ends.
    pub expires: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    tid: Option<String>,
    #[serde(default)]
    oid: Option<String>,
    #[serde(default)]
    appid: Option<String>,
    #[serde(default)]
    azp: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }
}

#[derive(Clone, Default)]
struct CachedKeys {
    keys: Arc<HashMap<String, VerifyingKey>>,
    // When they came; `None` when they never did.
    fetched: Option<Duration>,
    // When the issuer was last asked in vain.
    failed: Option<Duration>,
}

/// Verifies tokens of the configured issuers.
pub struct Exchange {
    issuers: Vec<Issuer>,
    fetcher: Arc<dyn FetchJson>,
    clock: Arc<dyn Clock>,
    // Guards the key sets by issuer; never held across an await.
    cached: Mutex<HashMap<String, CachedKeys>>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Exchange").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}

impl Exchange {
    /// A verifier for `issuers`.
    pub fn new(issuers: Vec<Issuer>, fetcher: Arc<dyn FetchJson>, clock: Arc<dyn Clock>) -> Self {
        Self { issuers, fetcher, clock, cached: Mutex::default() }
    }

    /// The user behind `token`, which must have been given to `application` for `object_id`.
    ///
    /// **Errors**: [`IdentityError::ExchangeNotConfigured`], [`IdentityError::IssuerUnreachable`],
    /// [`IdentityError::ExchangeRefused`] that says which claim does not fit.
    pub async fn verify(
        &self,
        token: &str,
        application: &str,
        object_id: &str,
    ) -> Result<DirectoryUser, IdentityError> {
        if self.issuers.is_empty() {
            return Err(IdentityError::ExchangeNotConfigured);
        }
        let refused = IdentityError::ExchangeRefused;
        let unverified = Unverified::parse(token).map_err(|_| refused("it is not a JSON Web Token"))?;
        let claimed: Claims = unverified.peek().map_err(|_| refused("it lacks iss, aud or exp"))?;
        let issuer = self.issuers.iter().find(|issuer| issuer.issuer == claimed.iss);
        let issuer = issuer.ok_or_else(|| refused("its issuer is not configured here"))?;
        let kid = unverified.kid().ok_or_else(|| refused("it names no key"))?;
        let key =
            self.key(issuer, kid).await?.ok_or_else(|| refused("its key is not in the issuer's key set"))?;
        let claims: Claims = unverified.verify(&key).map_err(|_| refused("its signature does not fit"))?;
        self.check(issuer, &claims, application, object_id)
    }

    fn check(
        &self,
        issuer: &Issuer,
        claims: &Claims,
        application: &str,
        object_id: &str,
    ) -> Result<DirectoryUser, IdentityError> {
        let now = self.clock.now();
        let expires = Timestamp::from_seconds(claims.exp);
        let not_before = claims.nbf.map_or(Timestamp::EPOCH, Timestamp::from_seconds);
        let is_tenant_known = issuer.tenants.is_empty()
            || claims.tid.as_ref().is_some_and(|tenant| issuer.tenants.iter().any(|known| known == tenant));
        let by_application = claims.appid.as_deref().or(claims.azp.as_deref());
        let same =
            |left: Option<&str>, right: &str| left.is_some_and(|left| left.eq_ignore_ascii_case(right));
        let refusal = if !issuer.audiences.iter().any(|audience| claims.aud.contains(audience)) {
            "its audience is not accepted here"
        } else if expires <= now {
            "it has expired"
        } else if not_before > now.plus(CLOCK_LEEWAY) {
            "it is not valid yet"
        } else if !is_tenant_known {
            "its tenant is not accepted here"
        } else if !same(by_application, application) {
            "it was not given to the application in appId"
        } else if !same(claims.oid.as_deref(), object_id) {
            "it does not belong to the user in userId"
        } else {
            return Ok(DirectoryUser { object_id: object_id.to_ascii_lowercase(), expires });
        };
        Err(IdentityError::ExchangeRefused(refusal))
    }

    async fn key(&self, issuer: &Issuer, kid: &str) -> Result<Option<VerifyingKey>, IdentityError> {
        let now = self.clock.monotonic();
        let mut cached = self.lock().get(&issuer.issuer).cloned().unwrap_or_default();
        let is_within = |since: Option<Duration>, limit: Duration| {
            since.is_some_and(|since| now.saturating_sub(since) < limit)
        };
        let found = cached.keys.get(kid).cloned();
        let is_usable = found.is_some() && is_within(cached.fetched, KEYS_AGE_MAX);
        if is_usable || is_within(cached.fetched, REFETCH_AFTER) {
            return Ok(found);
        }
        if is_within(cached.failed, REFETCH_AFTER) {
            return Err(IdentityError::IssuerUnreachable);
        }
        match self.fetch(issuer).await {
            Some(keys) => {
                cached = CachedKeys { keys: Arc::new(keys), fetched: Some(now), failed: None };
            }
            None => cached.failed = Some(now),
        }
        self.lock().insert(issuer.issuer.clone(), cached.clone());
        if cached.failed.is_some() {
            return Err(IdentityError::IssuerUnreachable);
        }
        Ok(cached.keys.get(kid).cloned())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, CachedKeys>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, issuer: &Issuer) -> Option<HashMap<String, VerifyingKey>> {
        let url = if let Some(url) = &issuer.jwks_url {
            url.clone()
        } else {
            let base = issuer.issuer.trim_end_matches('/');
            let discovery = self.fetcher.fetch(&format!("{base}/.well-known/openid-configuration")).await?;
            // OpenID Connect Discovery §4.3: the document must name the issuer it was asked for.
            if discovery["issuer"].as_str() != Some(&issuer.issuer) {
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
