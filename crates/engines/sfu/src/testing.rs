//! A client and a way to it, for tests and benches: full ICE, it offers, sends and receives, without I/O as the engine
//! itself.
//!
//! Only in tests and with the feature `testing`.

mod client;
mod link;
mod media;
pub mod payloads;

pub use client::{Client, ClientConfig, ClientEvent, ClientOutput, Received, Sent};
pub use link::{Bursts, Link, LinkModel, Load};
pub use media::{Vp8Frame, opus, voice, vp8};
