//! STUN and TURN: allocations, permissions, channels and quotas, without I/O.
//!
//! | module | what | source |
//! |---|---|---|
//! | [`stun`] | messages, attributes, integrity, fingerprint | RFC 8489 |
//! | [`channel`] | `ChannelData`, and where frames of a stream end | RFC 8656 §12.4 to §12.6 |
//! | [`credentials`] | names and passwords that end by themselves | the REST form every client knows |
//! | [`server`] | [`Server`]: everything between clients and their peers | RFC 8656, 6156, 6062 |
//! | [`client`] | [`Client`]: a client for tests and benchmarks | RFC 8656 |
//!
//! Time comes in as [`Now`], datagrams go out through [`Outlet`]; sockets, addresses and their policy belong to
//! whoever drives the engine.

pub mod channel;
pub mod client;
pub mod credentials;
pub mod server;
pub mod stun;

#[cfg(test)]
mod tests;

pub use client::Client;
pub use credentials::Credentials;
pub use server::{
    ConnectionId, Family, FiveTuple, Limits, Outlet, Protocol, Rate, Server, ServerConfig, Statistics,
    Transport, Why,
};

/// Time since the engine's owner started.
pub type Now = std::time::Duration;
