//! What traversal asks of other services.

use std::time::Duration;

use trunkline_kernel::{ResourceId, Secret, Timestamp};
use trunkline_web::ports::PortFuture;

/// Knows the users of a resource.
pub trait FindUsers: Send + Sync + 'static {
    /// Which of the raw ids are users of the resource, in the order given.
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>>;
}

/// A name and password, and where they are good.
#[derive(Clone, Debug)]
pub struct RelayCredential {
    /// URLs of STUN and TURN (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
}

/// Issues credentials of the relay.
pub trait IssueCredentials: Send + Sync + 'static {
    /// A credential for `who` of a resource, good for `ttl`; `None` where there is no relay.
    fn issue(
        &self,
        resource: ResourceId,
        who: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Option<RelayCredential>;
}
