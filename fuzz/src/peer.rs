//! Datagrams to a transport before anybody has connected, as strangers and new clients send them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use trunkline_sfu::{
    Accepted, Certificate, Credentials, Datagram, HostCandidate, NamedMids, Now, Offer, OfferError, Packet,
    Peer, PeerConfig, PeerError, PeerEvent, PeerKey, PeerLimits, PeerSink, Transmission,
};
use trunkline_turn::stun::{Class, IntegrityKey, Method, TransactionId, Writer, is_stun};

use crate::input::Input;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 10_000);
/// The name and password of our end.
const UFRAG: &str = "server00";
const PASSWORD: &str = "serverpassword0000000000";
/// An offer of a browser: its name is in [`client_name`].
pub(crate) const OFFER: &str = include_str!("../corpus/offer/chromium-156");

/// What a transport put out.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) sent: Vec<Transmission>,
    is_up: bool,
}

impl PeerSink for Seen {
    fn transmit(&mut self, transmission: Transmission) {
        self.sent.push(transmission);
    }

    fn packet(&mut self, packet: Packet) {
        panic!("media without keys: {packet:?}");
    }

    fn event(&mut self, event: PeerEvent) {
        self.is_up |= matches!(event, PeerEvent::Up);
        assert!(!matches!(event, PeerEvent::Data { .. }), "a message without keys");
    }
}

/// A transport that waits for an offer.
pub(crate) fn new_peer() -> Peer {
    static CERTIFICATE: OnceLock<Arc<Certificate>> = OnceLock::new();
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let certificate = CERTIFICATE.get_or_init(|| Arc::new(Certificate::generate().expect("keys are made")));
    #[expect(clippy::disallowed_methods, reason = "an instant cannot be made without reading the clock once")]
    let origin = *ORIGIN.get_or_init(Instant::now);
    let config = PeerConfig {
        key: PeerKey(7),
        certificate: Arc::clone(certificate),
        candidates: vec![HostCandidate { address: SERVER, is_tcp: false }],
        origin,
        limits: PeerLimits::default(),
    };
    Peer::new(&config, Now::ZERO)
}

/// Gives it an offer.
pub(crate) fn accept(peer: &mut Peer, sdp: &str, mids: &NamedMids, now: Now) -> Result<Accepted, OfferError> {
    let credentials = Credentials { ufrag: UFRAG.to_owned(), password: PASSWORD.to_owned() };
    peer.accept(Offer { sdp, mids, credentials }, now)
}

/// Each datagram: what it is, where it is from, and its bytes.
pub(crate) fn run(bytes: &[u8]) {
    let mut world = World::new();
    let mut input = Input::new(bytes);
    while !input.is_over() && !world.is_over {
        let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, input.below(3))), 5_000);
        let (kind, wait) = (input.below(4), input.byte());
        world.now += Now::from_millis(u64::from(wait));
        let datagram = match kind {
            0 => check(input.bytes(), Some(PASSWORD)),
            1 => check(input.bytes(), Some("a password of somebody else")),
            2 => check(input.bytes(), None),
            _ => input.bytes().to_vec(),
        };
        world.say(source, &datagram, kind == 0);
    }
}

/// A check of the client with further attributes, each a kind, and a value behind its length.
fn check(more: &[u8], password: Option<&str>) -> Vec<u8> {
    let mut more = Input::new(more);
    let mut writer = Writer::new(Method::Binding, Class::Request, TransactionId([more.byte(); 12]));
    if !more.is_yes() {
        writer = writer.username(&format!("{UFRAG}:{}", client_name()));
    }
    for _ in 0..8 {
        if !more.is_over() {
            writer = writer.attribute(more.short(), more.bytes());
        }
    }
    match password {
        Some(password) => writer.integrity(&IntegrityKey::new(password.as_bytes())).fingerprint().finish(),
        None => writer.finish(),
    }
}

/// What the client calls itself in [`OFFER`].
fn client_name() -> &'static str {
    let line = OFFER.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    line.expect("every offer has one")
}

struct World {
    peer: Peer,
    now: Now,
    seen: Seen,
    /// Who has shown the password.
    known: BTreeSet<SocketAddr>,
    is_over: bool,
}

impl World {
    fn new() -> Self {
        let mut peer = new_peer();
        accept(&mut peer, OFFER, &NamedMids::default(), Now::ZERO).expect("a good offer");
        let mut world =
            Self { peer, now: Now::ZERO, seen: Seen::default(), known: BTreeSet::new(), is_over: false };
        world.drain();
        world
    }

    fn say(&mut self, source: SocketAddr, bytes: &[u8], has_password: bool) {
        // The media thread lets nothing but checks through from addresses that were not found to be a client's.
        if !is_stun(bytes) && !self.peer.accepts_address(source, SERVER) {
            return;
        }
        if has_password {
            self.known.insert(source);
        }
        let datagram = Datagram { is_tcp: false, source, destination: SERVER, bytes };
        match self.peer.handle_datagram(datagram, self.now) {
            Ok(()) | Err(PeerError::Dropped(_)) => {}
            Err(other) => self.fail(&other),
        }
        self.drain();
    }

    fn drain(&mut self) {
        let due = self.peer.drain(self.now, &mut self.seen);
        if let Err(error) = due {
            self.fail(&error);
        }
        for sent in self.seen.sent.drain(..) {
            assert!(self.known.contains(&sent.destination), "a stranger is answered: {sent:?}");
        }
        assert!(!self.seen.is_up, "up without a handshake");
    }

    /// Only who has shown the password may break its own transport.
    fn fail(&mut self, error: &PeerError) {
        assert!(!self.known.is_empty(), "a stranger ended the transport: {error}");
        self.is_over = true;
    }
}
