//! What is allowed. Pure: rows in, a verdict out.

pub(crate) mod access;
pub(crate) mod import;
pub(crate) mod mentions;
pub(crate) mod messages;
pub(crate) mod metadata;
pub(crate) mod names;
pub(crate) mod participants;
pub(crate) mod reactions;
pub(crate) mod retention;
pub(crate) mod threads;
