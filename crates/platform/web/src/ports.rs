//! What the pipeline asks of the services: which resource, and whose bearer token.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use trunkline_kernel::ids::{ResourceId, ResourceName};

use crate::error::ApiError;
use crate::principal::{Principal, ResourceView};

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
