//! Helpers for tests: temporary databases of both kinds with a clock that stands still and repeatable ids,
//! and the whole request pipeline without sockets.

pub mod app;
pub mod calls;
pub mod database;

pub use app::{FixedDirectory, FixedOperators, FixedResources, TestApp};
pub use calls::{Answer, Call};
pub use database::{TestDatabase, TestStore};
