//! The relay: what clients ask, and what goes between them and their peers (RFC 8656, 6156, 6062).
//!
//! ```text
//!  client ── handle_client ──> [ Server ] ── Outlet::to_peer ──> peer
//!  client <── Outlet::to_client ── [    ] <── handle_peer ──────  peer
//! ```
//!
//! A datagram over a channel costs one look-up of the allocation and a walk over its few channels, and nothing is
//! copied or allocated on its way.

mod allocation;
mod asked;
mod authentication;
mod connections;
mod counts;
mod nonce;
mod quota;
mod requests;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use trunkline_kernel::Secret;

use crate::stun::{Class, Message, Method, TransactionId};
use crate::{Now, channel};
use allocation::Allocation;
pub use allocation::Rate;
use asked::Asked;
use connections::Connection;
use nonce::Nonces;
use quota::{Quotas, Refusals};
use requests::Refusal;

pub(crate) use authentication::{ALGORITHMS, SHA256};
pub use connections::ConnectionId;
pub use counts::{Statistics, Why};
pub(crate) use nonce::COOKIE;

/// Expired permissions, channels and allocations count for nothing at once; this often they are put away.
const SWEEP_EVERY: Now = Now::from_secs(1);

/// With the head of an indication the length must still fit 16 bits.
const DATAGRAM_BYTES_MAX: usize = 65_400;

/// What a datagram counts against a rate beside its bytes: heads of the network's and the work on it. Without them empty
/// ones would be free.
const HEADS_BYTES: usize = 64;

/// How a client reaches the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// TCP, or TLS over it.
    Stream,
}

/// What tells a client's connection from others (RFC 8656 §3.1): the protocol and both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// The protocol.
    pub transport: Transport,
    /// The client's address, as the server sees it.
    pub client: SocketAddr,
    /// The address the client used.
    pub server: SocketAddr,
}

/// How an allocation reaches its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// Connections (RFC 6062).
    Tcp,
}

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Version 4.
    V4,
    /// Version 6.
    V6,
}

impl Family {
    /// The version of `address`.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// From the number in `REQUESTED-ADDRESS-FAMILY`.
    fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V4),
            2 => Some(Self::V6),
            _ => None,
        }
    }
}

/// Which port a relay should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortWish {
    /// Any.
    Any,
    /// An even one.
    Even,
    /// An even one, and the next one kept for later.
    EvenAndNext,
}

/// A relay that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Where peers reach it.
    pub relay: SocketAddr,
    /// The one kept for later, for [`PortWish::EvenAndNext`].
    pub next: Option<SocketAddr>,
}

/// The engine's way out. Two implementations: the relay's thread, and the tests' network.
pub trait Outlet {
    /// Sends one datagram, or bytes of a stream, made of `parts` in this order.
    fn to_client(&mut self, tuple: &FiveTuple, parts: &[&[u8]]);
    /// Sends a datagram from `relay`.
    fn to_peer(&mut self, relay: SocketAddr, peer: SocketAddr, bytes: &[u8]);
    /// Whether clients may have peers at `address`. A relay inside a network must not lead into it.
    fn may_reach(&self, address: IpAddr) -> bool;
    /// Opens a relay; `None` when there is no port. One of TCP listens there, for which [`PortWish::Any`] is wished.
    fn open_relay(&mut self, family: Family, protocol: Protocol, wish: PortWish) -> Option<Opened>;
    /// Closes a relay, one kept for later included.
    fn close_relay(&mut self, protocol: Protocol, relay: SocketAddr);
    /// Whether clients may have a TCP connection to `peer`.
    fn may_connect(&self, peer: SocketAddr) -> bool;
    /// Connects from `relay` to `peer`; [`Server::handle_connected`] tells how it went.
    fn connect(&mut self, id: ConnectionId, relay: SocketAddr, peer: SocketAddr);
    /// From now on the bytes of a client's stream and those of the connection go to each other.
    fn join(&mut self, id: ConnectionId, tuple: &FiveTuple);
    /// Ends a connection, whatever it does.
    fn disconnect(&mut self, id: ConnectionId);
}

/// What nobody gets past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Allocations altogether.
    pub allocations: u32,
    /// Allocations of one user: the text behind the colon of the name.
    pub allocations_per_user: u32,
    /// Allocations of one tenant: that text up to its first dot.
    pub allocations_per_tenant: u32,
    /// Allocations from one address of a client. Many people may share one.
    pub allocations_per_address: u32,
    /// Bytes a second that an allocation may relay each way, a head of 64 for each datagram included; bursts of a quarter
    /// of it. 0: no bound.
    pub bytes_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations: 10_000,
            allocations_per_user: 10,
            allocations_per_tenant: 2_000,
            allocations_per_address: 200,
            bytes_per_second: 1_000_000,
        }
    }
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The realm of the credentials.
    pub realm: String,
    /// Secrets under which credentials were issued; the first that fits counts. Two while one takes over.
    pub secrets: Vec<Secret<Vec<u8>>>,
    /// What nonces and reservations are made from. Drawn at the start.
    pub seed: Secret<[u8; 32]>,
    /// Seconds since the epoch when [`Now`] was zero.
    pub epoch_s: u64,
    /// The IP versions relays can have.
    pub families: Vec<Family>,
    /// Whether clients may have peers over TCP (RFC 6062).
    pub is_tcp_on: bool,
    /// Bounds.
    pub limits: Limits,
}

