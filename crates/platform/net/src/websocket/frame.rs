//! The header of a frame (RFC 6455 §5.2).
//!
//! ```text
//!  byte 0            byte 1              then
//!  FIN RSV×3 opcode  MASK length (7 bit)  126: 2 bytes of length, 127: 8 bytes │ mask key, 4 bytes │ payload
//! ```

use super::close::ProtocolError;

/// Which end of the connection this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Reads masked frames, writes them unmasked.
    Server,
    /// Reads unmasked frames, writes them masked.
    Client,
}

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// The next part of a message.
    Continuation,
    /// A text, or its first part.
    Text,
    /// Bytes, or their first part.
    Binary,
    /// The last frame of its sender.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping, or says that somebody is there.
    Pong,
}

impl Opcode {
    /// The number on the wire.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    fn from_number(number: u8) -> Result<Self, ProtocolError> {
        match number {
            0 => Ok(Self::Continuation),
            1 => Ok(Self::Text),
            2 => Ok(Self::Binary),
            8 => Ok(Self::Close),
            9 => Ok(Self::Ping),
            10 => Ok(Self::Pong),
            other => Err(ProtocolError::UnknownOpcode(other)),
        }
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The longest payload of a control frame, and of one whose length needs no further bytes.
pub(super) const SHORT_MAX: usize = 125;

/// A header that is wholly there and allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) is_final: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) payload_start: usize,
    pub(super) payload_len: usize,
}

impl Header {
    /// Reads the header at the start of `bytes`; `None` when it is not wholly there yet.
    ///
    /// **Errors**: anything RFC 6455 §5 forbids, and a payload of more than `bytes_max`, as early as it shows.
    pub(super) fn read(bytes: &[u8], role: Role, bytes_max: usize) -> Result<Option<Self>, ProtocolError> {
        let [first, second, ..] = *bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let opcode = Opcode::from_number(first & 0x0f)?;
        let is_final = first & 0x80 != 0;
        let is_masked = second & 0x80 != 0;
        match (role, is_masked) {
            (Role::Server, false) => return Err(ProtocolError::Unmasked),
            (Role::Client, true) => return Err(ProtocolError::Masked),
            _ => {}
        }
        let short = usize::from(second & 0x7f);
        if opcode.is_control() && !is_final {
            return Err(ProtocolError::ControlFragmented);
        }
        if opcode.is_control() && short > SHORT_MAX {
            return Err(ProtocolError::ControlTooLong);
        }
        let Some((payload_len, length_end)) = read_length(bytes, short)? else { return Ok(None) };
        if payload_len > bytes_max as u64 {
            return Err(ProtocolError::TooLarge { bytes_max });
        }
        let payload_len = usize::try_from(payload_len).expect("it is below a bound of that type");
        if !is_masked {
            return Ok(Some(Self { is_final, opcode, mask: None, payload_start: length_end, payload_len }));
        }
        let Some(key) = bytes.get(length_end..length_end + 4) else { return Ok(None) };
        let mask = Some(key.try_into().expect("the slice has four bytes"));
        Ok(Some(Self { is_final, opcode, mask, payload_start: length_end + 4, payload_len }))
    }

    /// Header and payload together, in bytes.
    pub(super) const fn frame_len(&self) -> usize {
        self.payload_start + self.payload_len
    }
}

/// The length and where it ends.
fn read_length(bytes: &[u8], short: usize) -> Result<Option<(u64, usize)>, ProtocolError> {
    let (length, least, end) = match short {
        126 => {
            let Some(two) = bytes.get(2..4) else { return Ok(None) };
            (u64::from(u16::from_be_bytes(two.try_into().expect("two bytes"))), SHORT_MAX as u64 + 1, 4)
        }
        127 => {
            let Some(eight) = bytes.get(2..10) else { return Ok(None) };
            (u64::from_be_bytes(eight.try_into().expect("eight bytes")), u64::from(u16::MAX) + 1, 10)
        }
        short => (short as u64, 0, 2),
    };
    if length < least || length >> 63 != 0 {
        return Err(ProtocolError::LengthForm);
    }
    Ok(Some((length, end)))
}
