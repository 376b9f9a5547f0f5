//! The engine's way out: the clients' sockets and streams, and a socket for each relay.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use tokio::sync::mpsc;
use tracing::debug;
use trunkline_net::outbound::{AddressRules, IpNetwork};
use trunkline_net::udp::{BatchSocket, SendBatch, UdpOptions, interface_addresses};
use trunkline_turn::server::{Opened, PortWish};
use trunkline_turn::{Family, FiveTuple, Now, Outlet, Transport};

use super::streams::OUT_ANSWERS;
use crate::poller::{Interest, Poller, Token};

/// Messages that may wait for a socket; older ones are worth less than newer.
const WAITING_MAX: usize = 2_048;
/// What the system keeps for a relay each way: a frame of screen sharing and more.
const RELAY_BUFFER_BYTES: usize = 512 * 1024;
/// How many free ports are tried until one is even. Half of them are.
const TRIES_MAX: usize = 64;
/// How long a list of the machine's addresses is taken for true.
const LIST_AGE: Now = Now::from_secs(5);

/// One relay.
pub(super) struct RelaySocket {
    pub(super) socket: BatchSocket,
    out: Out,
    number: u64,
    // The address by which the client knows one of our media ports, by port.
    known_as: HashMap<u16, SocketAddr>,
}

/// Sockets, streams and who may be reached.
pub(super) struct Network {
    pub(super) poller: Poller,
    pub(super) sockets: Vec<BatchSocket>,
    pub(super) relays: HashMap<SocketAddr, RelaySocket>,
    pub(super) numbers: HashMap<u64, SocketAddr>,
    pub(super) streams: HashMap<FiveTuple, mpsc::Sender<Vec<u8>>>,
    /// From one relay of ours to another: to, from, datagram.
    pub(super) handed_over: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
    outs: Vec<Out>,
    /// Relays with something to send.
    dirty: Vec<SocketAddr>,
    media_ports: Vec<u16>,
    public: Vec<IpAddr>,
    allowed: Vec<IpNetwork>,
    rules: AddressRules,
    own: (Now, Vec<IpAddr>),
    next_number: u64,
    /// The address the client of the request in hand used: its relay is made there.
    pub(super) asked_at: IpAddr,
    pub(super) dropped: u64,
}

impl Network {
    pub(super) fn new(
        poller: Poller,
        sockets: Vec<BatchSocket>,
        media_ports: Vec<u16>,
        public: Vec<IpAddr>,
        allowed: Vec<IpNetwork>,
    ) -> Self {
        let outs = sockets.iter().map(|_| Out::default()).collect();
        Self {
            poller,
            sockets,
            relays: HashMap::new(),
            numbers: HashMap::new(),
            streams: HashMap::new(),
            handed_over: VecDeque::new(),
            outs,
            dirty: Vec::new(),
            media_ports,
            public,
            rules: AddressRules::new(allowed.clone()),
            allowed,
            own: (Now::ZERO, Vec::new()),
            next_number: 0,
            asked_at: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            dropped: 0,
        }
    }

    /// Looks at the machine's addresses again when what is known of them is old.
    pub(super) fn refresh(&mut self, now: Now) {
        if self.own.1.is_empty() || now.saturating_sub(self.own.0) >= LIST_AGE {
            let listed = interface_addresses().unwrap_or_else(|error| {
                debug!(%error, "the machine's addresses cannot be listed");
                Vec::new()
            });
            self.own = (now, listed);
        }
    }

    /// Sends what waits.
    pub(super) fn flush(&mut self) {
        for (index, (socket, out)) in self.sockets.iter().zip(&mut self.outs).enumerate() {
            self.dropped += out.send(&self.poller, socket, Token::Socket(index));
        }
        for relay in self.dirty.drain(..) {
            if let Some(relay) = self.relays.get_mut(&relay) {
                let token = Token::Connection(relay.number);
                self.dropped += relay.out.send(&self.poller, &relay.socket, token);
            }
        }
    }

    /// A relay's socket has room again.
    pub(super) fn resume(&mut self, number: u64) {
        self.dirty.extend(self.numbers.get(&number));
    }

    /// Whom a datagram that came to `relay` is from, as the client knows it.
    pub(super) fn known_as(&self, relay: &SocketAddr, from: SocketAddr) -> SocketAddr {
        let Some(relay) = self.relays.get(relay) else { return from };
        if from.ip() != relay.socket.local().ip() {
            return from;
        }
        relay.known_as.get(&from.port()).copied().unwrap_or(from)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.public.contains(&address) || self.own.1.contains(&address)
    }

    /// Whether any port at `address` may be reached. At an address of this machine, also a public one, that takes more
    /// than being public: what listens here may trust whoever comes from here.
    fn permits(&self, address: IpAddr) -> bool {
        if self.is_own(address.to_canonical()) {
            return self.allowed.iter().any(|network| network.contains(address.to_canonical()));
        }
        self.rules.permits(address)
    }

