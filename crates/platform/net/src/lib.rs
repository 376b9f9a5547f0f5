//! Listeners, TLS, certificates and the outbound HTTP client.
//!
//! ```text
//!  Authority ──► Leaves ──┐                       ┌─► Handler (crate `web`)
//!  CertificateFiles ──────┴─► tls::server_config ─► Server ◄── Listeners (TCP, unix socket)
//!  Authority ──► TrustBundle ─► paste lines, trust::install, Client, outbound::Outbound
//! ```
//!
//! [`websocket`] takes a connection over after its handshake. [`udp`] and [`framing`] carry media.
//!
//! Time that ends up in certificates comes from a [`trunkline_kernel::Clock`]; give it the machine's
//! clock, not a test clock that clients do not share. Time-outs of connections are timers of the runtime.

mod activity;
mod authority;
mod bounds;
mod bundle;
mod certificates;
mod client;
mod connection;
mod error;
mod files;
pub mod framing;
mod handler;
mod leaves;
mod listen;
pub mod outbound;
mod p12;
mod paste;
mod serve;
pub mod tls;
pub mod trust;
pub mod udp;
pub mod websocket;

pub use authority::{Authority, Leaf};
pub use bounds::{Bounds, CounterSnapshot};
pub use bundle::{TRUST_STORE_PASSWORD, TrustBundle};
pub use certificates::{CertificateFiles, CertificatePair, CertificateStatus, Reload};
pub use client::{Client, ClientBounds, unix_request};
pub use error::NetError;
pub use files::write_whole;
pub use handler::{BoxError, Handler, Peer, PeerAddress, Stream, TakeStream};
pub use leaves::{AllowName, Leaves};
pub use listen::Listeners;
pub use paste::PasteLines;
pub use serve::Server;

#[cfg(test)]
mod tests;
