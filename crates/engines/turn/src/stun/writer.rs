//! Writing a message, attribute by attribute.

use std::net::SocketAddr;

use super::attributes::number;
use super::integrity::{self, IntegrityKey};
use super::message::{Class, Method, TransactionId, type_of};
use super::{HEADER_BYTES, MAGIC_COOKIE, address};

/// A message under way. The length in its head is right after every attribute.
#[derive(Clone, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl Writer {
    /// A message without attributes.
    pub fn new(method: Method, class: Class, transaction: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&type_of(method, class).to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        bytes.extend_from_slice(&transaction.0);
        Self { bytes, transaction }
    }

    /// Adds `USERNAME`.
    pub fn username(self, name: &str) -> Self {
        self.attribute(number::USERNAME, name.as_bytes())
    }

    /// Adds `REALM`.
    pub fn realm(self, realm: &str) -> Self {
        self.attribute(number::REALM, realm.as_bytes())
    }

    /// Adds `NONCE`.
    pub fn nonce(self, nonce: &str) -> Self {
        self.attribute(number::NONCE, nonce.as_bytes())
    }

    /// Adds `ERROR-CODE`; `code` is 300 to 699.
    pub fn error(self, code: u16, reason: &str) -> Self {
        let value = error_value([0, 0], code, reason);
        self.attribute(number::ERROR_CODE, &value)
    }

    /// Adds `ADDRESS-ERROR-CODE` for the address family with that number.
    pub fn address_error(self, family: u8, code: u16, reason: &str) -> Self {
        let value = error_value([family, 0], code, reason);
        self.attribute(number::ADDRESS_ERROR_CODE, &value)
    }

    /// Adds `UNKNOWN-ATTRIBUTES`.
    pub fn unknown(self, kinds: &[u16]) -> Self {
        let value: Vec<u8> = kinds.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        self.attribute(number::UNKNOWN_ATTRIBUTES, &value)
    }

    /// Adds `CHANNEL-NUMBER`.
    pub fn channel(self, channel: u16) -> Self {
        let [high, low] = channel.to_be_bytes();
        self.attribute(number::CHANNEL_NUMBER, &[high, low, 0, 0])
    }

    /// Adds `LIFETIME`.
    pub fn lifetime(self, seconds: u32) -> Self {
        self.attribute(number::LIFETIME, &seconds.to_be_bytes())
    }

    /// Adds `XOR-PEER-ADDRESS`.
    pub fn peer(self, peer: SocketAddr) -> Self {
        self.address(number::XOR_PEER_ADDRESS, peer)
    }

    /// Adds `XOR-RELAYED-ADDRESS`.
    pub fn relayed(self, relay: SocketAddr) -> Self {
        self.address(number::XOR_RELAYED_ADDRESS, relay)
    }

    /// Adds `XOR-MAPPED-ADDRESS`.
    pub fn mapped(self, client: SocketAddr) -> Self {
        self.address(number::XOR_MAPPED_ADDRESS, client)
    }

    /// Adds `DATA`.
    pub fn data(self, data: &[u8]) -> Self {
        self.attribute(number::DATA, data)
    }

    /// Adds `REQUESTED-TRANSPORT`; 17 is UDP.
    pub fn transport(self, protocol: u8) -> Self {
        self.attribute(number::REQUESTED_TRANSPORT, &[protocol, 0, 0, 0])
    }

    /// Adds `REQUESTED-ADDRESS-FAMILY`.
    pub fn family(self, family: u8) -> Self {
        self.attribute(number::REQUESTED_ADDRESS_FAMILY, &[family, 0, 0, 0])
    }

    /// Adds `ADDITIONAL-ADDRESS-FAMILY`.
    pub fn additional_family(self, family: u8) -> Self {
        self.attribute(number::ADDITIONAL_ADDRESS_FAMILY, &[family, 0, 0, 0])
    }

    /// Adds `EVEN-PORT`.
    pub fn even_port(self, reserves_next: bool) -> Self {
        self.attribute(number::EVEN_PORT, &[if reserves_next { 0x80 } else { 0 }])
    }

    /// Adds `RESERVATION-TOKEN`.
    pub fn reservation(self, token: [u8; 8]) -> Self {
        self.attribute(number::RESERVATION_TOKEN, &token)
    }

    /// Adds an attribute as it is, which is how tests make strange ones.
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).expect("values are shorter than 64 KiB");
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length();
        self
    }

    /// Adds `USERHASH`.
    pub fn user_hash(self, hash: [u8; 32]) -> Self {
        self.attribute(number::USERHASH, &hash)
    }

    /// Adds `PASSWORD-ALGORITHM`: number, length of parameters, parameters.
    pub fn password_algorithm(self, algorithm: &[u8]) -> Self {
        self.attribute(number::PASSWORD_ALGORITHM, algorithm)
    }

    /// Adds `PASSWORD-ALGORITHMS`: several of them.
    pub fn password_algorithms(self, algorithms: &[u8]) -> Self {
        self.attribute(number::PASSWORD_ALGORITHMS, algorithms)
    }

    /// Adds `CONNECTION-ID`.
    pub fn connection(self, id: u32) -> Self {
        self.attribute(number::CONNECTION_ID, &id.to_be_bytes())
    }

    /// Adds `MESSAGE-INTEGRITY` or `MESSAGE-INTEGRITY-SHA256`, as the key is; only a fingerprint may follow.
    pub fn integrity(self, key: &IntegrityKey) -> Self {
        let code = key.sign(&self.bytes);
        self.attribute(key.attribute(), code.as_ref())
    }

    /// Adds `FINGERPRINT`; nothing may follow.
    pub fn fingerprint(self) -> Self {
        let value = integrity::fingerprint(&self.bytes).to_be_bytes();
        self.attribute(number::FINGERPRINT, &value)
    }

    /// The whole message.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn address(mut self, kind: u16, value: SocketAddr) -> Self {
        let length: u16 = if value.is_ipv4() { 8 } else { 20 };
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        address::write(value, &self.transaction, &mut self.bytes);
        self.set_length();
        self
    }

    fn set_length(&mut self) {
        let length =
            u16::try_from(self.bytes.len() - HEADER_BYTES).expect("messages are shorter than 64 KiB");
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// What stands before `length` bytes from `peer` in a Data indication (RFC 8656 §11.5); padding may have to follow.
pub(crate) fn data_indication(peer: SocketAddr, length: usize, transaction: TransactionId) -> Vec<u8> {
    let mut head = Writer::new(Method::Data, Class::Indication, transaction).peer(peer);
    let value = u16::try_from(length).expect("a datagram is shorter than 64 KiB");
    head.bytes.extend_from_slice(&number::DATA.to_be_bytes());
    head.bytes.extend_from_slice(&value.to_be_bytes());
    let whole = head.bytes.len() - HEADER_BYTES + length.next_multiple_of(4);
    let whole = u16::try_from(whole).unwrap_or(u16::MAX);
    head.bytes[2..4].copy_from_slice(&whole.to_be_bytes());
    head.bytes
}

fn error_value(first: [u8; 2], code: u16, reason: &str) -> Vec<u8> {
    let class = u8::try_from(code / 100).expect("three to six");
    let number = u8::try_from(code % 100).expect("below a hundred");
    let mut value = vec![first[0], first[1], class, number];
    value.extend_from_slice(reason.as_bytes());
    value
}
