//! Calls to addresses that customers name: web hooks, callbacks.
//!
//! ```text
//!  Target::parse(url) ─► Outbound::connect ─ resolve ─► AddressRules (each address) ─► TCP, TLS ─► Connection
//! ```
//!
//! Such an address is an order of a stranger to this machine, so: the name is resolved once and the
//! connection goes to an address that was checked (never to a second lookup); no redirect is followed; no
//! proxy, no cookie; heads and bodies of answers are bounded; texts of errors carry neither path nor query.
//! One [`Connection`] has one owner; there is no pool. HTTP/1.1 only.
//!
//! Limits of the whole exchange are the caller's: drop the future and then the connection.

mod addresses;
mod dial;
mod error;
mod exchange;
mod resolve;
mod secure;
mod target;

use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use trunkline_kernel::Clock;

pub use addresses::{AddressRules, IpNetwork, IpNetworkError};
pub use error::{OutboundError, TargetError};
pub use exchange::{Connection, Head};
pub use resolve::{Resolve, ResolveFuture, SystemResolver};
pub use secure::{SecureStream, Securer};
pub use target::{Target, URL_BYTES_MAX};

use crate::NetError;
use exchange::Lifetime;

/// The least buffer hyper works with, in bytes.
const BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Bounds of one outbound connection. Every default has its reason beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundBounds {
    /// For the lookup of a name. 10 s: two servers that are asked twice.
    pub resolve: Duration,
    /// For TCP to any of the addresses. 10 s: a lost first packet is sent again after 1, 3 and 7 s.
    pub connect: Duration,
    /// For the TLS handshake. 10 s: three lost packets on a slow line.
    pub handshake: Duration,
    /// Before the next address is tried beside the ones before it. 250 ms: RFC 8305 §5.
    pub next_address: Duration,
    /// Addresses of one name that are looked at. 16: more is an attack or a mistake.
    pub addresses: usize,
    /// Bytes of an answer's status line and headers. 16 KiB: what servers commonly allow. At least 8 KiB.
    pub answer_head_bytes: usize,
    /// Headers of an answer. 64: real ones have ten to thirty.
    pub answer_headers: usize,
    /// Bytes of a body that are read away so that the connection can be kept. 64 KiB: cheaper than TLS anew.
    pub answer_body_bytes: usize,
    /// How long that may take. 1 s: the status has been counted already.
    pub answer_body_wait: Duration,
    /// How long a connection is used. 10 min: then the name is looked up and checked again.
    pub age: Duration,
    /// How long a connection may wait for the next request. 60 s: servers commonly close after 60 to 120 s.
    pub idle: Duration,
}

impl Default for OutboundBounds {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            next_address: Duration::from_millis(250),
            addresses: 16,
            answer_head_bytes: 16 * 1024,
            answer_headers: 64,
            answer_body_bytes: 64 * 1024,
            answer_body_wait: Duration::from_secs(1),
            age: Duration::from_mins(10),
            idle: Duration::from_mins(1),
        }
    }
}

/// Makes connections. Clones share everything.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    securer: Securer,
    rules: AddressRules,
    bounds: OutboundBounds,
    resolver: Arc<dyn Resolve>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Outbound").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}

impl Outbound {
    /// Connections that trust `authorities` and go only where `rules` permit.
    ///
    /// `clock` tells the age of connections (its monotonic part).
    ///
    /// **Errors**: only when the crypto library is broken.
    pub fn new(
        authorities: &[CertificateDer<'static>],
        rules: AddressRules,
        bounds: OutboundBounds,
        resolver: Arc<dyn Resolve>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NetError> {
        let securer = Securer::new(authorities, &[b"http/1.1"])?;
        Ok(Self { inner: Arc::new(Inner { securer, rules, bounds, resolver, clock }) })
    }

    /// A new connection to the host of `target`, for requests to `target`.
    ///
    /// **Errors**: [`OutboundError::Resolution`], [`OutboundError::Refused`], [`OutboundError::Connect`],
    /// [`OutboundError::Tls`].
    pub async fn connect(&self, target: &Target) -> Result<Connection, OutboundError> {
        let Inner { securer, rules, bounds, resolver, clock } = &*self.inner;
        let addresses = dial::permitted(target, rules, bounds, resolver.as_ref()).await?;
        let stream = dial::connect(addresses, bounds).await?;
        let stream = if target.is_secure() {
            let secured =
                tokio::time::timeout(bounds.handshake, securer.secure(stream, target.server_name()));
            secured
                .await
                .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
                .map_err(|error| OutboundError::Tls { reason: error.to_string() })?
        } else {
            SecureStream::plain(stream)
        };
        let (sender, driver) = http1::Builder::new()
            .max_headers(bounds.answer_headers)
            .max_buf_size(bounds.answer_head_bytes.max(BUFFER_BYTES_MIN))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| OutboundError::of_hyper(&error))?;
        let lifetime = Lifetime::begin(Arc::clone(clock), *bounds);
        Ok(Connection::new(target.clone(), sender, driver, lifetime))
    }
}

#[cfg(test)]
mod tests;
