//! What the pipeline and the services ask of services: which resource, whose token, how much was spent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use trunkline_kernel::ids::{ResourceId, ResourceName};

use crate::error::ApiError;
use crate::operation::Operation;
use crate::principal::{DirectoryUser, Principal, ResourceView};

/// A future behind a port.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send + 'a>>;

/// Finds resources.
pub trait FindResource: Send + Sync + 'static {
    /// The resource that answers under `host` (without port), if any.
    fn by_host<'a>(&'a self, host: &'a str) -> PortFuture<'a, Option<Arc<ResourceView>>>;

    /// The resource of that name, if any.
    fn by_name<'a>(&'a self, name: &'a ResourceName) -> PortFuture<'a, Option<Arc<ResourceView>>>;

    /// The resource with that immutable id, if any.
    fn by_id(&self, id: ResourceId) -> PortFuture<'_, Option<Arc<ResourceView>>>;
}

/// Verifies bearer tokens of one kind.
pub trait VerifyBearer: Send + Sync + 'static {
    /// The caller behind `token`; `None` when the token is of another kind.
    ///
    /// `resource` is the resource of the request's host, when there is one.
    ///
    /// **Errors**: 401 for a token of this kind that is expired, revoked, foreign or forged.
    fn verify<'a>(
        &'a self,
        token: &'a str,
        resource: Option<&'a Arc<ResourceView>>,
    ) -> PortFuture<'a, Option<Principal>>;
}

/// Why a directory user's token is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DirectoryRefusal {
    /// There is neither a built-in directory nor an issuer.
    NotConfigured,
    /// The keys of its issuer cannot be fetched right now.
    Unreachable,
    /// The token itself; the text continues "the token is refused: ".
    Refused(&'static str),
}

/// Verifies tokens of directory users that come in a body, for the exchanges.
pub trait VerifyDirectoryToken: Send + Sync + 'static {
    /// The user behind `token`, whose audience must be one of the exchanges.
    fn verify_user<'a>(&'a self, token: &'a str) -> PortFuture<'a, Result<DirectoryUser, DirectoryRefusal>>;
}

/// A token that somebody connected with, as far as it can end before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldToken {
    /// Whose it is.
    pub raw_id: Arc<str>,
    /// Which of the user's generations of tokens it is of.
    pub generation: i64,
    /// The access key it was made with, if one was: as the principal has it.
    pub access_key: Option<Arc<str>>,
}

/// Knows the users of a resource, and their tokens.
pub trait FindUsers: Send + Sync + 'static {
    /// Which of the raw ids are users of the resource, in the order given.
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>>;

    /// Which of the tokens are still good, in the order given, as the database has it now; none of a resource that is
    /// gone. When they end by themselves is not looked at.
    fn still_good(&self, resource: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>>;
}

/// Keeps a resource within its spend limit.
pub trait GuardSpend: Send + Sync + 'static {
    /// Asked before an operation with a meter.
    ///
    /// **Errors**: the refusal, when the limit is reached and stops.
    fn check(&self, resource: ResourceId, operation: &'static Operation) -> PortFuture<'_, ()>;
}
