//! The relay as a whole: clients with and without credentials, their peers, and time.

mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use trunkline_kernel::Secret;
use trunkline_turn::client::Event;
use trunkline_turn::server::ConnectionId;
use trunkline_turn::stun::{Method, Writer};
use trunkline_turn::{
    Client, Credentials, Family, FiveTuple, Limits, Now, Protocol, Server, ServerConfig, Transport,
};

use crate::input::Input;
use wire::Wire;

const EPOCH_S: u64 = 1_800_000_000;
const LIMITS: Limits = Limits {
    allocations: 3,
    allocations_per_user: 2,
    allocations_per_tenant: 2,
    allocations_per_address: 2,
    bytes_per_second: BYTES_PER_SECOND,
};
const BYTES_PER_SECOND: u32 = 8_000;
const METHODS: [Method; 9] = [
    Method::Binding,
    Method::Allocate,
    Method::Refresh,
    Method::Send,
    Method::Data,
    Method::CreatePermission,
    Method::ChannelBind,
    Method::Connect,
    Method::ConnectionBind,
];
/// Attributes worth trying: those a server reads, one that must be understood and one that need not be.
const KINDS: [u16; 20] = [
    0x0006, 0x0008, 0x000C, 0x000D, 0x0012, 0x0013, 0x0014, 0x0015, 0x0017, 0x0018, 0x0019, 0x001A, 0x001C,
    0x001D, 0x001E, 0x0022, 0x002A, 0x8000, 0x7777, 0x8777,
];

/// The bytes are what clients and peers do, one after the other.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut world = World::new();
    while !input.is_over() {
        world.step(&mut input);
        world.check();
    }
    world.everything_ends();
}

struct Caller {
    client: Client,
    tuple: FiveTuple,
}

struct World {
    server: Server,
    wire: Wire,
    now: Now,
    callers: Vec<Caller>,
    /// The token of the port kept last.
    reservation: [u8; 8],
}

fn secret() -> Secret<Vec<u8>> {
    Secret::new(b"a secret of servers".to_vec())
}

fn tuple(host: u8, port: u16, transport: Transport) -> FiveTuple {
    let address =
        |network, host, port| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, network, host)), port);
    FiveTuple { transport, client: address(2, host, port), server: address(0, 1, 3_478) }
}

fn caller(user: &str, tuple: FiveTuple, is_sha256: bool) -> Caller {
    let credentials = Credentials::issue(&secret(), user, EPOCH_S + 3_600);
    let client = if is_sha256 { Client::with_sha256(credentials) } else { Client::new(credentials) };
    Caller { client, tuple }
}

