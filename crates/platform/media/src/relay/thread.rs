//! The relay's loop.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::error;
use trunkline_kernel::{Clock, Secret};
use trunkline_net::udp::{BatchSocket, ReceiveBatch};
use trunkline_turn::{Family, FiveTuple, Now, Server, ServerConfig, Transport};

use super::RelayConfig;
use super::link::{Command, RelayLink};
use super::network::Network;
use crate::error::MediaError;
use crate::poller::{Interest, Poller, Ready, Token};

/// Reads in one call of the system.
const BATCH_MESSAGES: usize = 32;
/// Rounds for one socket before the others get their turn.
const ROUNDS_MAX: usize = 8;
/// Without anything to do the thread looks up once in that time.
const IDLE: Now = Now::from_secs(1);

pub(super) struct Parts {
    pub(super) config: RelayConfig,
    pub(super) sockets: Vec<BatchSocket>,
    pub(super) link: Arc<RelayLink>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) seed: Secret<[u8; 32]>,
}

/// Everything the thread has. No lock: one thread owns it.
pub(super) struct RelayThread {
    server: Server,
    network: Network,
    link: Arc<RelayLink>,
    clock: Arc<dyn Clock>,
    origin: Now,
    batch: ReceiveBatch,
}

impl RelayThread {
    pub(super) fn new(parts: Parts) -> Result<Self, MediaError> {
        let Parts { config, sockets, link, clock, seed } = parts;
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
            limits: config.limits,
        });
        let network = Network::new(poller, sockets, config.media_ports, config.public, config.allowed);
        let origin = clock.monotonic();
        Ok(Self { server, network, link, clock, origin, batch: ReceiveBatch::new(BATCH_MESSAGES) })
    }

    pub(super) fn run(mut self) {
        let mut ready = Vec::new();
        while !self.link.is_stopping() {
            let now = self.now();
            let patience = self.server.poll_timeout().map_or(IDLE, |due| due.saturating_sub(now).min(IDLE));
            if let Err(error) = self.network.poller.wait(&mut ready, Some(patience)) {
                error!(%error, "the relay cannot wait for its sockets; it ends");
                return;
            }
            let now = self.now();
            self.network.refresh(now);
            for one in &ready {
                self.handle(one, now);
            }
            self.server.handle_timeout(now, &mut self.network);
            self.hand_over(now);
            self.network.flush();
            self.link.set_statistics(self.server.statistics());
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
            Token::Wake => self.handle_commands(now),
            Token::Socket(index) if ready.is_readable => self.read_clients(index, now),
            Token::Connection(number) if ready.is_readable => self.read_peers(number, now),
            // Room to write: `flush` uses it.
            _ => {}
        }
    }

    fn handle_commands(&mut self, now: Now) {
        for command in self.link.take() {
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
                Command::EndUser(user) => self.server.end_user(&user, &mut self.network),
            }
        }
    }

    fn read_clients(&mut self, index: usize, now: Now) {
        for _ in 0..ROUNDS_MAX {
            let Some(socket) = self.network.sockets.get(index) else { return };
            let port = socket.local().port();
            // An error tells of an earlier datagram that nobody took.
            let Ok(1..) = socket.receive(&mut self.batch) else { return };
            for datagram in self.batch.datagrams() {
                let server = SocketAddr::new(datagram.destination, port);
                let tuple = FiveTuple { transport: Transport::Udp, client: datagram.source, server };
                self.network.asked_at = datagram.destination;
                self.server.handle_client(tuple, datagram.bytes, now, &mut self.network);
            }
            self.hand_over(now);
            self.network.flush();
        }
    }

    fn read_peers(&mut self, number: u64, now: Now) {
        let Some(relay) = self.network.numbers.get(&number).copied() else { return };
        for _ in 0..ROUNDS_MAX {
            let Some(opened) = self.network.relays.get(&relay) else { return };
            let Ok(1..) = opened.socket.receive(&mut self.batch) else { return };
            for datagram in self.batch.datagrams() {
                let from = self.network.known_as(&relay, datagram.source);
                self.server.handle_peer(relay, from, datagram.bytes, now, &mut self.network);
            }
            self.hand_over(now);
            self.network.flush();
        }
    }

    /// What relays of ours sent each other. It goes to clients, so nothing comes after it.
    fn hand_over(&mut self, now: Now) {
        while let Some((to, from, bytes)) = self.network.handed_over.pop_front() {
            self.server.handle_peer(to, from, &bytes, now, &mut self.network);
        }
    }
}
