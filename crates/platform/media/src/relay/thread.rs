//! The relay's loop.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::error;
use trunkline_kernel::{Clock, Secret};
use trunkline_net::udp::{BatchSocket, ReceiveBatch};
use trunkline_tasks::Tasks;
use trunkline_turn::{Family, FiveTuple, Now, Server, ServerConfig, Statistics, Transport};

use super::RelayConfig;
use super::connections::TcpRelays;
use super::link::{Command, RelayLink};
use super::mailbox::Handed;
use super::metrics::{Passed, RelayMetrics};
use super::network::Network;
use crate::error::MediaError;
use crate::poller::{Interest, Poller, Ready, Token};

/// Reads in one call of the system.
const BATCH_MESSAGES: usize = 32;
/// Rounds for one socket before the others get their turn.
const ROUNDS_MAX: usize = 8;
/// Commands done before sockets have their turn again.
const COMMANDS_PER_ROUND: usize = 1_024;
/// Datagrams of media threads taken before sockets have their turn again.
const HANDED_PER_ROUND: usize = 1_024;
/// Datagrams that wait for the end of a round, at most; beyond it they are sent at once.
const QUEUED_MAX: usize = 256;
/// From the beginning of one round to that of the next, at least. Under load a round then has many datagrams, and a
/// call of the system reads or sends many of them; without load nothing waits, for the round before is long ago.
const ROUND_MIN: Now = Now::from_micros(250);
/// Without anything to do the thread looks up once in that time.
const IDLE: Now = Now::from_secs(1);

pub(super) struct Parts {
    pub(super) config: RelayConfig,
    pub(super) sockets: Vec<BatchSocket>,
    pub(super) link: Arc<RelayLink>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) seed: Secret<[u8; 32]>,
    pub(super) metrics: RelayMetrics,
    pub(super) tasks: Tasks,
}

/// Everything the thread has. No lock: one thread owns it.
pub(super) struct RelayThread {
    server: Server,
    network: Network,
    link: Arc<RelayLink>,
    clock: Arc<dyn Clock>,
    origin: Now,
    batch: ReceiveBatch,
    metrics: RelayMetrics,
    /// What the metrics have.
    counted: (Statistics, Passed),
}

impl RelayThread {
    pub(super) fn new(parts: Parts) -> Result<Self, MediaError> {
        let Parts { config, sockets, link, clock, seed, metrics, tasks } = parts;
        let poller = Poller::new()?;
        poller.add(link.wake_fd(), Token::Wake, Interest::Read)?;
        for (index, socket) in sockets.iter().enumerate() {
            poller.add(socket, Token::Socket(index), Interest::Read)?;
        }
        let server = Server::new(ServerConfig {
            realm: config.realm,
            secrets: vec![config.secret],
            seed,
            epoch_s: u64::try_from(clock.now().as_seconds()).unwrap_or_default(),
            families: vec![Family::V4, Family::V6],
            is_tcp_on: config.is_tcp_on,
            limits: config.limits,
        });
        let surroundings = (Arc::clone(&clock), tasks);
        let bytes_per_second = config.limits.bytes_per_second;
        let tcp = TcpRelays::new(Arc::clone(&link), surroundings, bytes_per_second);
        let network = Network::new(poller, sockets, config.media, (config.public, config.allowed), tcp);
        let origin = clock.monotonic();
        let batch = ReceiveBatch::new(BATCH_MESSAGES);
        let counted = Default::default();
        Ok(Self { server, network, link, clock, origin, batch, metrics, counted })
    }

    pub(super) fn run(mut self) {
        let mut ready = Vec::new();
        let mut began = Now::ZERO;
        while !self.link.is_stopping() {
            let since = self.now().saturating_sub(began);
            if since < ROUND_MIN {
                std::thread::sleep(ROUND_MIN.saturating_sub(since));
            }
            let now = self.now();
            let patience = self.server.poll_timeout().map_or(IDLE, |due| due.saturating_sub(now).min(IDLE));
            if let Err(error) = self.network.poller.wait(&mut ready, Some(patience)) {
                error!(%error, "the relay cannot wait for its sockets; it ends");
                return;
            }
            let now = self.now();
            began = now;
            self.network.refresh(now);
            for one in &ready {
                self.handle(one, now);
            }
            self.server.handle_timeout(now, &mut self.network);
            self.hand_over(now);
            self.network.flush();
            self.count();
        }
    }

    /// Tells what came to the counts in this round.
    fn count(&mut self) {
        let counted = (self.server.statistics(), self.network.passed);
        if counted != self.counted {
            self.metrics.count(&self.counted, &counted);
            self.link.set_statistics(counted.0);
            self.counted = counted;
        }
    }

