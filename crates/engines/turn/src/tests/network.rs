//! The tests' way out of the engine: everything sent is kept, relays are numbers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use trunkline_kernel::Secret;

use crate::client::Event;
use crate::server::{ConnectionId, Opened, PortWish, Protocol};
use crate::stun::{Attribute, Class, Message, Method};
use crate::{Client, Credentials, Family, FiveTuple, Limits, Now, Outlet, Server, ServerConfig, Transport};

/// The time of day at which every test starts.
pub(super) const EPOCH_S: u64 = 1_800_000_000;
pub(super) const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)), 5_000);
pub(super) const OTHER_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)), 6_000);
pub(super) const PEER_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)), 5_000);

/// What left the engine.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) to_clients: Vec<(FiveTuple, Vec<u8>)>,
    pub(super) to_peers: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    pub(super) open: BTreeSet<SocketAddr>,
    /// Connections asked for: which, from where, to whom.
    pub(super) connecting: Vec<(ConnectionId, SocketAddr, SocketAddr)>,
    pub(super) joined: Vec<(ConnectionId, FiveTuple)>,
    pub(super) disconnected: Vec<ConnectionId>,
    pub(super) is_full: bool,
    ports: u16,
}

impl Outlet for Wire {
    fn to_client(&mut self, tuple: &FiveTuple, parts: &[&[u8]]) {
        self.to_clients.push((*tuple, parts.concat()));
    }

    fn to_peer(&mut self, relay: SocketAddr, peer: SocketAddr, bytes: &[u8]) {
        assert!(self.open.contains(&relay), "{relay} is closed");
        self.to_peers.push((relay, peer, bytes.to_vec()));
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        !address.is_loopback()
    }

    fn may_connect(&self, peer: SocketAddr) -> bool {
        self.may_reach(peer.ip())
    }

    fn connect(&mut self, id: ConnectionId, relay: SocketAddr, peer: SocketAddr) {
        assert!(self.open.contains(&relay), "{relay} is closed");
        self.connecting.push((id, relay, peer));
    }

    fn join(&mut self, id: ConnectionId, tuple: &FiveTuple) {
        self.joined.push((id, *tuple));
    }

    fn disconnect(&mut self, id: ConnectionId) {
        self.disconnected.push(id);
    }

    fn open_relay(&mut self, family: Family, _: Protocol, wish: PortWish) -> Option<Opened> {
        if self.is_full {
            return None;
        }
        let mut at = |port| {
            let ip = match family {
                Family::V4 => IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
                Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
            };
            let relay = SocketAddr::new(ip, port);
            assert!(self.open.insert(relay), "{relay} is taken");
            relay
        };
        // Odd unless something else is wished for.
        self.ports += 4;
        let even = 50_000 + self.ports;
        Some(match wish {
            PortWish::Any => Opened { relay: at(even + 1), next: None },
            PortWish::Even => Opened { relay: at(even), next: None },
            PortWish::EvenAndNext => Opened { relay: at(even), next: Some(at(even + 1)) },
        })
    }

    fn close_relay(&mut self, _: Protocol, relay: SocketAddr) {
        assert!(self.open.remove(&relay), "{relay} was not open");
    }
}

/// A server, its network and the time.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) server: Server,
    pub(super) wire: Wire,
    pub(super) now: Now,
}

pub(super) fn secret() -> Secret<Vec<u8>> {
    Secret::new(b"a secret of servers".to_vec())
}

impl Lab {
    pub(super) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Self {
        Self::start(limits, false)
    }

    /// With TCP to peers.
    pub(super) fn with_tcp() -> Self {
        Self::start(Limits::default(), true)
    }

    fn start(limits: Limits, is_tcp_on: bool) -> Self {
        let server = Server::new(ServerConfig {
            realm: "trunkline.test".to_owned(),
            secrets: vec![secret()],
            seed: Secret::new([7; 32]),
            epoch_s: EPOCH_S,
            families: vec![Family::V4, Family::V6],
            is_tcp_on,
            limits,
        });
        Self { server, wire: Wire::default(), now: Now::from_secs(1_000) }
    }

    /// Hands over bytes of a client and gives what came back to it.
    pub(super) fn say(&mut self, tuple: FiveTuple, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.server.handle_client(tuple, bytes, self.now, &mut self.wire);
        self.wire
            .to_clients
            .drain(..)
            .map(|(to, bytes)| {
                assert_eq!(to, tuple);
                bytes
            })
            .collect()
    }

    /// Hands over a datagram of a peer and gives what reached the client.
    pub(super) fn receive(&mut self, relay: SocketAddr, peer: SocketAddr, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.server.handle_peer(relay, peer, bytes, self.now, &mut self.wire);
        self.wire.to_clients.drain(..).map(|(_, bytes)| bytes).collect()
    }

    pub(super) fn wait(&mut self, time: Now) {
        self.now += time;
        self.server.handle_timeout(self.now, &mut self.wire);
    }
}

/// A client with its connection.
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) tuple: FiveTuple,
}

pub(super) fn tuple(number: u16, transport: Transport) -> FiveTuple {
    FiveTuple {
        transport,
        client: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), number),
        server: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), 3_478),
    }
}

impl Caller {
    /// A client of `user` whose credentials hold for an hour.
    pub(super) fn new(user: &str, number: u16) -> Self {
        let credentials = Credentials::issue(&secret(), user, EPOCH_S + 1_000 + 3_600);
        Self { client: Client::new(credentials), tuple: tuple(number, Transport::Udp) }
    }

    /// A request, answered with the one event it leads to; challenges are met once.
    pub(super) fn ask(&mut self, lab: &mut Lab, make: impl Fn(&mut Client) -> Vec<u8>) -> Event {
        let bytes = make(&mut self.client);
        match self.tell(lab, &bytes) {
            Event::Challenged => {
                let bytes = make(&mut self.client);
                self.tell(lab, &bytes)
            }
            event => event,
        }
    }

    /// Bytes as they are, answered with the one event they lead to.
    pub(super) fn tell(&mut self, lab: &mut Lab, bytes: &[u8]) -> Event {
        let answers = lab.say(self.tuple, bytes);
        assert_eq!(answers.len(), 1, "one answer");
        self.client.handle(&answers[0])
    }

    /// Allocates and gives the relay.
    pub(super) fn allocate(&mut self, lab: &mut Lab) -> SocketAddr {
        match self.ask(lab, Client::allocate) {
            Event::Allocated { relays, lifetime_s: 600, reservation: None } if relays.len() == 1 => relays[0],
            other => panic!("{other:?}"),
        }
    }
}

/// The status and method of an answer.
pub(super) fn refusal(bytes: &[u8]) -> (Method, u16) {
    let message = Message::parse(bytes).expect("a message");
    assert_eq!(message.class, Class::Error);
    let code = message.attributes().find_map(|attribute| match attribute {
        Attribute::Error(error) => Some(error.code),
        _ => None,
    });
    (message.method, code.expect("a status"))
}
