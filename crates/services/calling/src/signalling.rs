//! Who is connected, and what they say: sessions, their sockets, rings, requests.
//!
//! ```text
//! socket ─► hello or resume ─► Session ─► requests, in order ─► registry
//!   ▲                            │
//!   └── what is not acknowledged ┘ ◄── hub: tell, ring
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`conversation`], [`window`] | numbers, acknowledgements, resuming; without input and output |
//! | [`session`] | a client: its conversation, socket, token and requests |
//! | [`hub`], [`rings`] | all of them by user; who is being rung |
//! | [`opening`], [`socket`] | from the first message on, the task of a socket |
//! | [`requests`], [`checks`], [`replies`] | what a request asks of a call |
//! | [`tokens`], [`sweeping`] | tokens that end; sockets that are lost or silent |
//! | [`rates`], [`addresses`] | how often is too often |

mod addresses;
mod checks;
mod conversation;
mod hub;
mod opening;
mod rates;
mod replies;
mod requests;
mod rings;
mod session;
mod socket;
mod sweeping;
mod tokens;
mod window;

pub(crate) use hub::Hub;
pub(crate) use rings::Reached;
pub(crate) use socket::serve;

/// The socket is closed because the client broke the protocol.
pub(crate) const MALFORMED: u16 = 4400;
/// No token, or none that is good.
pub(crate) const UNAUTHORIZED: u16 = 4401;
/// The token's scopes do not suffice.
pub(crate) const FORBIDDEN: u16 = 4403;
/// Nothing was heard for too long.
pub(crate) const SILENT: u16 = 4408;
/// The session goes on over another socket.
pub(crate) const RESUMED_ELSEWHERE: u16 = 4409;
/// The session is not known.
pub(crate) const UNKNOWN_SESSION: u16 = 4410;
/// A message is too large.
pub(crate) const TOO_LARGE: u16 = 4413;
/// Too many, or too far behind.
pub(crate) const TOO_MANY: u16 = 4429;
/// The node ends.
pub(crate) const RESTARTING: u16 = 1012;
