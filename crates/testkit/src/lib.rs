//! Helpers for tests: temporary databases of both kinds with a clock that stands still and repeatable ids,
//! and the whole request pipeline without sockets.

pub mod app;
pub mod database;
pub mod calls;

pub use app::{FixedOperators, FixedResources, TestApp};
pub use database::{TestDatabase, TestStore};
pub use calls::{Answer, Call};
