//! A chat client that behaves on the wire as the SDK for browsers does: for tests, chaos and benchmarks.
//!
//! | module | what |
//! |---|---|
//! | [`client`] | [`ChatClient`]: connects, receives, acknowledges, reconnects, moves |
//! | [`frames`] | the frames of Socket.IO 0.9, and when the SDK sends which, without input and output |
//! | [`requests`] | the HTTP requests around a connection |
//! | [`mod@listen`] | a listener in front of a [`TestApp`](crate::TestApp) |
//!
//! The SDK was read and run against a recording server; what matters to a server is kept here: one
//! acknowledgement for each delivery, one ping at a time, reports of activity that must be acknowledged, the
//! same endpoint id for the life of the object, and the parameters of the last allocation at each reconnect.

pub mod client;
mod connection;
pub mod frames;
pub mod listen;
mod opening;
pub mod requests;

#[cfg(test)]
mod tests;

pub use client::{ChatClient, ClientError, Driven, Notification, Options, Transport};
pub use frames::{Delivery, Lost};
pub use listen::listen;
pub use requests::{Origin, Requests, headers};
