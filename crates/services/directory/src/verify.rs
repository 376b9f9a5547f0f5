//! Who is behind a token of the directory or of a configured issuer.
//!
//! ```text
//! iss          -> whose keys             (the directory's own, or those of a configured issuer)
//! kid, alg     -> signature              (the algorithm is the key's)
//! exp, nbf     -> time
//! tid, appid   -> tenant, client         (issuers elsewhere, where the configuration names some)
//! oid, gen, sid-> still there?           (the directory's own: deleted, disabled, new password, code reused)
//! aud          -> data, management, exchange
//! ```
//!
//! User access tokens have another `iss` and other keys: neither kind passes for the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use trunkline_kernel::jws::Unverified;
use trunkline_kernel::{Clock, Timestamp};
use trunkline_store::{Engine, Store, StoreError};
use trunkline_web::cache::FreshCache;
use trunkline_web::ports::{DirectoryRefusal, FindResource, PortFuture, VerifyBearer, VerifyDirectoryToken};
use trunkline_web::principal::{DirectoryUser, Grant, GrantScope, Grants, Plane};
use trunkline_web::signing_keys::SigningKeys;
use trunkline_web::{ApiError, Principal, ResourceView};
use uuid::Uuid;

use crate::error::DirectoryError;
use crate::grants::{PrincipalKind, Principals};
use crate::issuers::{Issuer, is_same_tenant};
use crate::key_sets::KeySets;
use crate::rows;
use crate::tokens::audiences::{self, Target};
use crate::tokens::claims::{AccessClaims, Audiences, NumericDate};

/// Verified tokens of the directory kept in memory, at about 1 KiB each: the applications active at once.
const VERIFIED_MAX: usize = 10_000;

/// Sign-ins kept in memory, at about 100 bytes each.
const FAMILIES_MAX: usize = 10_000;

/// How long a sign-in that another node ended can go on unseen.
const FAMILY_AGE_MAX: Duration = Duration::from_millis(500);

/// How far the clock of an issuer may be ahead.
const CLOCK_LEEWAY: Duration = Duration::from_mins(5);

/// Values of a role claim that are looked at; real tokens have a handful.
const ROLES_MAX: usize = 200;

/// Why a token is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    Forged,
    Expired,
    NotYetValid,
    ForeignTenant,
    ForeignClient,
    WrongAudience,
    Ended,
    Unreachable,
}

impl Refusal {
    const fn code(self) -> &'static str {
        match self {
            Self::Forged => "TokenInvalid",
            Self::Expired => "TokenExpired",
            Self::NotYetValid => "TokenNotYetValid",
            Self::ForeignTenant => "TokenOfAnotherTenant",
            Self::ForeignClient => "TokenOfAnotherClient",
            Self::WrongAudience => "AudienceInvalid",
            Self::Ended => "TokenRevoked",
            Self::Unreachable => "IssuerUnreachable",
        }
    }

    /// Continues "the token is refused: ".
    const fn reason(self) -> &'static str {
        match self {
            Self::Forged => "it is damaged, or was not signed by its issuer",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet",
            Self::ForeignTenant => "its tenant is not accepted here",
            Self::ForeignClient => "it was given to a client that is not accepted here",
            Self::WrongAudience => "its audience is not accepted here",
            Self::Ended => "its application, user or sign-in is gone, or the user is disabled",
            Self::Unreachable => "the keys of its issuer cannot be fetched right now",
        }
    }
}

/// A refusal, or a failure of ours.
enum Stop {
    Refused(Refusal),
    Failed(ApiError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ApiError> for Stop {
    fn from(cause: ApiError) -> Self {
        Self::Failed(cause)
    }
}

impl From<DirectoryError> for Stop {
    fn from(cause: DirectoryError) -> Self {
        Self::Failed(cause.into())
    }
}

impl From<StoreError> for Stop {
    fn from(cause: StoreError) -> Self {
        Self::Failed(cause.into())
    }
}

impl From<Stop> for ApiError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(Refusal::Unreachable) => {
                Self::unavailable("The keys of the token's issuer cannot be fetched right now; try again.")
            }
            Stop::Refused(refusal) => {
                Self::denied(refusal.code(), format!("The token is refused: {}.", refusal.reason()))
            }
            Stop::Failed(cause) => cause,
        }
    }
}

/// What the audience of a token makes it good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    Azure(Target),
    /// An audience of a configured issuer: whoever has a role calls services, a user without one exchanges.
    DataOrExchange,
}

