//! Helpers for tests: temporary databases of both kinds with a clock that stands still and repeatable ids,
//! the whole request pipeline without sockets, web hooks that behave as a test says, a chat client that keeps a
//! connection as the SDK for browsers does, and a signalling client.

pub mod app;
pub mod calling;
pub mod calls;
pub mod database;
pub mod realtime;
pub mod sinks;

pub use app::{FixedDirectory, FixedOperators, FixedResources, TestApp};
pub use calling::{SignallingClient, SignallingSocket};
pub use calls::{Answer, Call};
pub use database::{TestDatabase, TestStore};
pub use realtime::ChatClient;
pub use sinks::{Behaviour, Sink};