    fn bind(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        let options = UdpOptions { buffer_bytes: RELAY_BUFFER_BYTES };
        let socket = BatchSocket::bind(address, options).ok()?;
        let local = socket.local();
        let number = self.next_number;
        self.poller.add(&socket, Token::Connection(number), Interest::Read).ok()?;
        self.next_number += 1;
        let family = |ip: &&IpAddr| ip.is_ipv4() == local.is_ipv4();
        let outside = self.public.iter().find(family).copied().unwrap_or(local.ip());
        let relay = SocketAddr::new(outside, local.port());
        self.numbers.insert(number, relay);
        let opened = RelaySocket { socket, out: Out::default(), number, known_as: HashMap::new() };
        self.relays.insert(relay, opened);
        Some(relay)
    }

    fn bind_even(&mut self, ip: IpAddr, wants_next: bool) -> Option<Opened> {
        for _ in 0..TRIES_MAX {
            let relay = self.bind(SocketAddr::new(ip, 0))?;
            if relay.port().is_multiple_of(2) {
                if !wants_next {
                    return Some(Opened { relay, next: None });
                }
                let next = relay.port().checked_add(1);
                if let Some(next) = next.and_then(|port| self.bind(SocketAddr::new(ip, port))) {
                    return Some(Opened { relay, next: Some(next) });
                }
            }
            self.close_relay(relay);
        }
        None
    }
}

/// What waits for a socket.
#[derive(Default)]
struct Out {
    batch: SendBatch,
    /// Whether the thread is told when there is room.
    is_watched: bool,
}

impl Out {
    /// Sends what it can; the rest waits until the socket can be written to. Gives how many datagrams were dropped.
    fn send(&mut self, poller: &Poller, socket: &BatchSocket, token: Token) -> u64 {
        let mut dropped = 0;
        if !self.batch.is_empty() {
            dropped = socket.send(&mut self.batch).dropped;
        }
        let is_left = !self.batch.is_empty();
        if is_left {
            dropped += self.batch.shed(WAITING_MAX);
        }
        if is_left != self.is_watched {
            self.is_watched = is_left;
            poller.set(socket, token, Interest::with_write(is_left));
        }
        dropped as u64
    }
}

impl Outlet for Network {
    fn to_client(&mut self, tuple: &FiveTuple, parts: &[&[u8]]) {
        let bytes = parts.concat();
        if tuple.transport == Transport::Stream {
            let Some(stream) = self.streams.get(tuple) else { return };
            let is_answer = parts.len() == 1;
            if (!is_answer && stream.capacity() <= OUT_ANSWERS) || stream.try_send(bytes).is_err() {
                self.dropped += 1;
            }
            return;
        }
        let is_its = |socket: &BatchSocket| {
            let local = socket.local();
            local.port() == tuple.server.port()
                && (local.ip() == tuple.server.ip()
                    || local.ip().is_unspecified() && local.is_ipv4() == tuple.server.is_ipv4())
        };
        if let Some(index) = self.sockets.iter().position(is_its) {
            self.outs[index].batch.push(Some(tuple.server.ip()), tuple.client, bytes);
        }
    }

    fn to_peer(&mut self, relay: SocketAddr, peer: SocketAddr, bytes: &[u8]) {
        if self.relays.contains_key(&peer) {
            if self.handed_over.len() < WAITING_MAX {
                self.handed_over.push_back((peer, relay, bytes.to_vec()));
            } else {
                self.dropped += 1;
            }
            return;
        }
        let is_media = self.media_ports.contains(&peer.port()) && self.is_own(peer.ip());
        let is_permitted = is_media || self.permits(peer.ip());
        let Some(socket) = self.relays.get_mut(&relay).filter(|_| is_permitted) else {
            self.dropped += 1;
            return;
        };
        let target = if is_media {
            socket.known_as.insert(peer.port(), peer);
            SocketAddr::new(socket.socket.local().ip(), peer.port())
        } else {
            peer
        };
        if socket.out.batch.is_empty() {
            self.dirty.push(relay);
        }
        socket.out.batch.push(None, target, bytes.to_vec());
        if socket.out.batch.len() > WAITING_MAX {
            self.dropped += socket.out.batch.shed(WAITING_MAX / 2) as u64;
        }
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        self.is_own(address) || self.permits(address)
    }

    fn open_relay(&mut self, family: Family, wish: PortWish) -> Option<Opened> {
        let asked_at = self.asked_at;
        let is_of = |ip: &IpAddr| Family::of(*ip) == family && !ip.is_unspecified();
        let is_reachable = |ip: &&IpAddr| is_of(ip) && !ip.is_loopback();
        let ip = Some(asked_at).filter(is_of);
        let ip = ip.or_else(|| self.own.1.iter().find(is_reachable).copied())?;
        match wish {
            PortWish::Any => self.bind(SocketAddr::new(ip, 0)).map(|relay| Opened { relay, next: None }),
            PortWish::Even => self.bind_even(ip, false),
            PortWish::EvenAndNext => self.bind_even(ip, true),
        }
    }

    fn close_relay(&mut self, relay: SocketAddr) {
        if let Some(closed) = self.relays.remove(&relay) {
            self.numbers.remove(&closed.number);
        }
    }
}
