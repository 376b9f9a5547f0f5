//! Whole exchanges over real sockets on loopback.

mod clients;
mod foreign;
mod http;
mod limits;
mod names;
pub(crate) mod support;