impl World {
    fn new() -> Self {
        let server = Server::new(ServerConfig {
            realm: "trunkline.test".to_owned(),
            secrets: vec![secret()],
            seed: Secret::new([7; 32]),
            epoch_s: EPOCH_S,
            families: vec![Family::V4, Family::V6],
            limits: LIMITS,
            is_tcp_on: true,
        });
        let callers = vec![
            caller("a.alice", tuple(1, 1_001, Transport::Udp), false),
            caller("a.alice", tuple(1, 1_002, Transport::Stream), true),
            caller("a.anton", tuple(2, 1_003, Transport::Stream), false),
            caller("b.berta", tuple(2, 1_004, Transport::Udp), true),
        ];
        Self {
            server,
            wire: Wire::new(LIMITS.bytes_per_second),
            now: Now::ZERO,
            callers,
            reservation: [0; 8],
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let who = usize::from(input.below(4));
        match input.below(14) {
            0 => {
                let bytes = input.bytes();
                self.say(self.callers[who].tuple, bytes);
            }
            1 => self.ask(who, |client| client.request(Method::Allocate, |writer| writer.transport(17))),
            2 => self.ask(who, Client::allocate_tcp),
            3 => {
                let (first, second) = (peer(input), peer(input));
                self.ask(who, |client| client.permit(&[first, second]));
            }
            4 => {
                let (number, peer) = (0x4000 + u16::from(input.below(40)), peer(input));
                self.ask(who, |client| client.bind(number, peer));
            }
            5 => {
                let data = vec![7; usize::from(input.short())];
                let bytes = Client::channel_data(0x4000 + u16::from(input.below(40)), &data);
                self.say(self.callers[who].tuple, &bytes);
            }
            6 => {
                let (peer, data) = (peer(input), input.bytes());
                let bytes = self.callers[who].client.send(peer, data);
                self.say(self.callers[who].tuple, &bytes);
            }
            7 => self.receive(input),
            8 => self.wait(Now::from_millis(u64::from(input.short()) * 50)),
            9 => self.server.handle_closed(&self.callers[who].tuple, &mut self.wire),
            10 => self.server.end_user(["a.alice", "a.anton", "b.berta"][who % 3], &mut self.wire),
            11 => self.peers_connect(input),
            12 => self.spoil(who, input),
            _ => {
                let (method, more) = (METHODS[usize::from(input.below(9))], input.bytes());
                let token = self.reservation;
                self.ask(who, |client| client.request(method, |writer| attributes(writer, more, token)));
            }
        }
        self.answer_connections(input);
    }

    /// A request, and again when the server asks for credentials.
    fn ask(&mut self, who: usize, make: impl Fn(&mut Client) -> Vec<u8>) {
        for _ in 0..2 {
            let bytes = make(&mut self.callers[who].client);
            let tuple = self.callers[who].tuple;
            let answers = self.say(tuple, &bytes);
            let events: Vec<_> =
                answers.iter().map(|answer| self.callers[who].client.handle(answer)).collect();
            for event in &events {
                if let Event::Allocated { reservation: Some(token), .. } = event {
                    self.reservation = *token;
                }
            }
            let challenged = events.contains(&Event::Challenged);
            if !challenged {
                return;
            }
        }
    }

    fn say(&mut self, tuple: FiveTuple, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.wire.now = self.now;
        self.server.handle_client(tuple, bytes, self.now, &mut self.wire);
        let answers = std::mem::take(&mut self.wire.to_clients);
        for (to, answer) in &answers {
            assert!(*to == tuple, "somebody else is answered");
            assert!(
                answer.len() <= bytes.len() + 250,
                "{} bytes answered with {}",
                bytes.len(),
                answer.len()
            );
        }
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// A datagram of a peer.
    fn receive(&mut self, input: &mut Input<'_>) {
        let Some(relay) = self.wire.any_relay(Protocol::Udp, input.byte()) else { return };
        let (from, data) = (peer(input), vec![9; usize::from(input.short())]);
        self.wire.now = self.now;
        self.server.handle_peer(relay, from, &data, self.now, &mut self.wire);
        for (to, sent) in self.wire.to_clients.drain(..) {
            assert!(self.callers.iter().any(|caller| caller.tuple == to), "to a client");
            assert!(sent.len() <= data.len() + 48 && to.transport == Transport::Udp || sent.len() % 4 == 0);
        }
    }

    fn peers_connect(&mut self, input: &mut Input<'_>) {
        let Some(relay) = self.wire.any_relay(Protocol::Tcp, input.byte()) else { return };
        if let Some(id) = self.server.handle_incoming(relay, peer(input), self.now, &mut self.wire) {
            self.wire.connections.push(id);
        }
        self.wire.to_clients.clear();
    }

    /// Connections that were asked for are made or not, and some end.
    fn answer_connections(&mut self, input: &mut Input<'_>) {
        while let Some(id) = self.wire.connecting.pop() {
            self.server.handle_connected(id, input.is_yes(), self.now, &mut self.wire);
        }
        if input.below(16) == 1
            && let Some(id) = self.wire.connections.pop()
        {
            self.server.handle_disconnected(id);
        }
        self.server.handle_disconnected(ConnectionId(input.word()));
        self.wire.to_clients.clear();
    }

    /// A good request with one bit turned over, or from somebody else's address.
    fn spoil(&mut self, who: usize, input: &mut Input<'_>) {
        let mut bytes = self.callers[who].client.refresh(u32::from(input.short()));
        let from = if input.is_yes() { who } else { (who + 1) % self.callers.len() };
        let place = usize::from(input.short()) % (bytes.len() * 8);
        bytes[place / 8] ^= 1 << (place % 8);
        self.say(self.callers[from].tuple, &bytes);
    }

    fn wait(&mut self, time: Now) {
        self.now += time;
        self.wire.now = self.now;
        self.server.handle_timeout(self.now, &mut self.wire);
        self.wire.to_clients.clear();
    }

    fn check(&self) {
        let statistics = self.server.statistics();
        assert!(statistics.allocations <= u64::from(LIMITS.allocations), "{statistics:?}");
        assert!(statistics.connections <= statistics.allocations * 32, "{statistics:?}");
        let is_idle = statistics.allocations == 0 && self.wire.is_empty();
        assert!(is_idle || self.server.poll_timeout().is_some(), "what is there is put away in time");
    }

    /// Nothing outlives its time, and all that was taken is given back.
    fn everything_ends(&mut self) {
        for _ in 0..4 {
            self.wait(Now::from_hours(1));
        }
        let statistics = self.server.statistics();
        assert_eq!((statistics.allocations, statistics.connections), (0, 0));
        assert!(self.wire.is_empty(), "every port is free again");
        assert_eq!(self.server.poll_timeout(), None, "and nothing is left to do");
        let credentials = Credentials::issue(&secret(), "a.alice", EPOCH_S + self.now.as_secs() + 3_600);
        for (index, port) in (2_001..2_003).enumerate() {
            self.callers[index] =
                Caller { client: Client::new(credentials.clone()), tuple: tuple(1, port, Transport::Udp) };
            self.ask(index, Client::allocate);
        }
        assert_eq!(self.server.statistics().allocations, 2, "the quota is whole again");
    }
}

/// Any of some peers; the first may not be reached.
fn peer(input: &mut Input<'_>) -> SocketAddr {
    let ip = match input.below(6) {
        0 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        1 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)),
        2 => IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
        _ => IpAddr::V4(Ipv4Addr::new(203, 0, 113, input.below(80))),
    };
    SocketAddr::new(ip, input.short())
}

/// Attributes, each a place in [`KINDS`], and a value behind its length.
fn attributes(mut writer: Writer, more: &[u8], token: [u8; 8]) -> Writer {
    let mut more = Input::new(more);
    for _ in 0..8 {
        if more.is_over() {
            break;
        }
        let kind = KINDS[usize::from(more.byte()) % KINDS.len()];
        writer = match (kind, more.below(3)) {
            (0x0012, 0 | 1) => writer.peer(peer(&mut more)),
            (0x0019, 0) => writer.transport(17),
            (0x0019, 1) => writer.transport(6),
            (0x000D, 0) => writer.lifetime(0),
            (0x0022, 0) => writer.reservation(token),
            _ => writer.attribute(kind, more.bytes()),
        };
    }
    writer
}
