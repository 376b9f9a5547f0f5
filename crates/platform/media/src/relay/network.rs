//! The engine's way out: the clients' sockets and streams, and a socket for each relay.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use tokio::sync::mpsc;
use tracing::warn;
use trunkline_net::outbound::{AddressRules, IpNetwork};
use trunkline_net::udp::{BatchSocket, SendBatch, UdpOptions, interface_addresses};
use trunkline_turn::server::{Opened, PortWish};
use trunkline_turn::{ConnectionId, Family, FiveTuple, Now, Outlet, Protocol, Transport};

use super::MediaPorts;
use super::connections::TcpRelays;
use super::mailbox::Handed;
use super::metrics::Passed;
use super::streams::{OUT_ANSWERS, ToStream};
use crate::poller::{Interest, Poller, Token};

/// Messages that may wait for a socket; older ones are worth less than newer.
const WAITING_MAX: usize = 2_048;
/// What the system keeps for a relay each way: a frame of screen sharing and more.
const RELAY_BUFFER_BYTES: usize = 512 * 1024;
/// How many free ports are tried until one is even. Half of them are.
const TRIES_MAX: usize = 64;
/// How many free ports are tried until one is free outside as well. One clash is rare.
const CLASHES_MAX: usize = 4;
/// How long a list of the machine's addresses is taken for true.
const LIST_AGE: Now = Now::from_secs(5);

/// One relay.
pub(super) struct RelaySocket {
    pub(super) socket: BatchSocket,
    out: Out,
    number: u64,
}

/// Sockets, streams and who may be reached.
pub(super) struct Network {
    pub(super) poller: Poller,
    pub(super) sockets: Vec<BatchSocket>,
    pub(super) relays: HashMap<SocketAddr, RelaySocket>,
    pub(super) numbers: HashMap<u64, SocketAddr>,
    pub(super) streams: HashMap<FiveTuple, mpsc::Sender<ToStream>>,
    pub(super) tcp: TcpRelays,
    /// From one relay of ours to another.
    pub(super) handed_over: Vec<Handed>,
    pub(super) passed: Passed,
    /// Datagrams since the last flush.
    pub(super) queued: usize,
    outs: Vec<Out>,
    /// Relays with something to send.
    dirty: Vec<SocketAddr>,
    media: MediaPorts,
    /// For each of them what is to be handed over.
    to_media: Vec<Vec<Handed>>,
    public: Vec<IpAddr>,
    allowed: Vec<IpNetwork>,
    rules: AddressRules,
    own: Vec<IpAddr>,
    listed: Option<Now>,
    next_number: u64,
    /// The address the client of the request in hand used: its relay is made there.
    pub(super) asked_at: IpAddr,
}

impl Network {
    pub(super) fn new(
        poller: Poller,
        sockets: Vec<BatchSocket>,
        media: MediaPorts,
        (public, allowed): (Vec<IpAddr>, Vec<IpNetwork>),
        tcp: TcpRelays,
    ) -> Self {
        let outs = sockets.iter().map(|_| Out::default()).collect();
        Self {
            poller,
            sockets,
            relays: HashMap::new(),
            numbers: HashMap::new(),
            streams: HashMap::new(),
            tcp,
            handed_over: Vec::new(),
            passed: Passed::default(),
            queued: 0,
            outs,
            dirty: Vec::new(),
            to_media: media.0.iter().map(|_| Vec::new()).collect(),
            media,
            public,
            rules: AddressRules::new(allowed.clone()),
            allowed,
            own: Vec::new(),
            listed: None,
            next_number: 0,
            asked_at: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        }
    }

    /// Looks at the machine's addresses again when what is known of them is old.
    pub(super) fn refresh(&mut self, now: Now) {
        if self.listed.is_some_and(|at| now.saturating_sub(at) < LIST_AGE) {
            return;
        }
        self.listed = Some(now);
        match interface_addresses() {
            Ok(listed) => self.own = listed,
            // Those of before are better than none: who is not known to be this machine may be reached.
            Err(error) => warn!(%error, "the machine's addresses cannot be listed"),
        }
    }

    /// Sends what waits.
    pub(super) fn flush(&mut self) {
        self.queued = 0;
        for ((_, link), datagrams) in self.media.0.iter().zip(&mut self.to_media) {
            if !datagrams.is_empty() {
                self.passed.media_full += link.hand_over(datagrams);
            }
        }
        for (index, (socket, out)) in self.sockets.iter().zip(&mut self.outs).enumerate() {
            self.passed.not_sent += out.send(&self.poller, socket, Token::Socket(index));
        }
        for relay in self.dirty.drain(..) {
            if let Some(relay) = self.relays.get_mut(&relay) {
                let token = Token::Connection(relay.number);
                self.passed.not_sent += relay.out.send(&self.poller, &relay.socket, token);
            }
        }
    }

    /// A relay's socket has room again.
    pub(super) fn resume(&mut self, number: u64) {
        self.dirty.extend(self.numbers.get(&number));
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.public.contains(&address) || self.own.contains(&address)
    }

    /// Whether any port at `address` may be reached. At an address of this machine, also a public one, that takes more
    /// than being public: what listens here may trust whoever comes from here.
    fn permits(&self, address: IpAddr) -> bool {
        // Without a list of its own addresses the relay cannot tell this machine from others.
        if self.own.is_empty() {
            return false;
        }
        if self.is_own(meant(address)) {
            return self.allowed.iter().any(|network| network.contains(meant(address)));
        }
        self.rules.permits(address)
    }

