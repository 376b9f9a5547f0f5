//! The same work without Trunkline: the least that the libraries themselves cost.

pub(crate) mod hook;
pub(crate) mod postgres;
pub(crate) mod sqlite;
