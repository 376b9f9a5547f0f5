//! Operators of this server: a name, a role, and a token of which only the hash is kept.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trunkline_kernel::{Clock, Entropy};
use trunkline_store::{Engine, Store};
use trunkline_web::cache::FreshCache;
use trunkline_web::ports::{PortFuture, VerifyBearer};
use trunkline_web::{ApiError, Principal, ResourceView};

use crate::rows::{self, OperatorRow};

/// Operator tokens begin so; secret scanners can find one that leaked.
const TOKEN_PREFIX: &str = "tlop_";

/// Random bytes of a token: beyond any guessing, so an unsalted hash is enough.
const TOKEN_BYTES: usize = 32;

/// Operators kept in memory; a server has a handful.
const CACHED_MAX: usize = 256;

/// How long another node's change can go unseen.
const CACHE_AGE_MAX: Duration = Duration::from_millis(500);

/// A new token, shown once.
pub(crate) fn new_token(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; TOKEN_BYTES];
    entropy.fill(&mut bytes);
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// Verifies operator tokens.
pub struct OperatorTokens {
    store: Store,
    cache: FreshCache<Vec<u8>, Option<OperatorRow>>,
}

impl std::fmt::Debug for OperatorTokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OperatorTokens").finish_non_exhaustive()
    }
}

impl OperatorTokens {
    /// A verifier over `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Arc<Self> {
        let max_age = (store.engine() == Engine::Postgres).then_some(CACHE_AGE_MAX);
        Arc::new(Self { store, cache: FreshCache::new(CACHED_MAX, max_age, clock) })
    }

    /// Forgets what is cached, after a change.
    pub fn forget(&self) {
        self.cache.invalidate_all();
    }
}

impl VerifyBearer for OperatorTokens {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        Box::pin(async move {
            if !token.starts_with(TOKEN_PREFIX) {
                return Ok(None);
            }
            let hash = hash(token);
            let wanted = hash.clone();
            let load = self.store.read(move |tx| rows::find_operator_by_token(tx, &wanted));
            let operator = self.cache.get_or_load(&hash, load).await?;
            let operator = operator.ok_or_else(|| {
                ApiError::denied(
                    "OperatorTokenUnknown",
                    "The operator token is unknown or its operator was deleted.",
                )
            })?;
            Ok(Some(Principal::Operator { name: operator.name.as_str().into(), role: operator.role }))
        })
    }
}
