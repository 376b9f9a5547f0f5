//! Reading a message: bounds first, then views. Nothing is copied.

use super::attributes::{Attribute, number};
use super::integrity::{self, IntegrityKey};
use super::{HEADER_BYTES, MAGIC_COOKIE};

/// Number and length.
const ATTRIBUTE_HEAD_BYTES: usize = 4;
/// More than any message of a client has; a flood of empty ones is cut off there.
const ATTRIBUTES_MAX: usize = 32;

/// What a message asks for (RFC 8489 §18.2, RFC 8656 §17, RFC 6062 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Tells the sender's address.
    Binding,
    /// Makes a relay.
    Allocate,
    /// Prolongs or ends a relay.
    Refresh,
    /// Data towards a peer.
    Send,
    /// Data from a peer.
    Data,
    /// Lets peers through.
    CreatePermission,
    /// Gives a peer a number.
    ChannelBind,
    /// Makes a TCP connection with a peer (RFC 6062).
    Connect,
    /// Takes a stream for such a connection.
    ConnectionBind,
    /// A peer has made one.
    ConnectionAttempt,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Answers that it was done.
    Success,
    /// Answers that it was not.
    Error,
}

/// 96 bits that tell transactions apart (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No STUN header with the cookie of RFC 8489.
    #[error("no STUN message")]
    NotStun,
    /// A method that neither STUN nor TURN has.
    #[error("unknown method {0:#05x}")]
    UnknownMethod(u16),
    /// The length does not fit the bytes, or an attribute leaves them.
    #[error("the lengths do not fit")]
    Length,
    /// More than 32 attributes.
    #[error("too many attributes")]
    TooMany,
}

const METHODS: &[(Method, u16)] = &[
    (Method::Binding, 0x001),
    (Method::Allocate, 0x003),
    (Method::Refresh, 0x004),
    (Method::Send, 0x006),
    (Method::Data, 0x007),
    (Method::CreatePermission, 0x008),
    (Method::ChannelBind, 0x009),
    (Method::Connect, 0x00A),
    (Method::ConnectionBind, 0x00B),
    (Method::ConnectionAttempt, 0x00C),
];

/// The type field: the bits of the class lie between those of the method (RFC 8489 §5).
pub(super) fn type_of(method: Method, class: Class) -> u16 {
    let bits = METHODS.iter().find(|known| known.0 == method).expect("the table has every method").1;
    let spread = (bits & 0xF) | (bits & 0x70) << 1 | (bits & 0xF80) << 2;
    spread
        | match class {
            Class::Request => 0,
            Class::Indication => 0x010,
            Class::Success => 0x100,
            Class::Error => 0x110,
        }
}

fn read_type(bits: u16) -> Result<(Method, Class), ParseError> {
    let number = (bits & 0xF) | (bits >> 1 & 0x70) | (bits >> 2 & 0xF80);
    let method = METHODS.iter().find(|known| known.1 == number).ok_or(ParseError::UnknownMethod(number))?.0;
    let class = match bits & 0x110 {
        0 => Class::Request,
        0x010 => Class::Indication,
        0x100 => Class::Success,
        _ => Class::Error,
    };
    Ok((method, class))
}

/// A well-formed message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    /// What it is about.
    pub method: Method,
    /// What it is.
    pub class: Class,
    /// Which transaction it belongs to.
    pub transaction: TransactionId,
    bytes: &'m [u8],
}

impl<'m> Message<'m> {
    /// Reads a whole datagram or frame.
    ///
    /// **Errors**: [`ParseError`]; the bytes are then dropped, for nobody is known to whom one could answer.
    pub fn parse(bytes: &'m [u8]) -> Result<Self, ParseError> {
        let head = bytes.first_chunk::<HEADER_BYTES>().ok_or(ParseError::NotStun)?;
        if head[0] >= 0x40 || head[4..8] != MAGIC_COOKIE.to_be_bytes() {
            return Err(ParseError::NotStun);
        }
        let (method, class) = read_type(u16::from_be_bytes([head[0], head[1]]))?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if !length.is_multiple_of(4) || HEADER_BYTES + length != bytes.len() {
            return Err(ParseError::Length);
        }
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&head[8..]);
        let message = Self { method, class, transaction: TransactionId(transaction), bytes };
        let mut found = 0;
        let mut rest = &bytes[HEADER_BYTES..];
        while !rest.is_empty() {
            let (_, _, after) = split(rest).ok_or(ParseError::Length)?;
            rest = after;
            found += 1;
            if found > ATTRIBUTES_MAX {
                return Err(ParseError::TooMany);
            }
        }
        Ok(message)
    }

    /// Its attributes up to the integrity, in order. What comes after that is not protected and not read
    /// (RFC 8489 §14.5).
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'m>> + use<'m> {
        let (mut rest, transaction) = (&self.bytes[HEADER_BYTES..], self.transaction);
        let mut is_over = false;
        std::iter::from_fn(move || {
            let (kind, value, after) = split(rest).filter(|_| !is_over)?;
            rest = after;
            is_over = kind == number::MESSAGE_INTEGRITY || kind == number::MESSAGE_INTEGRITY_SHA256;
            Some(Attribute::read(kind, value, &transaction))
        })
    }

    /// Whether it says whom it comes from at all.
    pub fn has_integrity(&self) -> bool {
        self.find(number::MESSAGE_INTEGRITY).is_some() || self.has_sha256()
    }

    /// Whether it says so with SHA-256.
    pub fn has_sha256(&self) -> bool {
        self.find(number::MESSAGE_INTEGRITY_SHA256).is_some()
    }

    /// Whether whoever has `key` made it as it is, by the attribute that belongs to the key (RFC 8489 §14.5, §14.6).
    pub fn is_made_by(&self, key: &IntegrityKey) -> bool {
        self.find(key.attribute()).is_some_and(|(at, value)| key.verify(&self.bytes[..at], value))
    }

    /// Whether it ends with a fingerprint. A wrong one counts as none: see [`Message::is_intact`].
    pub fn has_fingerprint(&self) -> bool {
        self.find(number::FINGERPRINT).is_some()
    }

    /// Whether its fingerprint, if it has one, is right (RFC 8489 §14.7).
    pub fn is_intact(&self) -> bool {
        let Some((at, value)) = self.find(number::FINGERPRINT) else { return true };
        value.len() == integrity::FINGERPRINT_BYTES - ATTRIBUTE_HEAD_BYTES
            && value == integrity::fingerprint(&self.bytes[..at]).to_be_bytes()
    }

    /// The place and value of an attribute.
    fn find(&self, wanted: u16) -> Option<(usize, &'m [u8])> {
        let mut at = HEADER_BYTES;
        loop {
            let rest = &self.bytes[at..];
            let (kind, value, after) = split(rest)?;
            if kind == wanted {
                return Some((at, value));
            }
            at += rest.len() - after.len();
        }
    }
}

/// The first attribute's kind and value, and what follows its padding.
fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(4)?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let value = rest.get(..length)?;
    let after = rest.get(length.next_multiple_of(4)..)?;
    Some((u16::from_be_bytes([head[0], head[1]]), value, after))
}
