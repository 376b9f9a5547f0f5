//! Helpers for tests: temporary databases of both kinds with a clock that stands still and repeatable ids.

pub mod database;

pub use database::TestStore;
