//! One media thread: it owns its sockets, its clients and its rooms, and shares nothing with other threads.
//!
//! ```text
//!         ┌──────────────────────────── wait: sockets, commands, timers ◄──────────────────────────┐
//!         ▼                                                                                         │
//!  receive (demux ─► peer) ─► packets, events ─► settle: rooms ─► writes, requests ─► drain peers ─► flush
//! ```

mod commands;
mod demux;
mod guard;
mod loops;
pub(crate) mod peers;
mod receive;
mod rooms;
mod settle;
#[cfg(feature = "testing")]
pub mod testing;
mod timers;
mod wires;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::error;
use trunkline_kernel::{Clock, Entropy};
use trunkline_net::udp::{BatchSocket, ReceiveBatch};
use trunkline_sfu::{Certificate, Forward, Now, PeerKey};

use crate::addresses::Addresses;
use crate::config::MediaConfig;
use crate::metrics::Metrics;
use crate::poller::{Interest, Poller, Ready, Token};
use crate::ports::Ends;
use crate::queue::{RoomKey, ThreadLink};
use crate::tcp::Connections;
use demux::Demux;
use peers::{Gathered, PeerEntry, Places};
use rooms::RoomEntry;
use timers::Timers;
use wires::Wires;

/// Messages read with one call.
const BATCH_MESSAGES: usize = 32;
/// Commands done before sockets have their turn again.
const COMMANDS_PER_ROUND: usize = 256;
/// The least time until something is due again. Who says that it is due at once does so again and again at worst; the
/// others of the thread still have their turn.
const DUE_AGAIN: Duration = Duration::from_millis(1);
/// How often the load is told.
const LOAD_INTERVAL: Duration = Duration::from_secs(1);
/// How long an owner that does not take its events is left alone.
const OUTLET_PAUSE: Duration = Duration::from_millis(20);

/// What all threads of a plane share.
pub(crate) struct Shared {
    pub(crate) config: MediaConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Metrics,
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) places: Arc<Places>,
}

/// What has a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Due {
    Peer(PeerKey),
    Room(RoomKey),
    /// Events that the owner of a room did not take.
    Outlet(RoomKey),
    /// The first frame of a connection.
    Connection(u64),
    /// Listeners work again.
    Accept,
    Load,
}

/// A media thread.
// No lock: one thread owns it.
pub(crate) struct MediaThread {
    link: Arc<ThreadLink>,
    shared: Arc<Shared>,
    /// Those of `shared`.
    metrics: Metrics,
    /// What the clock said at the start; `Now` counts from there.
    started: Duration,
    /// The same instant for the transport library.
    origin: Instant,
    wires: Wires,
    demux: Demux,
    timers: Timers<Due>,
    // Invariant: every client is in its room's list, under its key.
    peers: HashMap<PeerKey, PeerEntry>,
    rooms: HashMap<RoomKey, RoomEntry>,
    next_peer: u64,
    gathered: Gathered,
    forwards: Vec<Forward>,
    /// Clients with something written since their last drain.
    dirty: Vec<PeerKey>,
    /// Rooms that may have something to say.
    touched: BTreeSet<RoomKey>,
    drops: HashMap<&'static str, u64>,
    received: u64,
    sent_since_load: u64,
    sent_per_second: u64,
}

