//! What system tests share: the program as a process, and a client that can stop in the middle.

pub(crate) mod client;
pub(crate) mod hook;
pub(crate) mod local;
pub(crate) mod server;
