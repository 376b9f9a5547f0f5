//! Helpers for tests: temporary databases of both kinds with a clock that stands still and repeatable ids,
//! the whole request pipeline without sockets, and web hooks that behave as a test says.

pub mod app;
pub mod calls;
pub mod database;
pub mod sinks;

pub use app::{FixedDirectory, FixedOperators, FixedResources, TestApp};
pub use calls::{Answer, Call};
pub use database::{TestDatabase, TestStore};
pub use sinks::{Behaviour, Sink};