/// A TURN server without sockets.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    nonces: Nonces,
    allocations: HashMap<FiveTuple, Allocation>,
    // Invariant: exactly the relays of `allocations`, those of UDP and those of TCP. A number may be in both.
    by_relay: HashMap<SocketAddr, FiveTuple>,
    by_tcp_relay: HashMap<SocketAddr, FiveTuple>,
    reservations: Vec<Reservation>,
    // Invariant: each is in the list of its allocation.
    connections: HashMap<ConnectionId, Connection>,
    connections_made: u64,
    quotas: Quotas,
    refusals: Refusals,
    indications: u64,
    next_sweep: Now,
    statistics: Statistics,
}

/// A port kept for whoever brings the token (RFC 8656 §7.2).
#[derive(Clone, Copy, Debug)]
struct Reservation {
    token: [u8; 8],
    relay: SocketAddr,
    expires: Now,
}

impl Server {
    /// A server without allocations.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            nonces: Nonces::new(&config.seed),
            config,
            allocations: HashMap::new(),
            by_relay: HashMap::new(),
            by_tcp_relay: HashMap::new(),
            reservations: Vec::new(),
            connections: HashMap::new(),
            connections_made: 0,
            quotas: Quotas::default(),
            refusals: Refusals::default(),
            indications: 0,
            next_sweep: Now::ZERO,
            statistics: Statistics::default(),
        }
    }

    /// What happened so far.
    pub fn statistics(&self) -> Statistics {
        let allocations = self.allocations.len() as u64;
        let connections = self.connections.len() as u64;
        Statistics { allocations, connections, ..self.statistics }
    }

    /// Replaces the secrets; running allocations go on until they are refreshed.
    pub fn set_secrets(&mut self, secrets: Vec<Secret<Vec<u8>>>) {
        self.config.secrets = secrets;
    }

    /// Takes a datagram of a client, or a frame of its stream (see [`channel::next_frame`]).
    pub fn handle_client(&mut self, tuple: FiveTuple, bytes: &[u8], now: Now, outlet: &mut dyn Outlet) {
        if channel::is_channel_data(bytes) {
            self.handle_channel_data(&tuple, bytes, now, outlet);
            return;
        }
        let Ok(message) = Message::parse(bytes) else {
            self.statistics.malformed += 1;
            return;
        };
        if !message.is_intact() {
            self.statistics.malformed += 1;
            return;
        }
        let asked = Asked::read(&message);
        match (message.class, message.method) {
            (Class::Request, Method::Binding) => self.handle_binding(&tuple, &message, &asked, outlet),
            (Class::Request, Method::Send | Method::Data | Method::ConnectionAttempt) => {
                self.statistics.malformed += 1;
            }
            (Class::Request, _) => self.handle_request(&tuple, &message, &asked, now, outlet),
            (Class::Indication, Method::Send) => self.handle_send(&tuple, &asked, now, outlet),
            // Keep-alives of RFC 8489 §13 and answers to nothing that was asked.
            _ => {}
        }
    }

    /// Takes a datagram that arrived at a relay.
    pub fn handle_peer(
        &mut self,
        relay: SocketAddr,
        from: SocketAddr,
        bytes: &[u8],
        now: Now,
        outlet: &mut dyn Outlet,
    ) {
        let Some(tuple) = self.by_relay.get(&relay) else {
            self.statistics.not_permitted += 1;
            return;
        };
        let allocation = self.allocations.get_mut(tuple).expect("a relay belongs to an allocation");
        if allocation.expires <= now || !allocation.permits(from.ip(), now) {
            self.statistics.not_permitted += 1;
            return;
        }
        if bytes.len() > DATAGRAM_BYTES_MAX {
            self.statistics.malformed += 1;
            return;
        }
        if !allocation.inbound.take(HEADS_BYTES + bytes.len(), now) {
            self.statistics.over_rate += 1;
            return;
        }
        self.statistics.to_clients += 1;
        self.statistics.to_clients_bytes += bytes.len() as u64;
        let padding = &[0; 3][..bytes.len().next_multiple_of(4) - bytes.len()];
        if let Some(number) = allocation.channel_to(from, now) {
            let head = channel::head(number, bytes.len());
            match tuple.transport {
                Transport::Udp => outlet.to_client(tuple, &[&head, bytes]),
                Transport::Stream => outlet.to_client(tuple, &[&head, bytes, padding]),
            }
            return;
        }
        self.indications += 1;
        let mut transaction = [0; 12];
        transaction[4..].copy_from_slice(&self.indications.to_be_bytes());
        let head = crate::stun::data_indication(from, bytes.len(), TransactionId(transaction));
        outlet.to_client(tuple, &[&head, bytes, padding]);
    }

    /// A client's stream ended: its allocation does too (RFC 8656 §7.1).
    pub fn handle_closed(&mut self, tuple: &FiveTuple, outlet: &mut dyn Outlet) {
        self.end(tuple, outlet);
    }

    /// Ends every allocation of a user: the text behind the colon of the name.
    pub fn end_user(&mut self, user: &str, outlet: &mut dyn Outlet) {
        let of =
            |(tuple, allocation): (&FiveTuple, &Allocation)| (allocation.user() == user).then_some(*tuple);
        let tuples: Vec<_> = self.allocations.iter().filter_map(of).collect();
        for tuple in tuples {
            self.end(&tuple, outlet);
        }
    }

    /// Puts away what is over.
    pub fn handle_timeout(&mut self, now: Now, outlet: &mut dyn Outlet) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP_EVERY;
        self.refusals.clear();
        let mut over = Vec::new();
        for (tuple, allocation) in &mut self.allocations {
            allocation.sweep(now);
            if allocation.expires <= now {
                over.push(*tuple);
            }
        }
        for tuple in over {
            self.end(&tuple, outlet);
        }
        self.sweep_connections(now, outlet);
        self.reservations.retain(|reservation| {
            let is_kept = reservation.expires > now;
            if !is_kept {
                outlet.close_relay(Protocol::Udp, reservation.relay);
            }
            is_kept
        });
    }

    /// When [`Server::handle_timeout`] is wanted; `None` while there is nothing to put away.
    pub fn poll_timeout(&self) -> Option<Now> {
        let is_idle = self.allocations.is_empty() && self.reservations.is_empty() && self.refusals.is_empty();
        (!is_idle).then_some(self.next_sweep)
    }

    fn handle_channel_data(&mut self, tuple: &FiveTuple, bytes: &[u8], now: Now, outlet: &mut dyn Outlet) {
        let Some((number, data)) = channel::parse(bytes) else {
            self.statistics.malformed += 1;
            return;
        };
        let allocation = self.allocations.get_mut(tuple).filter(|allocation| allocation.expires > now);
        let bound = allocation.and_then(|allocation| Some((allocation.peer_of(number, now)?, allocation)));
        match bound {
            Some((peer, allocation)) => {
                Self::relay(allocation, peer, data, now, &mut self.statistics, outlet);
            }
            None => self.statistics.not_permitted += 1,
        }
    }

    fn handle_send(&mut self, tuple: &FiveTuple, asked: &Asked<'_>, now: Now, outlet: &mut dyn Outlet) {
        let (Some(&peer), Some(data)) = (asked.peers.first(), asked.data) else {
            self.statistics.malformed += 1;
            return;
        };
        // An indication with anything that must be understood and is not goes nowhere (RFC 8489 §6.3.2), and fragments
        // cannot be forbidden here.
        let is_understood = asked.unknown.is_empty() && !asked.is_malformed && !asked.dont_fragment;
        let allocation = self.allocations.get_mut(tuple).filter(|allocation| allocation.expires > now);
        let may_send = |one: &&mut Allocation| {
            is_understood && one.protocol == Protocol::Udp && one.permits(peer.ip(), now)
        };
        match allocation.filter(may_send) {
            Some(allocation) => Self::relay(allocation, peer, data, now, &mut self.statistics, outlet),
            None => self.statistics.not_permitted += 1,
        }
    }

    fn relay(
        allocation: &mut Allocation,
        peer: SocketAddr,
        data: &[u8],
        now: Now,
        statistics: &mut Statistics,
        outlet: &mut dyn Outlet,
    ) {
        let Some(relay) = allocation.relay_for(peer.ip()) else {
            statistics.not_permitted += 1;
            return;
        };
        if !allocation.outbound.take(HEADS_BYTES + data.len(), now) {
            statistics.over_rate += 1;
            return;
        }
        statistics.to_peers += 1;
        statistics.to_peers_bytes += data.len() as u64;
        outlet.to_peer(relay, peer, data);
    }

    fn by_relays(&mut self, protocol: Protocol) -> &mut HashMap<SocketAddr, FiveTuple> {
        match protocol {
            Protocol::Udp => &mut self.by_relay,
            Protocol::Tcp => &mut self.by_tcp_relay,
        }
    }

    fn end(&mut self, tuple: &FiveTuple, outlet: &mut dyn Outlet) {
        let Some(allocation) = self.allocations.remove(tuple) else { return };
        for id in &allocation.connections {
            self.connections.remove(id);
            self.quotas.give_back_connection(&allocation.username);
            outlet.disconnect(*id);
        }
        for relay in allocation.relays() {
            self.by_relays(allocation.protocol).remove(&relay);
            outlet.close_relay(allocation.protocol, relay);
        }
        self.quotas.give_back(&allocation.username, tuple.client.ip());
    }
}
