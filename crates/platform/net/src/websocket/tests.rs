//! The codec by the rules of RFC 6455, chunk by chunk, and the socket over a connection in memory.

mod codec;
mod peer;
mod sockets;
