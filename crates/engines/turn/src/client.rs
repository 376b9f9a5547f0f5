//! A TURN client for tests and benchmarks: makes requests, reads answers. It sends nothing by itself.

use std::net::SocketAddr;

use crate::channel;
use crate::credentials::Credentials;
use crate::server::{ALGORITHMS, COOKIE, SHA256};
use crate::stun::{
    Attribute, Class, IntegrityKey, Message, Method, TransactionId, Writer, long_term_key,
    long_term_key_sha256,
};

/// What an answer or datagram from the server means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server wants credentials, or a newer nonce: ask again.
    Challenged,
    /// The relay is there.
    Allocated {
        /// Where peers reach it; two when both IP versions were asked for.
        relays: Vec<SocketAddr>,
        /// Seconds.
        lifetime_s: u32,
        /// Names the port kept for later.
        reservation: Option<[u8; 8]>,
    },
    /// Another request was done.
    Done(Method),
    /// A request was refused.
    Refused(Method, u16),
    /// A connection with a peer is there: the number to bind another stream with.
    Connected(u32),
    /// A peer has connected, with the same.
    Attempted(SocketAddr, u32),
    /// The answer to a Binding request.
    Mapped(SocketAddr),
    /// From a peer, over a channel.
    Channel(u16, Vec<u8>),
    /// From a peer, as an indication.
    Data(SocketAddr, Vec<u8>),
    /// Something else, or not from who has the credentials.
    Ignored,
}

/// One client.
#[derive(Clone, Debug)]
pub struct Client {
    credentials: Credentials,
    realm: Option<String>,
    nonce: Option<String>,
    key: Option<IntegrityKey>,
    /// SHA-256, where the server offers it.
    prefers_sha256: bool,
    is_sha256: bool,
    transactions: u64,
}

