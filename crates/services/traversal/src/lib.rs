//! Relay credentials for applications that bring their own WebRTC (ACS "Network Traversal").
//!
//! Clients of calls get theirs when they connect; this is for everybody else. Nothing is stored: the relay can tell
//! from a name and its password that they were issued here, for whom, and until when.

mod api;
pub mod operations;
pub mod ports;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use trunkline_web::Routes;
use trunkline_web::ports::FindUsers;

pub use ports::{IssueCredentials, RelayCredential};

/// What the service is made of.
pub struct Parts {
    /// The users of resources.
    pub users: Arc<dyn FindUsers>,
    /// The relay.
    pub relay: Arc<dyn IssueCredentials>,
}

/// The service.
pub struct TraversalService {
    pub(crate) parts: Parts,
}

impl TraversalService {
    /// The service over its parts.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// Every operation with its handler.
    pub fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }
}
