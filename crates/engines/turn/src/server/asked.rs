//! What a message asks, gathered in one walk over its attributes.

use std::net::SocketAddr;

use crate::stun::{Attribute, Message};

/// The attributes of a message. Of several of a kind the first counts (RFC 8489 §14), except of peers.
#[derive(Debug, Default)]
pub(super) struct Asked<'m> {
    pub(super) username: Option<&'m [u8]>,
    pub(super) user_hash: Option<[u8; 32]>,
    pub(super) password_algorithm: Option<&'m [u8]>,
    pub(super) password_algorithms: Option<&'m [u8]>,
    pub(super) realm: Option<&'m [u8]>,
    pub(super) nonce: Option<&'m [u8]>,
    pub(super) lifetime_s: Option<u32>,
    pub(super) transport: Option<u8>,
    pub(super) family: Option<u8>,
    pub(super) additional_family: Option<u8>,
    /// `Some(true)` also wants the next port kept.
    pub(super) even_port: Option<bool>,
    pub(super) reservation: Option<[u8; 8]>,
    pub(super) dont_fragment: bool,
    pub(super) channel: Option<u16>,
    pub(super) peers: Vec<SocketAddr>,
    pub(super) data: Option<&'m [u8]>,
    pub(super) connection: Option<u32>,
    /// What must be understood and is not.
    pub(super) unknown: Vec<u16>,
    /// Whether a known attribute has another form than the RFC gives it.
    pub(super) is_malformed: bool,
}

impl<'m> Asked<'m> {
    pub(super) fn read(message: &Message<'m>) -> Self {
        let mut asked = Self::default();
        for attribute in message.attributes() {
            asked.add(attribute);
        }
        asked
    }

    fn add(&mut self, attribute: Attribute<'m>) {
        fn first<T>(place: &mut Option<T>, value: T) {
            place.get_or_insert(value);
        }
        match attribute {
            Attribute::Username(value) => first(&mut self.username, value),
            Attribute::UserHash(value) => first(&mut self.user_hash, value),
            Attribute::PasswordAlgorithm(value) => first(&mut self.password_algorithm, value),
            Attribute::PasswordAlgorithms(value) => first(&mut self.password_algorithms, value),
            Attribute::ConnectionId(value) => first(&mut self.connection, value),
            Attribute::Realm(value) => first(&mut self.realm, value),
            Attribute::Nonce(value) => first(&mut self.nonce, value),
            Attribute::Lifetime(value) => first(&mut self.lifetime_s, value),
            Attribute::RequestedTransport(value) => first(&mut self.transport, value),
            Attribute::RequestedFamily(value) => first(&mut self.family, value),
            Attribute::AdditionalFamily(value) => first(&mut self.additional_family, value),
            Attribute::EvenPort(value) => first(&mut self.even_port, value),
            Attribute::ReservationToken(value) => first(&mut self.reservation, value),
            Attribute::ChannelNumber(value) => first(&mut self.channel, value),
            Attribute::Data(value) => first(&mut self.data, value),
            Attribute::DontFragment => self.dont_fragment = true,
            Attribute::PeerAddress(peer) => self.peers.push(peer),
            Attribute::Unknown(kind) => self.unknown.push(kind),
            Attribute::Malformed(_) => self.is_malformed = true,
            // Those of answers say nothing in a request.
            Attribute::Error(_)
            | Attribute::UnknownAttributes(_)
            | Attribute::RelayedAddress(_)
            | Attribute::MappedAddress(_)
            | Attribute::AddressError(_)
            | Attribute::Checked
            | Attribute::Optional(_) => {}
        }
    }
}
