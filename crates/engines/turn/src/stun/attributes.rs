//! The attributes that STUN and TURN have, by number, and the ones we read.

use std::net::SocketAddr;

use super::address;
use super::message::TransactionId;

/// Attribute numbers (RFC 8489 §18.3, RFC 8656 §18, RFC 6062 §6.2).
pub(super) mod number {
    pub(crate) const USERNAME: u16 = 0x0006;
    pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(crate) const ERROR_CODE: u16 = 0x0009;
    pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    pub(crate) const CHANNEL_NUMBER: u16 = 0x000C;
    pub(crate) const LIFETIME: u16 = 0x000D;
    pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(crate) const DATA: u16 = 0x0013;
    pub(crate) const REALM: u16 = 0x0014;
    pub(crate) const NONCE: u16 = 0x0015;
    pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub(crate) const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
    pub(crate) const PASSWORD_ALGORITHM: u16 = 0x001D;
    pub(crate) const USERHASH: u16 = 0x001E;
    pub(crate) const EVEN_PORT: u16 = 0x0018;
    pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub(crate) const DONT_FRAGMENT: u16 = 0x001A;
    pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(crate) const RESERVATION_TOKEN: u16 = 0x0022;
    pub(crate) const CONNECTION_ID: u16 = 0x002A;
    pub(crate) const ADDITIONAL_ADDRESS_FAMILY: u16 = 0x8000;
    pub(crate) const ADDRESS_ERROR_CODE: u16 = 0x8001;
    pub(crate) const PASSWORD_ALGORITHMS: u16 = 0x8002;
    pub(crate) const FINGERPRINT: u16 = 0x8028;
    /// Attributes below this number must be understood by whoever receives them.
    pub(crate) const OPTIONAL_FROM: u16 = 0x8000;
}

/// An attribute with its value, as a view over the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute<'m> {
    /// Whose credential protects the message.
    Username(&'m [u8]),
    /// The same, hidden: SHA-256 of `name:realm`.
    UserHash([u8; 32]),
    /// How the key is made from the password: number, length of parameters, parameters.
    PasswordAlgorithm(&'m [u8]),
    /// What may be chosen from, each as above.
    PasswordAlgorithms(&'m [u8]),
    /// The domain of the credential.
    Realm(&'m [u8]),
    /// What the server gave out to be repeated.
    Nonce(&'m [u8]),
    /// What went wrong.
    Error(ErrorCode<'m>),
    /// A list of 16-bit attribute numbers.
    UnknownAttributes(&'m [u8]),
    /// A channel.
    ChannelNumber(u16),
    /// Seconds.
    Lifetime(u32),
    /// A peer of an allocation.
    PeerAddress(SocketAddr),
    /// What is relayed.
    Data(&'m [u8]),
    /// Where an allocation can be reached by peers.
    RelayedAddress(SocketAddr),
    /// The family number of the wanted relay.
    RequestedFamily(u8),
    /// The family number of a second wanted relay.
    AdditionalFamily(u8),
    /// An even port; `true` also reserves the next one.
    EvenPort(bool),
    /// A protocol number of IP.
    RequestedTransport(u8),
    /// No fragments towards the peer.
    DontFragment,
    /// The address that the request came from.
    MappedAddress(SocketAddr),
    /// Names a reserved port.
    ReservationToken([u8; 8]),
    /// A TCP connection of an allocation with its peer.
    ConnectionId(u32),
    /// The second relay could not be made.
    AddressError(ErrorCode<'m>),
    /// One that is known and says nothing a reader needs: integrity and fingerprint are checked apart.
    Checked,
    /// One that must be understood and is not.
    Unknown(u16),
    /// One that may be ignored.
    Optional(u16),
    /// A known one whose value has another form.
    Malformed(u16),
}

/// A status of RFC 8489 §14.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode<'m> {
    /// 300 to 699.
    pub code: u16,
    /// For people.
    pub reason: &'m [u8],
}

impl<'m> Attribute<'m> {
    pub(super) fn read(kind: u16, value: &'m [u8], transaction: &TransactionId) -> Self {
        Self::find(kind, value, transaction).unwrap_or(Self::Malformed(kind))
    }

    fn find(kind: u16, value: &'m [u8], transaction: &TransactionId) -> Option<Self> {
        Some(match kind {
            number::USERNAME => Self::Username(value),
            number::USERHASH => Self::UserHash(value.try_into().ok()?),
            number::PASSWORD_ALGORITHM => Self::PasswordAlgorithm(value),
            number::PASSWORD_ALGORITHMS => Self::PasswordAlgorithms(value),
            number::CONNECTION_ID => Self::ConnectionId(u32::from_be_bytes(value.try_into().ok()?)),
            number::REALM => Self::Realm(value),
            number::NONCE => Self::Nonce(value),
            number::ERROR_CODE => Self::Error(error(value)?),
            number::UNKNOWN_ATTRIBUTES => Self::UnknownAttributes(value),
            number::CHANNEL_NUMBER => Self::ChannelNumber(u16::from_be_bytes(*value.first_chunk()?)),
            number::LIFETIME => Self::Lifetime(u32::from_be_bytes(value.try_into().ok()?)),
            number::XOR_PEER_ADDRESS => Self::PeerAddress(address::read(value, transaction)?),
            number::DATA => Self::Data(value),
            number::XOR_RELAYED_ADDRESS => Self::RelayedAddress(address::read(value, transaction)?),
            number::REQUESTED_ADDRESS_FAMILY => Self::RequestedFamily(*value.first()?),
            number::ADDITIONAL_ADDRESS_FAMILY => Self::AdditionalFamily(*value.first()?),
            number::EVEN_PORT => Self::EvenPort(value.first()? & 0x80 != 0),
            number::REQUESTED_TRANSPORT => Self::RequestedTransport(*value.first()?),
            number::DONT_FRAGMENT => Self::DontFragment,
            number::XOR_MAPPED_ADDRESS => Self::MappedAddress(address::read(value, transaction)?),
            number::RESERVATION_TOKEN => Self::ReservationToken(value.try_into().ok()?),
            number::ADDRESS_ERROR_CODE => Self::AddressError(error(value)?),
            number::MESSAGE_INTEGRITY | number::MESSAGE_INTEGRITY_SHA256 | number::FINGERPRINT => {
                Self::Checked
            }
            _ if kind >= number::OPTIONAL_FROM => Self::Optional(kind),
            _ => Self::Unknown(kind),
        })
    }
}

/// `ERROR-CODE` and `ADDRESS-ERROR-CODE`: two bytes of no meaning here, class, number, reason.
fn error(value: &[u8]) -> Option<ErrorCode<'_>> {
    let (head, reason) = value.split_at_checked(4)?;
    let (class, number) = (u16::from(head[2] & 7), u16::from(head[3]));
    ((3..=6).contains(&class) && number < 100).then_some(ErrorCode { code: class * 100 + number, reason })
}
