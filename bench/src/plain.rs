//! The same messages without Trunkline's store: the least that the libraries themselves cost.

pub(crate) mod postgres;
pub(crate) mod sqlite;
