//! Clients of the relay on a real plane: no socket is between the relay and the media thread.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use trunkline_kernel::{Clock, Secret, SystemClock, SystemEntropy};
use trunkline_sfu::Now;
use trunkline_tasks::Tasks;
use trunkline_turn::client::Event;
use trunkline_turn::stun::Method;
use trunkline_turn::{Client, Limits};

use super::client::TestClient;
use super::world::{World, id};
use crate::relay::{Relay, RelayConfig, RelayMetrics};
use crate::{Path, RoomEvent};

const CHANNEL: u16 = 0x4000;
const PATIENCE: Duration = Duration::from_secs(20);

/// A client's way through the relay to one media port.
pub(super) struct Relayed {
    pub(super) socket: UdpSocket,
    turn: Client,
    media: SocketAddr,
}

impl Relayed {
    /// Allocates and binds a channel; gives the relayed address as well.
    fn open(relay: &Relay, media: SocketAddr) -> (Self, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        socket.connect(relay.addresses()[0]).expect("it has an address");
        socket.set_read_timeout(Some(PATIENCE)).expect("it can wait");
        let expires = u64::try_from(SystemClock.now().as_seconds()).expect("after 1970") + 600;
        let turn = Client::new(relay.handle().issue("a.alice", expires));
        let mut relayed = Self { socket, turn, media };
        assert_eq!(relayed.ask(Client::allocate), Event::Challenged);
        let Event::Allocated { relays, .. } = relayed.ask(Client::allocate) else { panic!("no relay") };
        let bound = relayed.ask(|turn| turn.bind(CHANNEL, media));
        assert_eq!(bound, Event::Done(Method::ChannelBind));
        relayed.socket.set_nonblocking(true).expect("sockets can be nonblocking");
        (relayed, relays[0])
    }

    fn ask(&mut self, make: impl FnOnce(&mut Client) -> Vec<u8>) -> Event {
        self.socket.send(&make(&mut self.turn)).expect("loopback takes it");
        let mut room = [0; 2_000];
        let count = self.socket.recv(&mut room).expect("answered in time");
        self.turn.handle(&room[..count])
    }

    pub(super) fn send(&self, destination: SocketAddr, bytes: &[u8]) {
        assert_eq!(destination, self.media, "the answer tells of one address");
        self.socket.send(&Client::channel_data(CHANNEL, bytes)).expect("loopback takes it");
    }

    /// What came from the media port.
    pub(super) fn open_frame(&mut self, bytes: &[u8]) -> (SocketAddr, Vec<u8>) {
        match self.turn.handle(bytes) {
            Event::Channel(CHANNEL, data) => (self.media, data),
            other => panic!("{other:?}"),
        }
    }
}

fn start(world: &World, metrics: &RelayMetrics) -> Relay {
    let config = RelayConfig {
        listen: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        port: 0,
        realm: "trunkline.test".to_owned(),
        secret: Secret::new(b"secret".to_vec()),
        media: world.plane.as_ref().expect("it runs").ports(),
        public: Vec::new(),
        allowed: Vec::new(),
        is_tcp_on: false,
        limits: Limits::default(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let _entered = world.enter();
    Relay::start(config, &clock, &SystemEntropy, &Tasks::new(), metrics.clone()).expect("it starts")
}

/// The sum of a metric's values.
fn sum(metrics: &RelayMetrics, name: &str) -> u64 {
    let mut registry = Registry::default();
    metrics.register_in(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("it is text");
    let value = |line: &str| line.rsplit_once(' ').and_then(|(_, value)| value.parse::<u64>().ok());
    text.lines().filter(|line| line.starts_with(name)).filter_map(value).sum()
}

fn relayed(relay: &Relay, world: &World, (origin, now): (Instant, Now)) -> TestClient {
    let (way, address) = Relayed::open(relay, world.server);
    TestClient::relayed(way, address, origin, now)
}

#[test]
fn a_client_of_the_relay_speaks_and_hears_without_a_socket_in_between() {
    let mut world = World::new();
    let metrics = RelayMetrics::default();
    let relay = start(&world, &metrics);
    let near = world.connect();
    let client = relayed(&relay, &world, (world.origin, world.now()));
    let far = world.connect_client(client);
    let is_up =
        |event: &RoomEvent| matches!(event, RoomEvent::Up { peer, path: Path::Udp } if *peer == id(far));
    assert!(world.has_event(is_up));
    world.speak_until(far, "the other one hears the client of the relay", |world| {
        world.clients[near].heard().count() >= 20
    });
    world.speak_until(near, "the client of the relay hears the other one", |world| {
        world.clients[far].heard().count() >= 20
    });
    relay.stop(PATIENCE);
    let to_peers = sum(&metrics, "trunkline_relay_datagrams_total{to=\"peer\"}");
    assert!(to_peers >= 20);
    let to_media = sum(&metrics, "trunkline_relay_handed_over_datagrams_total{to=\"media\"}");
    assert_eq!(to_media, to_peers, "all that went to peers went to the media thread");
    let to_clients = sum(&metrics, "trunkline_relay_datagrams_total{to=\"client\"}");
    let from_media = sum(&metrics, "trunkline_relay_handed_over_datagrams_total{to=\"client\"}");
    assert!(to_clients >= 20);
    assert_eq!(from_media, to_clients);
    assert_eq!(sum(&metrics, "trunkline_relay_dropped_datagrams_total"), 0);
    assert_eq!(sum(&metrics, "trunkline_relay_allocations"), 0, "none is left");
}

#[test]
fn what_a_client_of_the_relay_sends_without_ice_is_dropped() {
    let mut world = World::new();
    let metrics = RelayMetrics::default();
    let relay = start(&world, &metrics);
    let (way, _) = Relayed::open(&relay, world.server);
    let cases: [&[u8]; 4] = [&[128, 111, 0, 1], &[22, 254, 253], &[255; 40], &[0; 40]];
    for noise in cases {
        way.send(world.server, noise);
    }
    world.until("the media thread has seen them", |world| {
        world.metrics.drops("unknown_address") == 2 && world.metrics.drops("form") == 2
    });
    assert_eq!(world.metrics.sent.get(), 0, "and answers nothing");
    relay.stop(PATIENCE);
    assert_eq!(sum(&metrics, "trunkline_relay_datagrams_total{to=\"client\"}"), 0);
}
