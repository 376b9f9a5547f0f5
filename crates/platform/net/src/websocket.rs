//! WebSocket (RFC 6455): a codec without input and output, and a socket that drives it.
//!
//! ```text
//! request headers ──► accept ──► 101 ──► Upgraded ──► Socket
//!                                                       │ poll_events: bytes ──► Decoder ──► Event
//!                                                       │ write_all:   bytes of write_text_header, …
//! ```
//!
//! Made for many sockets that are silent: an idle one holds no buffer, because what is read lands in a buffer
//! of the thread and only an incomplete frame is kept. Frames are written by the caller into one vector, so
//! that several frames whose parts are shared leave in one write. Extensions and subprotocols are refused by
//! not being answered.

mod close;
mod decode;
mod encode;
mod frame;
mod handshake;
mod mask;
mod socket;

#[cfg(test)]
mod tests;

pub use close::{GOING_AWAY, NORMAL, POLICY, ProtocolError, TRY_AGAIN};
pub use decode::{Bounds, Decoder, Event};
pub use encode::{text_header_len, write_close, write_masked, write_ping, write_pong, write_text_header};
pub use frame::{Opcode, Role};
pub use handshake::{HandshakeError, accept, accept_key, is_accepted, request_headers};
pub use socket::{Socket, SocketError};
