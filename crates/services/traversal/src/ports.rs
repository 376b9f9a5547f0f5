//! What traversal asks of other services.

use std::time::Duration;

use trunkline_kernel::{ResourceId, Secret, Timestamp};

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
