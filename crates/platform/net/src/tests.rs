//! Whole exchanges over real sockets on loopback.

mod clients;
mod foreign;
mod http;
mod limits;
mod names;
mod streams;
pub(crate) mod support;