/// A token that is good now.
struct Checked {
    object_id: String,
    client_id: String,
    tenant_id: String,
    issuer: String,
    audience: String,
    used_for: Use,
    is_user: bool,
    expires: Timestamp,
    name: Option<String>,
    grants: Arc<Grants>,
}

/// What a [`Verifier`] is made of.
pub(crate) struct Parts {
    pub(crate) origin: String,
    pub(crate) issuer: String,
    pub(crate) tenant: String,
    pub(crate) is_enabled: bool,
    pub(crate) issuers: Arc<[Issuer]>,
    pub(crate) keys: Arc<SigningKeys>,
    pub(crate) key_sets: Arc<KeySets>,
    pub(crate) principals: Arc<Principals>,
    pub(crate) resources: Arc<dyn FindResource>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Verifies tokens of the directory and of configured issuers.
pub struct Verifier {
    parts: Parts,
    // By SHA-256 of the token. Only tokens of the directory whose signature fits; all else is asked each time.
    verified: Cache<[u8; 32], Arc<AccessClaims>>,
    // Whether a sign-in has ended.
    families: FreshCache<Uuid, bool>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Verifier").field("issuer", &self.parts.issuer).finish_non_exhaustive()
    }
}

impl Verifier {
    pub(crate) fn new(parts: Parts) -> Self {
        // With SQLite this process makes every change, so nothing grows old unseen.
        let max_age = (parts.store.engine() == Engine::Postgres).then_some(FAMILY_AGE_MAX);
        let families = FreshCache::new(FAMILIES_MAX, max_age, Arc::clone(&parts.clock));
        Self { parts, verified: Cache::new(VERIFIED_MAX), families }
    }

    /// Forgets which sign-ins have ended, after one did.
    pub(crate) fn forget_families(&self) {
        self.families.invalidate_all();
    }

    /// What stands behind `token`; `None` when its issuer is neither the directory nor configured.
    async fn check(&self, token: &str) -> Result<Option<Checked>, Stop> {
        #[derive(Deserialize)]
        struct Claimed {
            iss: String,
        }
        let Ok(unverified) = Unverified::parse(token) else { return Ok(None) };
        let Ok(claimed) = unverified.peek::<Claimed>() else { return Ok(None) };
        if self.parts.is_enabled && claimed.iss == self.parts.issuer {
            return self.check_own(token, &unverified).await.map(Some);
        }
        match self.parts.issuers.iter().find(|issuer| issuer.issuer == claimed.iss) {
            Some(issuer) => self.check_foreign(issuer, &unverified).await.map(Some),
            None => Ok(None),
        }
    }

    fn check_time(&self, expires: Timestamp, not_before: Option<Timestamp>) -> Result<Timestamp, Refusal> {
        let now = self.parts.clock.now();
        if expires <= now {
            return Err(Refusal::Expired);
        }
        if not_before.is_some_and(|not_before| not_before > now.plus(CLOCK_LEEWAY)) {
            return Err(Refusal::NotYetValid);
        }
        Ok(expires)
    }

    fn read_own(&self, token: &str, unverified: &Unverified<'_>) -> Result<Arc<AccessClaims>, Refusal> {
        let hash: [u8; 32] =
            digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        if let Some(claims) = self.verified.get(&hash) {
            return Ok(claims);
        }
        let key = unverified.kid().and_then(|kid| self.parts.keys.find(kid)).ok_or(Refusal::Forged)?;
        // An id token lacks `idtyp` and does not fit here.
        let claims: AccessClaims = unverified.verify(&key).map_err(|_| Refusal::Forged)?;
        let claims = Arc::new(claims);
        self.verified.insert(hash, Arc::clone(&claims));
        Ok(claims)
    }

    async fn check_own(&self, token: &str, unverified: &Unverified<'_>) -> Result<Checked, Stop> {
        let claims = self.read_own(token, unverified)?;
        let expires =
            self.check_time(Timestamp::from_seconds(claims.exp), Some(Timestamp::from_seconds(claims.nbf)))?;
        let audience = audiences::find(&claims.aud, &self.parts.origin).ok_or(Refusal::WrongAudience)?;
        let is_user = claims.idtyp == "user";
        let known = self.parts.principals.find(&claims.oid).await?;
        let is_there = match &known.kind {
            Some(PrincipalKind::Application { client_id }) => {
                !is_user && client_id.to_string() == claims.appid
            }
            Some(PrincipalKind::User { is_enabled, generation }) => {
                is_user
                    && *is_enabled
                    && claims.generation.as_deref() == Some(&*generation.to_string())
                    && self.is_sign_in_good(&claims).await?
            }
            None => false,
        };
        if !is_there {
            return Err(Refusal::Ended.into());
        }
        Ok(Checked {
            object_id: claims.oid.clone(),
            client_id: claims.appid.clone(),
            tenant_id: claims.tid.clone(),
            issuer: claims.iss.clone(),
            audience: audience.name,
            used_for: Use::Azure(audience.target),
            is_user,
            expires,
            name: claims.name.clone(),
            grants: known.grants,
        })
    }