    fn bind(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        let options = UdpOptions { buffer_bytes: RELAY_BUFFER_BYTES };
        let socket = BatchSocket::bind(address, options).ok()?;
        let local = socket.local();
        let number = self.next_number;
        let relay = outside(&self.public, local);
        // Two local addresses may have the same number, and are one address behind a NAT.
        if self.relays.contains_key(&relay) {
            return None;
        }
        self.poller.add(&socket, Token::Connection(number), Interest::Read).ok()?;
        self.next_number += 1;
        self.numbers.insert(number, relay);
        let opened = RelaySocket { socket, out: Out::default(), number };
        self.relays.insert(relay, opened);
        Some(relay)
    }

    fn bind_any(&mut self, ip: IpAddr) -> Option<SocketAddr> {
        (0..CLASHES_MAX).find_map(|_| self.bind(SocketAddr::new(ip, 0)))
    }

    fn bind_even(&mut self, ip: IpAddr, wants_next: bool) -> Option<Opened> {
        for _ in 0..TRIES_MAX {
            let relay = self.bind_any(ip)?;
            if relay.port().is_multiple_of(2) {
                if !wants_next {
                    return Some(Opened { relay, next: None });
                }
                let next = relay.port().checked_add(1);
                if let Some(next) = next.and_then(|port| self.bind(SocketAddr::new(ip, port))) {
                    return Some(Opened { relay, next: Some(next) });
                }
            }
            self.close_relay(Protocol::Udp, relay);
        }
        None
    }
}

/// Where datagrams for an address end up: IPv4 may be written inside IPv6 (RFC 4291 §2.5.5.2, RFC 6052 §2.1).
fn meant(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::from([a, b, c, d])
        }
        other => other,
    }
}

/// How clients and peers know an address of this machine.
fn outside(public: &[IpAddr], local: SocketAddr) -> SocketAddr {
    let family = |ip: &&IpAddr| ip.is_ipv4() == local.is_ipv4();
    let ip = public.iter().find(family).copied().unwrap_or(local.ip());
    SocketAddr::new(ip, local.port())
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
            let has_room = is_answer || stream.capacity() > OUT_ANSWERS;
            if !has_room || stream.try_send(ToStream::Frame(bytes)).is_err() {
                self.passed.not_sent += 1;
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
            self.queued += 1;
            self.outs[index].batch.push(Some(tuple.server.ip()), tuple.client, bytes);
        }
    }

    fn to_peer(&mut self, relay: SocketAddr, peer: SocketAddr, bytes: &[u8]) {
        let handed = || Handed { from: relay, to: peer, bytes: bytes.to_vec() };
        if self.relays.contains_key(&peer) {
            if self.handed_over.len() < WAITING_MAX {
                self.passed.to_relays += 1;
                self.handed_over.push(handed());
            } else {
                self.passed.not_sent += 1;
            }
            return;
        }
        if let Some(index) = self.media.index(peer.port())
            && self.is_own(peer.ip())
        {
            self.passed.to_media += 1;
            self.queued += 1;
            self.to_media[index].push(handed());
            return;
        }
        let is_permitted = self.permits(peer.ip());
        let Some(socket) = self.relays.get_mut(&relay).filter(|_| is_permitted) else {
            self.passed.not_sent += 1;
            return;
        };
        if socket.out.batch.is_empty() {
            self.dirty.push(relay);
        }
        self.queued += 1;
        socket.out.batch.push(None, peer, bytes.to_vec());
        if socket.out.batch.len() > WAITING_MAX {
            self.passed.not_sent += socket.out.batch.shed(WAITING_MAX / 2) as u64;
        }
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        self.is_own(address) || self.permits(address)
    }

    fn open_relay(&mut self, family: Family, protocol: Protocol, wish: PortWish) -> Option<Opened> {
        let asked_at = self.asked_at;
        let is_of = |ip: &IpAddr| Family::of(*ip) == family && !ip.is_unspecified();
        let is_reachable = |ip: &&IpAddr| is_of(ip) && !ip.is_loopback();
        let ip = Some(asked_at).filter(is_of);
        let ip = ip.or_else(|| self.own.iter().find(is_reachable).copied())?;
        if protocol == Protocol::Tcp {
            let public = &self.public;
            let opened = self.tcp.open(SocketAddr::new(ip, 0), |local| outside(public, local));
            return opened.ok().map(|relay| Opened { relay, next: None });
        }
        match wish {
            PortWish::Any => self.bind_any(ip).map(|relay| Opened { relay, next: None }),
            PortWish::Even => self.bind_even(ip, false),
            PortWish::EvenAndNext => self.bind_even(ip, true),
        }
    }

    fn close_relay(&mut self, protocol: Protocol, relay: SocketAddr) {
        if protocol == Protocol::Tcp {
            self.tcp.close(&relay);
        } else if let Some(closed) = self.relays.remove(&relay) {
            self.numbers.remove(&closed.number);
        }
    }

    /// Our own addresses have no media for connections, so only another relay of ours is reached there.
    fn may_connect(&self, peer: SocketAddr) -> bool {
        self.tcp.has(&peer) || self.permits(peer.ip())
    }

    fn connect(&mut self, id: ConnectionId, relay: SocketAddr, peer: SocketAddr) {
        self.tcp.connect(id, relay, peer);
    }

    fn join(&mut self, id: ConnectionId, tuple: &FiveTuple) {
        let Some(joined) = self.tcp.join(id) else { return self.tcp.lose(id) };
        if let Some(stream) = self.streams.get(tuple) {
            // What is not taken ends, and tells so.
            let _ = stream.try_send(ToStream::Join(Box::new(joined)));
        }
    }

    fn disconnect(&mut self, id: ConnectionId) {
        self.tcp.disconnect(id);
    }
}