impl MediaThread {
    /// **Errors**: the system refuses to watch the sockets.
    #[expect(
        clippy::disallowed_methods,
        reason = "the transport library wants an instant to count from, any one"
    )]
    pub(crate) fn new(link: Arc<ThreadLink>, ends: Ends, shared: Arc<Shared>) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(link.wake_fd(), Token::Wake, Interest::Read)?;
        let bound: Vec<SocketAddr> = ends.sockets.iter().map(BatchSocket::local).collect();
        let MediaConfig { public, is_loopback_offered, .. } = &shared.config;
        let is_tcp_on = !ends.listeners.is_empty();
        let addresses = Addresses::new(bound, public.clone(), is_tcp_on, *is_loopback_offered);
        let wires =
            Wires::new(poller, ends.sockets, Connections::new(ends.listeners), addresses, Arc::clone(&link))?;
        let mut timers = Timers::default();
        timers.set(Due::Load, LOAD_INTERVAL);
        Ok(Self {
            link,
            started: shared.clock.monotonic(),
            origin: Instant::now(),
            metrics: shared.metrics.clone(),
            shared,
            wires,
            demux: Demux::default(),
            timers,
            peers: HashMap::new(),
            rooms: HashMap::new(),
            next_peer: 0,
            gathered: Gathered::default(),
            forwards: Vec::new(),
            dirty: Vec::new(),
            touched: BTreeSet::new(),
            drops: HashMap::new(),
            received: 0,
            sent_since_load: 0,
            sent_per_second: 0,
        })
    }

    /// Works until it is asked to stop; then ends every transport in order.
    pub(crate) fn run(mut self) {
        let mut batch = ReceiveBatch::new(BATCH_MESSAGES);
        let mut ready = Vec::new();
        while !self.link.is_stopping() {
            let patience = self.patience();
            if let Err(error) = self.wires.poller.wait(&mut ready, patience) {
                error!(%error, "a media thread cannot wait for its sockets and ends");
                break;
            }
            let now = self.now();
            for ready in &ready {
                self.handle_ready(*ready, &mut batch, now);
            }
            self.handle_timers(now);
            self.settle(now);
            self.wires.flush();
            self.count();
        }
        self.finish();
    }

    fn handle_ready(&mut self, ready: Ready, batch: &mut ReceiveBatch, now: Now) {
        match ready.token {
            Token::Wake => {
                let mut commands = VecDeque::new();
                self.link.take(COMMANDS_PER_ROUND, &mut commands);
                for command in commands {
                    self.handle_command(command, now);
                }
                self.take_relayed(now);
            }
            Token::Socket(index) => {
                if ready.is_writable {
                    self.wires.flush_socket(index);
                }
                if ready.is_readable {
                    self.read_socket(index, batch, now);
                }
            }
            Token::Listener(index) => self.accept(index, now),
            Token::Connection(id) => {
                if ready.is_writable {
                    self.wires.flush_connection(id);
                }
                if ready.is_readable {
                    self.read_connection(id, now);
                }
            }
        }
    }

    fn handle_timers(&mut self, now: Now) {
        while let Some(due) = self.timers.pop(now) {
            match due {
                Due::Peer(key) => self.tick(key, now),
                Due::Room(key) => {
                    self.with_room(key, now, |entry| entry.room.handle_timeout(now));
                    self.touched.insert(key);
                }
                Due::Outlet(key) => {
                    if self.rooms.get_mut(&key).is_some_and(|entry| entry.outlet.flush()) {
                        self.timers.set(Due::Outlet(key), now + OUTLET_PAUSE);
                    }
                }
                Due::Connection(id) => self.wires.connections.remove_stranger(id),
                Due::Accept => self.wires.set_listening(true),
                Due::Load => {
                    self.tell_load();
                    self.timers.set(Due::Load, now + LOAD_INTERVAL);
                }
            }
        }
    }

    fn tell_load(&mut self) {
        // Half of the newest second and half of all before: a burst counts for some seconds.
        self.sent_per_second = u64::midpoint(self.sent_per_second, self.sent_since_load);
        self.sent_since_load = 0;
        self.link.set_load(self.sent_per_second, self.peers.len());
    }

    /// Adds what this round counted to the metrics.
    fn count(&mut self) {
        let (sent, dropped) = self.wires.take_counts();
        self.sent_since_load += sent;
        self.metrics.sent.inc_by(sent);
        self.metrics.received.inc_by(std::mem::take(&mut self.received));
        if dropped > 0 {
            self.metrics.count_drops("not_sent", dropped);
        }
        for (why, count) in self.drops.drain() {
            self.metrics.count_drops(why, count);
        }
        let connections = self.wires.connections.take_change();
        self.metrics.connections.inc_by(connections);
    }

    /// Ends what is left: clients are told, owners see the end of their events.
    fn finish(mut self) {
        let now = self.now();
        self.link.close();
        for key in self.rooms.keys().copied().collect::<Vec<_>>() {
            self.close_room(key, now);
        }
        self.wires.flush();
        self.count();
    }

    fn patience(&self) -> Option<Duration> {
        if self.is_unsettled() {
            return Some(Duration::ZERO);
        }
        self.timers.next().map(|at| at.saturating_sub(self.now()))
    }

    fn now(&self) -> Now {
        self.shared.clock.monotonic().saturating_sub(self.started)
    }

    fn drop_one(&mut self, why: &'static str) {
        *self.drops.entry(why).or_default() += 1;
    }
}

/// When something is done that is due at `due`, by somebody who had its turn at `now`.
fn after(due: Now, now: Now) -> Now {
    due.max(now + DUE_AGAIN)
}

impl Drop for MediaThread {
    fn drop(&mut self) {
        // Also after a panic: who asks this thread for something must not wait.
        self.link.close();
        self.metrics.connections.dec_by(self.wires.connections.clear());
        self.metrics.peers.dec_by(i64::try_from(self.peers.len()).unwrap_or(0));
        self.metrics.rooms.dec_by(i64::try_from(self.rooms.len()).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests;