    /// Whether the application a user signed in to is there, and the sign-in has not ended.
    async fn is_sign_in_good(&self, claims: &AccessClaims) -> Result<bool, Stop> {
        let family = claims.sid.as_deref().and_then(|family| Uuid::try_parse(family).ok());
        let (Some(family), Some(application)) = (family, &claims.application) else { return Ok(false) };
        let known = self.parts.principals.find(application).await?;
        if !matches!(known.kind, Some(PrincipalKind::Application { .. })) {
            return Ok(false);
        }
        let load = self.parts.store.read(move |tx| rows::oauth::is_family_ended(tx, family));
        let ended: Result<bool, StoreError> = self.families.get_or_load(&family, load).await;
        Ok(!ended?)
    }

    async fn check_foreign(&self, issuer: &Issuer, unverified: &Unverified<'_>) -> Result<Checked, Stop> {
        let kid = unverified.kid().ok_or(Refusal::Forged)?;
        let found = self.parts.key_sets.find(&issuer.issuer, issuer.jwks_url.as_deref(), kid).await;
        let key = found.map_err(|_| Refusal::Unreachable)?.ok_or(Refusal::Forged)?;
        let document: Value = unverified.verify(&key).map_err(|_| Refusal::Forged)?;
        let claims: ForeignClaims = serde_json::from_value(document.clone()).map_err(|_| Refusal::Forged)?;
        let expires =
            self.check_time(claims.exp.as_timestamp(), claims.nbf.map(NumericDate::as_timestamp))?;
        let is_listed = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|known| known == value))
        };
        let is_tenant_good = is_listed(&issuer.tenants, claims.tid.as_deref())
            && !claims.tid.as_deref().is_some_and(|tid| self.is_of_another(issuer, tid));
        if !is_tenant_good {
            return Err(Refusal::ForeignTenant.into());
        }
        let client_id = claims.client();
        if !is_listed(&issuer.clients, client_id) {
            return Err(Refusal::ForeignClient.into());
        }
        let (used_for, audience) = self.use_of(issuer, &claims.aud).ok_or(Refusal::WrongAudience)?;
        let object_id = claims.oid.as_ref().or(claims.sub.as_ref()).ok_or(Refusal::Forged)?.clone();
        let mut grants = self.claimed_grants(issuer, &document).await?;
        let known = self.parts.principals.find(&object_id).await?;
        // Somebody elsewhere with the id of somebody here gets nothing of what the one here has.
        if known.kind.is_none() {
            grants.extend(known.grants.0.iter().copied());
        }
        Ok(Checked {
            is_user: claims.is_user(),
            client_id: client_id.unwrap_or_default().to_owned(),
            tenant_id: claims.tid.unwrap_or_else(|| claims.iss.clone()),
            issuer: claims.iss,
            object_id,
            audience,
            used_for,
            expires,
            name: claims.name,
            grants: Arc::new(Grants(grants)),
        })
    }

    /// Whether the tenant `tid` is the directory's own, or is configured for other issuers and not for `issuer`:
    /// who exchanges a token is known by tenant and object id, so nobody may speak for a tenant of others.
    fn is_of_another(&self, issuer: &Issuer, tid: &str) -> bool {
        let is_listed = |issuer: &Issuer| issuer.tenants.iter().any(|known| is_same_tenant(known, tid));
        is_same_tenant(&self.parts.tenant, tid)
            || (!is_listed(issuer) && self.parts.issuers.iter().any(is_listed))
    }

    fn use_of(&self, issuer: &Issuer, audiences: &Audiences) -> Option<(Use, String)> {
        audiences.iter().find_map(|named| {
            if let Some(known) = audiences::find(named, &self.parts.origin) {
                return Some((Use::Azure(known.target), known.name));
            }
            let is_in = |list: &[String]| list.iter().any(|known| known == named);
            if is_in(&issuer.management_audiences) {
                return Some((Use::Azure(Target::Management), named.to_owned()));
            }
            is_in(&issuer.audiences).then(|| (Use::DataOrExchange, named.to_owned()))
        })
    }

    /// What the role claim gives, as the configuration maps it.
    async fn claimed_grants(&self, issuer: &Issuer, claims: &Value) -> Result<Vec<Grant>, ApiError> {
        let values: BTreeSet<&str> = match &claims[&issuer.role_claim] {
            Value::String(one) => BTreeSet::from([one.as_str()]),
            Value::Array(several) => several.iter().take(ROLES_MAX).filter_map(Value::as_str).collect(),
            _ => BTreeSet::new(),
        };
        let mut grants = Vec::new();
        for given in values.into_iter().filter_map(|value| issuer.roles.get(value)) {
            let scope = match &given.resource {
                None => Some(GrantScope::Installation),
                Some(name) => {
                    let found = self.parts.resources.by_name(name).await?;
                    found.map(|resource| GrantScope::Resource(resource.id))
                }
            };
            grants.extend(scope.map(|scope| Grant { scope, role: given.role }));
        }
        Ok(grants)
    }
}