impl Client {
    /// A client of RFC 5766 that knows no realm yet.
    pub fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            realm: None,
            nonce: None,
            key: None,
            prefers_sha256: false,
            is_sha256: false,
            transactions: 0,
        }
    }

    /// One of RFC 8489: it shows its password by SHA-256 where the server offers that.
    pub fn with_sha256(credentials: Credentials) -> Self {
        Self { prefers_sha256: true, ..Self::new(credentials) }
    }

    /// Asks for the own address.
    pub fn binding(&mut self) -> Vec<u8> {
        Writer::new(Method::Binding, Class::Request, self.transaction()).finish()
    }

    /// A request with `add`ed attributes, protected once the server has given out realm and nonce.
    pub fn request(&mut self, method: Method, add: impl FnOnce(Writer) -> Writer) -> Vec<u8> {
        let message = add(Writer::new(method, Class::Request, self.transaction()));
        let (Some(realm), Some(nonce), Some(key)) = (&self.realm, &self.nonce, &self.key) else {
            return message.finish();
        };
        let mut message = message.username(&self.credentials.username).realm(realm).nonce(nonce);
        if self.is_sha256 {
            message = message.password_algorithms(&ALGORITHMS).password_algorithm(&SHA256);
        }
        message.integrity(key).finish()
    }

    /// Asks for a relay over UDP.
    pub fn allocate(&mut self) -> Vec<u8> {
        self.request(Method::Allocate, |message| message.transport(17))
    }

    /// Asks for a relay over TCP.
    pub fn allocate_tcp(&mut self) -> Vec<u8> {
        self.request(Method::Allocate, |message| message.transport(6))
    }

    /// Asks for a connection with `peer`.
    pub fn connect(&mut self, peer: SocketAddr) -> Vec<u8> {
        self.request(Method::Connect, |message| message.peer(peer))
    }

    /// Takes a stream for a connection.
    pub fn bind_connection(&mut self, id: u32) -> Vec<u8> {
        self.request(Method::ConnectionBind, |message| message.connection(id))
    }

    /// Prolongs the relay; 0 ends it.
    pub fn refresh(&mut self, lifetime_s: u32) -> Vec<u8> {
        self.request(Method::Refresh, |message| message.lifetime(lifetime_s))
    }

    /// Lets peers through.
    pub fn permit(&mut self, peers: &[SocketAddr]) -> Vec<u8> {
        self.request(Method::CreatePermission, |message| {
            peers.iter().fold(message, |message, peer| message.peer(*peer))
        })
    }

    /// Gives `peer` a number.
    pub fn bind(&mut self, number: u16, peer: SocketAddr) -> Vec<u8> {
        self.request(Method::ChannelBind, |message| message.channel(number).peer(peer))
    }

    /// `data` for the peer of a channel, padded as streams need it.
    pub fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = channel::head(number, data.len()).to_vec();
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// `data` for `peer` without a channel.
    pub fn send(&mut self, peer: SocketAddr, data: &[u8]) -> Vec<u8> {
        Writer::new(Method::Send, Class::Indication, self.transaction()).peer(peer).data(data).finish()
    }

    /// Reads what came from the server.
    pub fn handle(&mut self, bytes: &[u8]) -> Event {
        if channel::is_channel_data(bytes) {
            let read = channel::parse(bytes);
            return read.map_or(Event::Ignored, |(number, data)| Event::Channel(number, data.to_vec()));
        }
        let Ok(message) = Message::parse(bytes) else { return Event::Ignored };
        match message.class {
            Class::Indication => indication(&message),
            Class::Success => self.success(&message),
            Class::Error => self.refused(&message),
            Class::Request => Event::Ignored,
        }
    }

    fn success(&self, message: &Message<'_>) -> Event {
        let mut relays = Vec::new();
        let (mut lifetime_s, mut reservation, mut mapped, mut connection) = (0, None, None, None);
        for attribute in message.attributes() {
            match attribute {
                Attribute::RelayedAddress(relay) => relays.push(relay),
                Attribute::Lifetime(seconds) => lifetime_s = seconds,
                Attribute::ReservationToken(token) => reservation = Some(token),
                Attribute::MappedAddress(address) => mapped = Some(address),
                Attribute::ConnectionId(id) => connection = Some(id),
                _ => {}
            }
        }
        if message.method == Method::Binding {
            return mapped.map_or(Event::Ignored, Event::Mapped);
        }
        if !self.key.as_ref().is_some_and(|key| message.is_made_by(key)) {
            return Event::Ignored;
        }
        match message.method {
            Method::Connect => connection.map_or(Event::Ignored, Event::Connected),
            Method::Allocate => Event::Allocated { relays, lifetime_s, reservation },
            method => Event::Done(method),
        }
    }

    fn refused(&mut self, message: &Message<'_>) -> Event {
        let mut code = 0;
        let (mut realm, mut nonce, mut algorithms) = (None, None, None);
        for attribute in message.attributes() {
            match attribute {
                Attribute::Error(error) => code = error.code,
                Attribute::Realm(value) => realm = Some(String::from_utf8_lossy(value).into_owned()),
                Attribute::Nonce(value) => nonce = Some(String::from_utf8_lossy(value).into_owned()),
                Attribute::PasswordAlgorithms(value) => algorithms = Some(value),
                _ => {}
            }
        }
        let (Some(realm), Some(nonce)) = (realm, nonce) else { return Event::Refused(message.method, code) };
        // Refused although a credential was shown: another try would end the same way.
        let is_final = code == 401 && self.key.is_some();
        let offers = nonce.starts_with(COOKIE);
        // A challenge that promises algorithms and names none was cut down on its way (RFC 8489 §9.2.5).
        if self.prefers_sha256 && offers && algorithms != Some(&ALGORITHMS) {
            return Event::Ignored;
        }
        self.is_sha256 = self.prefers_sha256 && offers;
        let Credentials { username, password } = &self.credentials;
        self.key = Some(if self.is_sha256 {
            IntegrityKey::sha256(&long_term_key_sha256(username, &realm, password.expose()))
        } else {
            IntegrityKey::new(&long_term_key(username, &realm, password.expose()))
        });
        (self.realm, self.nonce) = (Some(realm), Some(nonce));
        if is_final { Event::Refused(message.method, code) } else { Event::Challenged }
    }

    fn transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        let mut id = [0x5A; 12];
        id[4..].copy_from_slice(&self.transactions.to_be_bytes());
        TransactionId(id)
    }
}

fn indication(message: &Message<'_>) -> Event {
    let (mut peer, mut data, mut connection) = (None, None, None);
    for attribute in message.attributes() {
        match attribute {
            Attribute::PeerAddress(address) => peer = Some(address),
            Attribute::Data(bytes) => data = Some(bytes.to_vec()),
            Attribute::ConnectionId(id) => connection = Some(id),
            _ => {}
        }
    }
    match (peer, data, connection) {
        (Some(peer), _, Some(id)) => Event::Attempted(peer, id),
        (Some(peer), Some(data), None) => Event::Data(peer, data),
        _ => Event::Ignored,
    }
}
