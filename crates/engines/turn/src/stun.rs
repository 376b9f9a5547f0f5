//! STUN messages (RFC 8489): read as views over the bytes that came, written into one buffer.

mod address;
mod attributes;
mod integrity;
mod message;
mod writer;

pub use attributes::{Attribute, ErrorCode};
pub use integrity::{IntegrityKey, long_term_key, long_term_key_sha256, user_hash};
pub use message::{Class, Message, Method, ParseError, TransactionId};
pub use writer::Writer;
pub(crate) use writer::data_indication;

/// The fixed word in every message (RFC 8489 §5).
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// The bytes before the attributes.
pub const HEADER_BYTES: usize = 20;

/// Whether `bytes` may be a STUN message, and neither RTP, DTLS nor `ChannelData` (RFC 7983 §7).
pub fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES && bytes[0] < 4 && bytes[4..8] == MAGIC_COOKIE.to_be_bytes()
}
