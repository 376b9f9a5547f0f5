//! Close codes, and what a peer can do wrong.

/// The peer is done (RFC 6455 §7.4.1).
pub const NORMAL: u16 = 1000;
/// The server stops or moves its clients elsewhere.
pub const GOING_AWAY: u16 = 1001;
/// A frame that breaks the rules of frames.
const PROTOCOL_ERROR: u16 = 1002;
/// A text that is no UTF-8.
const INVALID_DATA: u16 = 1007;
/// The peer broke a rule of the protocol above.
pub const POLICY: u16 = 1008;
/// A message or frame beyond the bounds.
const TOO_BIG: u16 = 1009;
/// The server has no room; come back later.
pub const TRY_AGAIN: u16 = 1013;

/// Why a peer's bytes are no WebSocket frames. Nothing after them can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A client's frame without a mask (RFC 6455 §5.1).
    #[error("a frame of a client is not masked")]
    Unmasked,
    /// A server's frame with a mask (RFC 6455 §5.1).
    #[error("a frame of a server is masked")]
    Masked,
    /// A bit of an extension that was not agreed on.
    #[error("a reserved bit is set")]
    ReservedBits,
    /// An opcode that RFC 6455 §11.8 does not have.
    #[error("the opcode {0} is not known")]
    UnknownOpcode(u8),
    /// A control frame in parts.
    #[error("a control frame is fragmented")]
    ControlFragmented,
    /// A control frame of more than 125 bytes.
    #[error("a control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A length that would fit a shorter form, or has its highest bit set.
    #[error("the length of a frame is not written in its shortest form")]
    LengthForm,
    /// A continuation of nothing.
    #[error("a continuation has nothing to continue")]
    UnexpectedContinuation,
    /// A new message inside another one.
    #[error("a message begins before the last one ended")]
    ExpectedContinuation,
    /// A close frame whose code or reason RFC 6455 §7.4 does not allow.
    #[error("a close frame has a bad code or reason")]
    CloseInvalid,
    /// A text that is no UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A frame or message beyond its bound, in bytes.
    #[error("a frame or message is larger than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: usize,
    },
}

impl ProtocolError {
    /// The code to close with.
    pub const fn close_code(self) -> u16 {
        match self {
            Self::NotUtf8 => INVALID_DATA,
            Self::TooLarge { .. } => TOO_BIG,
            Self::Unmasked
            | Self::Masked
            | Self::ReservedBits
            | Self::UnknownOpcode(_)
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::LengthForm
            | Self::UnexpectedContinuation
            | Self::ExpectedContinuation
            | Self::CloseInvalid => PROTOCOL_ERROR,
        }
    }
}

/// The code of a close frame's payload; `None` for an empty one.
///
/// **Errors**: [`ProtocolError::CloseInvalid`] for codes that never travel and for a reason that is no UTF-8.
pub(super) fn read_close(payload: &[u8]) -> Result<Option<u16>, ProtocolError> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        [_] => return Err(ProtocolError::CloseInvalid),
    };
    // 1004 to 1006 and 1015 say something about a connection and stand in no frame.
    let is_allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    if is_allowed && std::str::from_utf8(reason).is_ok() {
        Ok(Some(code))
    } else {
        Err(ProtocolError::CloseInvalid)
    }
}
