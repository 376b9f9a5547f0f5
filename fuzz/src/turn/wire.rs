//! The relay's way out, which looks at everything that leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use trunkline_turn::server::{ConnectionId, Opened, PortWish, Protocol};
use trunkline_turn::{Family, FiveTuple, Now, Outlet};

/// Ports there are: few, so that they run out.
const PORTS: u16 = 12;

/// What is open, and what left.
pub(super) struct Wire {
    pub(super) to_clients: Vec<(FiveTuple, Vec<u8>)>,
    /// Asked for, and not answered yet.
    pub(super) connecting: Vec<ConnectionId>,
    pub(super) connections: Vec<ConnectionId>,
    pub(super) now: Now,
    bytes_per_second: u32,
    /// Whether over TCP, and where: a port may be open for both.
    open: BTreeSet<(bool, SocketAddr)>,
    /// When each of UDP was opened, and how many bytes left it.
    sent: BTreeMap<SocketAddr, (Now, usize)>,
}

impl Wire {
    pub(super) fn new(bytes_per_second: u32) -> Self {
        Self {
            to_clients: Vec::new(),
            connecting: Vec::new(),
            connections: Vec::new(),
            now: Now::ZERO,
            bytes_per_second,
            open: BTreeSet::new(),
            sent: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn any_relay(&self, protocol: Protocol, index: u8) -> Option<SocketAddr> {
        let is_its = |open: &&(bool, SocketAddr)| open.0 == is_tcp(protocol);
        let relays: Vec<_> = self.open.iter().filter(is_its).map(|(_, relay)| *relay).collect();
        relays.get(usize::from(index) % relays.len().max(1)).copied()
    }

    fn take(&mut self, family: Family, protocol: Protocol, fits: impl Fn(u16) -> bool) -> Option<SocketAddr> {
        let ip = match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        };
        let ports = (50_000..50_000 + PORTS).filter(|port| fits(*port));
        let mut relays = ports.map(|port| SocketAddr::new(ip, port));
        let relay = relays.find(|relay| !self.open.contains(&(is_tcp(protocol), *relay)))?;
        self.open.insert((is_tcp(protocol), relay));
        if protocol == Protocol::Udp {
            self.sent.insert(relay, (self.now, 0));
        }
        Some(relay)
    }
}

fn is_tcp(protocol: Protocol) -> bool {
    protocol == Protocol::Tcp
}

impl Outlet for Wire {
    fn to_client(&mut self, tuple: &FiveTuple, parts: &[&[u8]]) {
        self.to_clients.push((*tuple, parts.concat()));
    }

    fn to_peer(&mut self, relay: SocketAddr, peer: SocketAddr, bytes: &[u8]) {
        assert!(self.open.contains(&(false, relay)), "{relay} is closed");
        assert!(self.may_reach(peer.ip()), "{peer} may not be reached");
        let (since, sent) = self.sent.get_mut(&relay).expect("it was opened");
        *sent += bytes.len();
        let elapsed = self.now.saturating_sub(*since) + Now::from_millis(251);
        let most = u128::from(self.bytes_per_second) * elapsed.as_millis() / 1_000;
        assert!(*sent as u128 <= most, "{sent} bytes left {relay} within {elapsed:?}");
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        !address.to_canonical().is_loopback()
    }

    fn open_relay(&mut self, family: Family, protocol: Protocol, wish: PortWish) -> Option<Opened> {
        match wish {
            PortWish::Any => self.take(family, protocol, |_| true).map(|relay| Opened { relay, next: None }),
            PortWish::Even => {
                self.take(family, protocol, |port| port % 2 == 0).map(|relay| Opened { relay, next: None })
            }
            PortWish::EvenAndNext => {
                let relay = self.take(family, protocol, |port| port % 2 == 0)?;
                let next = self.take(family, protocol, |port| port == relay.port() + 1);
                if next.is_none() {
                    self.close_relay(protocol, relay);
                }
                next.map(|next| Opened { relay, next: Some(next) })
            }
        }
    }

    fn close_relay(&mut self, protocol: Protocol, relay: SocketAddr) {
        assert!(self.open.remove(&(is_tcp(protocol), relay)), "{relay} was not open");
        if protocol == Protocol::Udp {
            self.sent.remove(&relay);
        }
    }

    fn may_connect(&self, peer: SocketAddr) -> bool {
        self.may_reach(peer.ip())
    }

    fn connect(&mut self, id: ConnectionId, relay: SocketAddr, peer: SocketAddr) {
        assert!(self.open.contains(&(true, relay)), "{relay} is closed");
        assert!(self.may_connect(peer), "{peer} may not be reached");
        assert!(!self.connecting.contains(&id), "an id of its own");
        self.connecting.push(id);
        self.connections.push(id);
    }

    fn join(&mut self, id: ConnectionId, _: &FiveTuple) {
        assert!(self.connections.contains(&id), "it is there");
    }

    fn disconnect(&mut self, id: ConnectionId) {
        self.connections.retain(|other| *other != id);
    }
}