/// What is looked at in a token made elsewhere.
#[derive(Deserialize)]
struct ForeignClaims {
    iss: String,
    aud: Audiences,
    exp: NumericDate,
    #[serde(default)]
    nbf: Option<NumericDate>,
    #[serde(default)]
    tid: Option<String>,
    #[serde(default)]
    oid: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    appid: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    idtyp: Option<String>,
    #[serde(default)]
    scp: Option<Value>,
    #[serde(default)]
    name: Option<String>,
}

impl ForeignClaims {
    fn client(&self) -> Option<&str> {
        self.appid.as_deref().or(self.azp.as_deref()).or(self.client_id.as_deref())
    }

    /// Entra says it in `idtyp`, or by `scp` for users and the same `sub` and `oid` for applications.
    fn is_user(&self) -> bool {
        match self.idtyp.as_deref() {
            Some(kind) => kind != "app",
            None => self.scp.is_some() || self.oid.is_none() || self.oid != self.sub,
        }
    }
}

impl Checked {
    fn into_user(self) -> DirectoryUser {
        DirectoryUser {
            issuer: self.issuer,
            tenant_id: self.tenant_id,
            object_id: self.object_id,
            client_id: self.client_id,
            audience: self.audience,
            expires: self.expires,
            name: self.name,
        }
    }

    fn into_principal(self) -> Result<Principal, Refusal> {
        let plane = match self.used_for {
            Use::Azure(Target::Data) => Plane::Data,
            Use::Azure(Target::Management) => Plane::Management,
            Use::DataOrExchange if !self.is_user || !self.grants.0.is_empty() => Plane::Data,
            Use::Azure(Target::Exchange) if !self.is_user => return Err(Refusal::WrongAudience),
            Use::Azure(Target::Exchange) | Use::DataOrExchange => {
                return Ok(Principal::DirectoryUser(Arc::new(self.into_user())));
            }
        };
        Ok(Principal::Application {
            id: self.object_id.into(),
            client_id: self.client_id.into(),
            plane,
            grants: self.grants,
        })
    }
}

impl VerifyBearer for Verifier {
    fn verify<'a>(
        &'a self,
        token: &'a str,
        _: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>> {
        Box::pin(async move {
            let Some(checked) = self.check(token).await? else { return Ok(None) };
            Ok(Some(checked.into_principal().map_err(Stop::from)?))
        })
    }
}

impl VerifyDirectoryToken for Verifier {
    fn verify_user<'a>(&'a self, token: &'a str) -> PortFuture<'a, Result<DirectoryUser, DirectoryRefusal>> {
        Box::pin(async move {
            if !self.parts.is_enabled && self.parts.issuers.is_empty() {
                return Ok(Err(DirectoryRefusal::NotConfigured));
            }
            let checked = match self.check(token).await {
                Ok(Some(checked)) => checked,
                Ok(None) => {
                    let reason = "it is no token of the directory or of a configured issuer";
                    return Ok(Err(DirectoryRefusal::Refused(reason)));
                }
                Err(Stop::Refused(Refusal::Unreachable)) => return Ok(Err(DirectoryRefusal::Unreachable)),
                Err(Stop::Refused(refusal)) => return Ok(Err(DirectoryRefusal::Refused(refusal.reason()))),
                Err(Stop::Failed(cause)) => return Err(cause),
            };
            if !matches!(checked.used_for, Use::Azure(Target::Exchange) | Use::DataOrExchange) {
                return Ok(Err(DirectoryRefusal::Refused("its audience is not one for exchanges")));
            }
            if !checked.is_user {
                return Ok(Err(DirectoryRefusal::Refused("it belongs to an application, not to a user")));
            }
            Ok(Ok(checked.into_user()))
        })
    }
}
