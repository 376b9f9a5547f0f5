//! A media plane, one room of it, and clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use trunkline_kernel::{Clock, SystemClock, SystemEntropy, Timestamp};
use trunkline_sfu::Now;

use super::client::TestClient;
use crate::{
    Answer, MediaConfig, MediaError, MediaHandle, MediaPlane, Metrics, NamedMids, Offer, PeerId, Policy,
    RoomEvent, RoomHandle,
};

/// How long a test waits for a condition.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often conditions are looked at that no socket tells of.
const LOOK: Duration = Duration::from_millis(10);

/// The machine's clock, which can be put ahead, and be made to fail once.
#[derive(Default)]
pub(super) struct AheadClock {
    ahead_ms: AtomicU64,
    fails: AtomicBool,
}

impl AheadClock {
    pub(super) fn skip(&self, time: Duration) {
        self.ahead_ms.fetch_add(u64::try_from(time.as_millis()).expect("short"), Ordering::SeqCst);
    }
}

impl AheadClock {
    /// The next thread that asks for the time ends by a panic.
    pub(super) fn fail_once(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn monotonic(&self) -> Duration {
        assert!(!self.fails.swap(false, Ordering::SeqCst), "a bug");
        SystemClock.monotonic() + Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }
}

pub(super) struct World {
    pub(super) plane: Option<MediaPlane>,
    pub(super) handle: MediaHandle,
    pub(super) room: Option<RoomHandle>,
    receiver: mpsc::Receiver<RoomEvent>,
    /// What the room told.
    pub(super) events: Vec<RoomEvent>,
    /// The room tells nothing any more.
    pub(super) is_over: bool,
    pub(super) clients: Vec<TestClient>,
    pub(super) metrics: Metrics,
    pub(super) clock: Arc<AheadClock>,
    pub(super) server: SocketAddr,
    runtime: Runtime,
    pub(super) origin: Instant,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    #[expect(clippy::disallowed_methods, reason = "the transport library of the clients counts from it")]
    pub(super) fn with(change: impl FnOnce(&mut MediaConfig)) -> Self {
        let mut config = MediaConfig::loopback();
        change(&mut config);
        let (metrics, clock) = (Metrics::default(), Arc::new(AheadClock::default()));
        let plane_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let plane = MediaPlane::start(config, plane_clock, Arc::new(SystemEntropy), metrics.clone())
            .expect("loopback has free ports");
        let handle = plane.handle();
        let (room, receiver) = handle.open_room("test");
        Self {
            server: plane.addresses()[0],
            plane: Some(plane),
            handle,
            room: Some(room),
            receiver,
            events: Vec::new(),
            is_over: false,
            clients: Vec::new(),
            metrics,
            clock,
            runtime: Builder::new_current_thread().enable_io().build().expect("a runtime starts"),
            origin: Instant::now(),
        }
    }

    pub(super) fn room(&self) -> &RoomHandle {
        self.room.as_ref().expect("the room is open")
    }

    pub(super) fn now(&self) -> Now {
        self.origin.elapsed()
    }

    /// A client over UDP that has joined as number `index + 1` and is connected.
    pub(super) fn connect(&mut self) -> usize {
        let client = TestClient::udp(false, self.origin, self.now());
        self.connect_client(client)
    }

    /// The same with data channels.
    pub(super) fn connect_with_data(&mut self) -> usize {
        let client = TestClient::udp(true, self.origin, self.now());
        self.connect_client(client)
    }

    /// The same over TCP.
    pub(super) fn connect_tcp(&mut self) -> usize {
        let client = TestClient::tcp(self.server, self.origin, self.now());
        self.connect_client(client)
    }

    /// The runtime that tasks hang on; it runs only while something is waited for.
    pub(super) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.runtime.enter()
    }

    pub(super) fn connect_client(&mut self, client: TestClient) -> usize {
        let index = self.clients.len();
        self.clients.push(client);
        self.room().set_policy(id(index), Policy::ALL);
        self.join(index, id(index)).expect("the offer is good");
        self.until("the client is connected", |world| {
            world.clients[index].is_up()
                && world.has_event(|event| matches!(event, RoomEvent::Up { peer, .. } if *peer == id(index)))
        });
        index
    }

    /// A client over UDP that has not joined.
    pub(super) fn add_client(&mut self) -> usize {
        self.clients.push(TestClient::udp(false, self.origin, self.now()));
        self.clients.len() - 1
    }

    /// Joins with the client's first offer.
    pub(super) fn join(&mut self, index: usize, peer: PeerId) -> Result<Answer, MediaError> {
        let offer = offer(&self.clients[index].offer);
        let answer = self.runtime.block_on(self.room().join(peer, offer))?;
        let now = self.now();
        self.clients[index].answer(&answer.sdp, now);
        Ok(answer)
    }

    pub(super) fn renew(&self, peer: PeerId, sdp: &str) -> Result<Answer, MediaError> {
        self.runtime.block_on(self.room().renew(peer, offer(sdp)))
    }

    pub(super) fn join_with(&self, room: &RoomHandle, peer: PeerId, sdp: &str) -> Result<Answer, MediaError> {
        self.runtime.block_on(room.join(peer, offer(sdp)))
    }

    /// Waits for the end of a room's events.
    pub(super) fn wait_for_end(&self, mut events: mpsc::Receiver<RoomEvent>) {
        self.runtime.block_on(async { while events.recv().await.is_some() {} });
    }

    pub(super) fn has_event(&self, is_it: impl Fn(&RoomEvent) -> bool) -> bool {
        self.events.iter().any(is_it)
    }

    /// Lets the clients work until the condition is true.
    pub(super) fn until(&mut self, what: &str, mut is_true: impl FnMut(&mut Self) -> bool) {
        let end = self.now() + PATIENCE;
        loop {
            let now = self.now();
            for client in &mut self.clients {
                client.work(now);
            }
            self.take_events();
            if is_true(self) {
                return;
            }
            assert!(now < end, "never true: {what}; the room told {:#?}", self.events);
            self.wait(now);
        }
    }

    /// Lets client `speaker` speak until the condition is true.
    pub(super) fn speak_until(
        &mut self,
        speaker: usize,
        what: &str,
        mut is_true: impl FnMut(&mut Self) -> bool,
    ) {
        let mut next = self.now();
        self.until(what, |world| {
            let now = world.now();
            if now >= next {
                world.clients[speaker].say(now);
                next = now + Duration::from_millis(20);
            }
            is_true(world)
        });
    }

    fn take_events(&mut self) {
        loop {
            match self.receiver.try_recv() {
                Ok(event) => self.events.push(event),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.is_over = true;
                    return;
                }
            }
        }
    }

    fn wait(&self, now: Now) {
        let due = self.clients.iter().map(|client| client.due().saturating_sub(now)).min();
        let patience = due.unwrap_or(LOOK).clamp(Duration::from_millis(1), LOOK);
        let patience = Timespec::try_from(patience).expect("short");
        let mut sockets: Vec<_> =
            self.clients.iter().map(|client| PollFd::new(client, PollFlags::IN)).collect();
        poll(&mut sockets, Some(&patience)).expect("polling works");
    }
}

/// The number in the call of the client at `index`.
pub(super) fn id(index: usize) -> PeerId {
    PeerId(u32::try_from(index + 1).expect("few clients"))
}

fn offer(sdp: &str) -> Offer {
    Offer { sdp: sdp.to_owned(), mids: NamedMids::default() }
}