    fn now(&self) -> Now {
        self.clock.monotonic().saturating_sub(self.origin)
    }

    fn handle(&mut self, ready: &Ready, now: Now) {
        if let Token::Connection(number) = ready.token
            && ready.is_writable
        {
            self.network.resume(number);
        }
        match ready.token {
            Token::Wake => {
                self.handle_commands(now);
                self.take_from_media(now);
            }
            Token::Socket(index) if ready.is_readable => self.read_clients(index, now),
            Token::Connection(number) if ready.is_readable => self.read_peers(number, now),
            // Room to write: `flush` uses it.
            _ => {}
        }
    }

    fn handle_commands(&mut self, now: Now) {
        for command in self.link.take(COMMANDS_PER_ROUND) {
            match command {
                Command::Open { tuple, out } => {
                    self.network.streams.insert(tuple, out);
                }
                Command::Frame { tuple, bytes, room } => {
                    self.network.asked_at = tuple.server.ip();
                    self.server.handle_client(tuple, &bytes, now, &mut self.network);
                    drop(room);
                }
                Command::Closed { tuple } => {
                    self.server.handle_closed(&tuple, &mut self.network);
                    self.network.streams.remove(&tuple);
                }
                Command::Connected { id, stream } => {
                    let is_connected = self.network.tcp.connected(id, stream);
                    self.server.handle_connected(id, is_connected, now, &mut self.network);
                }
                Command::Incoming { relay, peer, stream, place } => {
                    let peer = self.network.tcp.known_as(peer);
                    let id = self.server.handle_incoming(relay, peer, now, &mut self.network);
                    if let Some(id) = id {
                        self.network.tcp.accepted(id, &relay, stream);
                    }
                    drop(place);
                }
                Command::Disconnected { id } => {
                    self.network.tcp.disconnect(id);
                    self.server.handle_disconnected(id);
                }
                Command::EndUser(user) => self.server.end_user(&user, &mut self.network),
            }
        }
    }

    fn read_clients(&mut self, index: usize, now: Now) {
        for _ in 0..ROUNDS_MAX {
            let Some(socket) = self.network.sockets.get(index) else { return };
            let port = socket.local().port();
            // An error tells of an earlier datagram that nobody took.
            let count = socket.receive(&mut self.batch).unwrap_or_default();
            for datagram in self.batch.datagrams() {
                let server = SocketAddr::new(datagram.destination, port);
                let tuple = FiveTuple { transport: Transport::Udp, client: datagram.source, server };
                self.network.asked_at = datagram.destination;
                self.server.handle_client(tuple, datagram.bytes, now, &mut self.network);
            }
            self.pass_on(now);
            if count < BATCH_MESSAGES {
                return;
            }
        }
    }

    fn read_peers(&mut self, number: u64, now: Now) {
        let Some(relay) = self.network.numbers.get(&number).copied() else { return };
        for _ in 0..ROUNDS_MAX {
            let Some(opened) = self.network.relays.get(&relay) else { return };
            let count = opened.socket.receive(&mut self.batch).unwrap_or_default();
            for datagram in self.batch.datagrams() {
                self.server.handle_peer(relay, datagram.source, datagram.bytes, now, &mut self.network);
            }
            self.pass_on(now);
            if count < BATCH_MESSAGES {
                return;
            }
        }
    }

    /// Sends only what has become much: at the end of a round that of many relays leaves in few calls of the system.
    fn pass_on(&mut self, now: Now) {
        self.hand_over(now);
        if self.network.queued >= QUEUED_MAX {
            self.network.flush();
        }
    }

    /// What relays of ours sent each other. It goes to clients, so nothing comes after it.
    fn hand_over(&mut self, now: Now) {
        let mut handed_over = std::mem::take(&mut self.network.handed_over);
        for Handed { from, to, bytes } in handed_over.drain(..) {
            self.server.handle_peer(to, from, &bytes, now, &mut self.network);
        }
        // With the room that it has by now.
        self.network.handed_over = handed_over;
    }

    /// What media threads say to clients here.
    fn take_from_media(&mut self, now: Now) {
        for Handed { from, to, bytes } in self.link.take_handed(HANDED_PER_ROUND) {
            self.network.passed.from_media += 1;
            self.server.handle_peer(to, from, &bytes, now, &mut self.network);
        }
    }
}

impl Drop for RelayThread {
    fn drop(&mut self) {
        self.metrics.clear();
    }
}
