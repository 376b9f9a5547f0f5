//! A thread without a thread: what bugs of clients and rooms do to it.

use tokio::sync::{mpsc, oneshot};
use trunkline_kernel::{SystemClock, SystemEntropy};
use trunkline_sfu::NamedMids;
use trunkline_sfu::testing::{Client, ClientConfig};

use super::*;
use crate::queue::{Command, RoomCommand};
use crate::{Answer, MediaError, Offer, PeerId, RoomEvent, ports};

const ROOM: RoomKey = RoomKey(1);
const ALICE: PeerId = PeerId(1);
const BOB: PeerId = PeerId(2);

struct World {
    thread: MediaThread,
    events: mpsc::Receiver<RoomEvent>,
}

impl World {
    fn new() -> Self {
        let config = MediaConfig { is_tcp_on: false, ..MediaConfig::loopback() };
        let ends = ports::bind(&config, 0).expect("loopback has free ports");
        let shared = Shared {
            config,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            metrics: Metrics::default(),
            certificate: Arc::new(Certificate::generate().expect("certificates can be made")),
            places: Places::new(10),
        };
        let link = Arc::new(ThreadLink::new().expect("descriptors are free"));
        let thread = MediaThread::new(link, ends, Arc::new(shared)).expect("sockets can be watched");
        let (sender, events) = mpsc::channel(100);
        let mut world = Self { thread, events };
        world.command(RoomCommand::Open { name: "test".to_owned(), events: sender });
        world
    }

    fn command(&mut self, what: RoomCommand) {
        let now = self.thread.now();
        self.thread.handle_command(Command { room: ROOM, what }, now);
        self.thread.settle(now);
    }

    fn join(&mut self, peer: PeerId) -> Result<Answer, MediaError> {
        let config = ClientConfig {
            address: "127.0.0.1:9".parse().expect("an address"),
            is_tcp: false,
            origin: self.thread.origin,
            has_layers: false,
            audio_slots: 1,
            video_slots: 1,
            has_data: false,
        };
        let (_, sdp) = Client::new(config, self.thread.now());
        let (reply, mut answer) = oneshot::channel();
        let offer = Box::new(Offer { sdp, mids: NamedMids::default() });
        self.command(RoomCommand::Join { peer, offer, reply });
        answer.try_recv().expect("it is answered at once")
    }

    fn events(&mut self) -> Vec<RoomEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

#[test]
fn a_bug_in_one_transport_ends_that_one() {
    let mut world = World::new();
    world.join(ALICE).expect("the offer is good");
    world.join(BOB).expect("the offer is good");
    let alice = world.thread.rooms[&ROOM].peers[&ALICE];
    world.events();

    let written = world.thread.write(alice, |_| panic!("a bug"));
    let now = world.thread.now();
    world.thread.settle(now);

    assert_eq!(written, None::<()>);
    let told = world.events();
    let is_failed = |event: &RoomEvent| matches!(event, RoomEvent::Failed { peer: ALICE, why: "panicked" });
    assert!(told.iter().any(is_failed), "{told:?}");
    assert!(told.iter().any(|event| matches!(event, RoomEvent::Quality { peer: ALICE, .. })), "{told:?}");
    assert_eq!(world.thread.peers.len(), 1);
    assert_eq!((world.thread.metrics.panics.get(), world.thread.metrics.peers.get()), (1, 1));
    world.join(ALICE).expect("alice can come again");
}

#[test]
fn a_bug_in_one_room_closes_that_one() {
    let mut world = World::new();
    world.join(ALICE).expect("the offer is good");
    let (sender, _kept) = mpsc::channel(100);
    let other = RoomKey(2);
    let open = RoomCommand::Open { name: "other".to_owned(), events: sender };
    let now = world.thread.now();
    world.thread.handle_command(Command { room: other, what: open }, now);

    let result = world.thread.with_room(ROOM, now, |_| panic!("a bug"));
    world.thread.settle(now);

    assert_eq!(result, None::<()>);
    assert!(world.events().iter().any(|event| matches!(event, RoomEvent::Quality { peer: ALICE, .. })));
    assert!(world.events.is_closed(), "the owner sees the end");
    assert!(matches!(world.join(ALICE), Err(MediaError::Stopped)));
    assert_eq!(world.thread.rooms.keys().collect::<Vec<_>>(), [&other]);
    assert_eq!(world.thread.peers.len(), 0);
    assert_eq!((world.thread.metrics.panics.get(), world.thread.metrics.rooms.get()), (1, 1));
}

#[test]
fn nothing_of_a_client_stays_when_it_has_left() {
    let mut world = World::new();
    let answer = world.join(ALICE).expect("the offer is good");
    let ufrag = answer.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).expect("it has one");
    let thread = &world.thread;
    assert!(format!("{:?}", thread.demux).contains(ufrag));

    world.command(RoomCommand::Leave { peer: ALICE });

    let thread = &world.thread;
    assert!(!format!("{:?}", thread.demux).contains(ufrag));
    assert!(thread.peers.is_empty() && thread.rooms[&ROOM].peers.is_empty());
    assert_eq!(thread.metrics.peers.get(), 0);
}

#[test]
fn a_join_that_nobody_waits_for_is_not_done() {
    let mut world = World::new();
    let (reply, answer) = oneshot::channel();
    drop(answer);
    let offer = Box::new(Offer { sdp: String::new(), mids: NamedMids::default() });
    world.command(RoomCommand::Join { peer: ALICE, offer, reply });
    assert!(world.thread.peers.is_empty());
}

#[test]
fn silence_of_a_client_is_told_to_the_owner() {
    let mut world = World::new();
    world.join(ALICE).expect("the offer is good");
    let alice = world.thread.rooms[&ROOM].peers[&ALICE];
    world.events();
    world.thread.gathered.events.push((alice, trunkline_sfu::PeerEvent::Lost));
    let now = world.thread.now();
    world.thread.settle(now);
    let told = world.events();
    assert!(matches!(told.as_slice(), [RoomEvent::Lost { peer: ALICE }]), "{told:?}");
}

#[test]
fn an_owner_that_is_slow_is_told_soon_however_much_happens() {
    let mut world = World::new();
    let lost = |peer| RoomEvent::Lost { peer: PeerId(peer) };
    let start = world.thread.now();
    for peer in 0..101 {
        world.thread.tell(ROOM, lost(peer), start);
    }
    assert_eq!(world.events().len(), 100, "one did not fit");

    world.thread.tell(ROOM, lost(101), start + OUTLET_PAUSE / 2);
    world.thread.handle_timers(start + OUTLET_PAUSE);

    let told = world.events();
    assert!(matches!(
        told.as_slice(),
        [RoomEvent::Lost { peer: PeerId(100) }, RoomEvent::Lost { peer: PeerId(101) }]
    ));
}

#[test]
fn nobody_is_due_again_at_once() {
    let mut world = World::new();
    world.join(ALICE).expect("the offer is good");
    let alice = world.thread.rooms[&ROOM].peers[&ALICE];
    let mut now = world.thread.now();
    for _ in 0..100 {
        world.thread.tick(alice, now);
        assert_ne!(world.thread.timers.pop(now), Some(Due::Peer(alice)));
        now += DUE_AGAIN;
    }
}
