//! Issues and verifies user access tokens.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use trunkline_kernel::jws::{JwsError, Unverified};
use trunkline_kernel::{Clock, ResourceId};
use trunkline_store::{Engine, Store};
use trunkline_web::cache::FreshCache;
use trunkline_web::ports::{PortFuture, VerifyBearer};
use trunkline_web::signing_keys::SigningKeys;
use trunkline_web::{ApiError, Principal, ResourceView};

use crate::claims::{Claims, Grant};
use crate::error::IdentityError;
use crate::rows;

/// Verified tokens kept in memory, at about 500 bytes each: the users active at once on one node.
const VERIFIED_MAX: usize = 20_000;

/// Generations of users kept in memory, at about 150 bytes each.
const GENERATIONS_MAX: usize = 50_000;

/// How long a revocation on another node can go unseen when its wake-up is lost: it must be within a second.
const GENERATION_AGE_MAX: Duration = Duration::from_millis(500);

/// The topic on which nodes tell each other that a user's generation changed or the user is gone. The
/// payload is `RESOURCE RAW_ID`.
pub const REVOKED_TOPIC: &str = "identity.revoked";

/// Why a token is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The signature or the form is wrong.
    Forged,
    /// It belongs to another resource.
    ForeignResource,
    /// Its time is over.
    Expired,
    /// The access key that minted it was regenerated.
    KeyRegenerated,
    /// It was revoked, or its user deleted.
    Revoked,
}

impl Refusal {
    /// The finer error code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forged => "TokenInvalid",
            Self::ForeignResource => "TokenOfAnotherResource",
            Self::Expired => "TokenExpired",
            Self::KeyRegenerated | Self::Revoked => "TokenRevoked",
        }
    }

    /// What is wrong and what to do.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Forged => "The access token is damaged, or was not signed by this server.",
            Self::ForeignResource => {
                "The access token belongs to another resource than the one that is called."
            }
            Self::Expired => "The access token has expired; get a new one.",
            Self::KeyRegenerated => {
                "The access key this token was made with was regenerated; get a new token."
            }
            Self::Revoked => "The access token was revoked, or its identity deleted; get a new one.",
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::denied(refusal.code(), refusal.message())
    }
}

/// Issues and verifies.
pub struct Tokens {
    store: Store,
    clock: Arc<dyn Clock>,
    keys: Arc<SigningKeys>,
    // By SHA-256 of the token. Holds only tokens whose signature fits; everything else is asked each time.
    verified: Cache<[u8; 32], Arc<Claims>>,
    generations: FreshCache<(ResourceId, String), Option<i64>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, keys: Arc<SigningKeys>) -> Self {
        // With SQLite this process makes every change, so nothing grows old unseen.
        let max_age = (store.engine() == Engine::Postgres).then_some(GENERATION_AGE_MAX);
        let generations = FreshCache::new(GENERATIONS_MAX, max_age, Arc::clone(&clock));
        Self { store, clock, keys, verified: Cache::new(VERIFIED_MAX), generations }
    }

    /// The keys behind the tokens.
    pub const fn keys(&self) -> &Arc<SigningKeys> {
        &self.keys
    }

    /// A token for `grant`.
    pub fn issue(&self, resource: &ResourceView, grant: &Grant<'_>) -> String {
        self.keys.current(grant.issued).signing().sign(&Claims::new(resource, grant))
    }

    /// Forgets what is cached of a user: after a change on this node, and when another one tells.
    pub fn forget(&self, resource: ResourceId, raw_id: &str) {
        self.generations.invalidate(&(resource, raw_id.to_owned()));
    }

    /// Forgets what is cached of all users.
    pub fn forget_all(&self) {
        self.generations.invalidate_all();
    }

    /// The generation of a user; `None` when there is no such user. May be as old as the cache allows.
    pub async fn generation(&self, resource: ResourceId, raw_id: &str) -> Result<Option<i64>, IdentityError> {
        let key = (resource, raw_id.to_owned());
        let wanted = key.1.clone();
        let load = self.store.read(move |tx| rows::find_generation(tx, resource, &wanted));
        Ok(self.generations.get_or_load(&key, load).await?)
    }

    /// The generation of a user as the database has it now.
    pub(crate) async fn current_generation(
        &self,
        resource: ResourceId,
        raw_id: &str,
    ) -> Result<Option<i64>, IdentityError> {
        if self.store.engine() == Engine::Sqlite {
            return self.generation(resource, raw_id).await;
        }
        let wanted = raw_id.to_owned();
        Ok(self.store.read(move |tx| rows::find_generation(tx, resource, &wanted)).await?)
    }

    /// The claims of `token`, when one of our keys signed it; `None` when another issuer did.
    ///
    /// Says nothing yet about expiry, resource or revocation: see [`Tokens::check`].
    pub fn read(&self, token: &str) -> Option<Result<Arc<Claims>, Refusal>> {
        let hash: [u8; 32] =
            digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        if let Some(claims) = self.verified.get(&hash) {
            return Some(Ok(claims));
        }
        let unverified = Unverified::parse(token).ok()?;
        let key = self.keys.find(unverified.kid()?)?;
        Some(match unverified.verify::<Claims>(&key) {
            Ok(claims) => {
                let claims = Arc::new(claims);
                self.verified.insert(hash, Arc::clone(&claims));
                Ok(claims)
            }
            Err(
                JwsError::Malformed
                | JwsError::WrongAlgorithm
                | JwsError::BadSignature
                | JwsError::UnusableKey,
            ) => Err(Refusal::Forged),
        })
    }

    /// Whether `claims` are good for `resource` now.
    pub async fn check(
        &self,
        claims: &Claims,
        resource: &ResourceView,
    ) -> Result<Result<(), Refusal>, IdentityError> {
        if claims.resource() != Some(resource.id) {
            return Ok(Err(Refusal::ForeignResource));
        }
        if claims.expires() <= self.clock.now() {
            return Ok(Err(Refusal::Expired));
        }
        if !claims.fits_keys_of(resource) {
            return Ok(Err(Refusal::KeyRegenerated));
        }
        let generation = self.generation(resource.id, &claims.raw_id()).await?;
        if generation.map(|generation| generation.to_string()).as_deref() != Some(&*claims.generation) {
            return Ok(Err(Refusal::Revoked));
        }
        Ok(Ok(()))
    }
}

impl VerifyBearer for Tokens {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        resource: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        Box::pin(async move {
            let claims = match self.read(token) {
                None => return Ok(None),
                Some(claims) => claims?,
            };
            let resource = resource.ok_or(Refusal::ForeignResource)?;
            self.check(&claims, resource).await??;
            let scopes: Vec<String> = claims.scopes().map(str::to_owned).collect();
            Ok(Some(Principal::User {
                raw_id: claims.raw_id().into(),
                scopes: scopes.into(),
                expires: claims.expires(),
                generation: claims.generation.parse().expect("it was compared with that of the user"),
                access_key: claims.key.as_deref().map(Into::into),
            }))
        })
    }
}
