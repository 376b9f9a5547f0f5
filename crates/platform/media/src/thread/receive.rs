//! From sockets and connections to clients.

use std::net::SocketAddr;

use tracing::warn;
use trunkline_net::udp::{ReceiveBatch, Received};
use trunkline_sfu::{Datagram, Now, PeerError, PeerKey};

use super::demux::{self, RELAY, Route, Stray};
use super::peers::{Ended, PeerEntry};
use super::wires::Arrival;
use super::{BATCH_MESSAGES, Due, MediaThread, after};
use crate::event::Path;
use crate::tcp::{ACCEPT_PAUSE, Accepted, FIRST_FRAME, Got, READ_BYTES};

/// Batches read of one socket before others have their turn: some milliseconds of work.
const BATCHES_PER_ROUND: usize = 8;
/// Datagrams of the relay taken before sockets have their turn again: as many as of a socket.
const RELAYED_PER_ROUND: usize = BATCHES_PER_ROUND * BATCH_MESSAGES;
/// Connections accepted before sockets have their turn again.
const ACCEPTS_PER_ROUND: usize = 32;

impl MediaThread {
    /// Takes what a socket has.
    pub(super) fn read_socket(&mut self, index: usize, batch: &mut ReceiveBatch, now: Now) {
        for _ in 0..BATCHES_PER_ROUND {
            let count = self.wires.receive(index, batch);
            for datagram in batch.datagrams().take_while(|_| count > 0) {
                self.received += 1;
                self.take_datagram(index, datagram, now);
            }
            if count == 0 {
                return;
            }
            self.settle(now);
            self.wires.flush();
            if count < BATCH_MESSAGES {
                return;
            }
        }
    }

    /// Takes what clients of the relay have sent.
    pub(super) fn take_relayed(&mut self, now: Now) {
        for handed in self.link.take_relayed(RELAYED_PER_ROUND) {
            self.received += 1;
            let destination = handed.to.ip();
            let datagram = Received { source: handed.from, destination, bytes: &handed.bytes };
            self.take_datagram(RELAY, datagram, now);
        }
    }

    fn take_datagram(&mut self, index: usize, datagram: Received<'_>, now: Now) {
        let Received { source, destination, bytes } = datagram;
        match self.demux.find(source, bytes, now) {
            Ok(key) => {
                let arrival = Arrival { source, socket: index, local: destination };
                let Some(outside) = self.wires.outside(&arrival) else { return };
                if self.deliver(key, &arrival, outside, Path::Udp, bytes, now) && demux::is_stun(bytes) {
                    self.learn_address(key, &arrival, outside);
                }
            }
            Err(stray) => self.drop_one(stray.name()),
        }
    }

    /// Gives a datagram to its client. Whether it was taken.
    fn deliver(
        &mut self,
        key: PeerKey,
        arrival: &Arrival,
        outside: SocketAddr,
        path: Path,
        bytes: &[u8],
        now: Now,
    ) -> bool {
        let Some(transport) = self.peers.get_mut(&key).and_then(PeerEntry::transport) else { return false };
        let datagram =
            Datagram { is_tcp: path == Path::Tcp, source: arrival.source, destination: outside, bytes };
        let drained = match transport.with(|peer| peer.handle_datagram(datagram, now)) {
            Ok(Ok(())) => {
                transport.path = Some(path);
                transport.drain(&mut self.wires, &self.demux, Some(arrival), &mut self.gathered, now)
            }
            Ok(Err(PeerError::Dropped(reason))) => {
                transport.dropped += 1;
                self.drop_one(reason.name());
                return false;
            }
            Ok(Err(_)) => Err(Ended("failed")),
            Err(ended) => Err(ended),
        };
        match drained {
            Ok(due) => {
                self.timers.set(Due::Peer(key), after(due, now));
                true
            }
            Err(ended) => {
                self.end_peer(key, Some(ended), now);
                false
            }
        }
    }

    /// Notes the address of a check, if ICE has found the client behind it.
    fn learn_address(&mut self, key: PeerKey, arrival: &Arrival, outside: SocketAddr) {
        let route = Route { peer: key, socket: arrival.socket, local: arrival.local };
        if self.demux.route(arrival.source) == Some(route) {
            return;
        }
        let Some(transport) = self.peers.get_mut(&key).and_then(PeerEntry::transport) else { return };
        let source = arrival.source;
        if transport.with(|peer| peer.accepts_address(source, outside)) == Ok(true) {
            self.demux.add_address(source, route);
            if let Some(oldest) = transport.remember(source) {
                self.demux.remove_address(oldest, key);
            }
        }
    }

    /// Accepts connections.
    pub(super) fn accept(&mut self, index: usize, now: Now) {
        for _ in 0..ACCEPTS_PER_ROUND {
            match self.wires.accept(index) {
                Ok(Accepted::Connection(id)) => self.timers.set(Due::Connection(id), now + FIRST_FRAME),
                Ok(Accepted::Refused) => self.drop_one("tcp_refused"),
                Ok(Accepted::None) => return,
                Err(error) => {
                    warn!(%error, "media takes no new TCP connections for a second");
                    self.wires.set_listening(false);
                    self.timers.set(Due::Accept, now + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    /// Takes what a connection has.
    pub(super) fn read_connection(&mut self, id: u64, now: Now) {
        let mut room = [0; READ_BYTES];
        let Some(connection) = self.wires.connections.get_mut(id) else { return };
        let count = match connection.read(&mut room) {
            Got::Bytes(count) => count,
            Got::Nothing => return,
            Got::End => return self.wires.connections.remove(id),
        };
        // Out of the connection while its frames are given away, which may end the connection.
        let mut reader = std::mem::take(&mut connection.reader);
        reader.push(&room[..count]);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    self.received += 1;
                    if let Err(stray) = self.take_frame(id, frame, now) {
                        self.drop_one(stray.name());
                        // Whoever knows no name of ours has no business here.
                        self.wires.connections.remove_stranger(id);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "a TCP connection for media ends");
                    return self.wires.connections.remove(id);
                }
            }
        }
        if let Some(connection) = self.wires.connections.get_mut(id) {
            connection.reader = reader;
        }
    }

    fn take_frame(&mut self, id: u64, frame: &[u8], now: Now) -> Result<(), Stray> {
        let Some(connection) = self.wires.connections.get_mut(id) else { return Ok(()) };
        let (source, outside, is_validated) =
            (connection.source, connection.outside, connection.is_validated);
        let arrival = Arrival { source, socket: 0, local: connection.local.ip() };
        let is_check = demux::is_stun(frame);
        let key = match connection.owner {
            Some(owner) if is_check || demux::is_media(frame) && is_validated => owner,
            Some(_) if demux::is_media(frame) => return Err(Stray::UnknownAddress),
            None if is_check => {
                let key = self.demux.find_by_name(frame)?;
                self.wires.connections.claim(id, key);
                self.timers.cancel(Due::Connection(id));
                key
            }
            _ => return Err(Stray::Form),
        };
        let is_taken = self.deliver(key, &arrival, outside, Path::Tcp, frame, now);
        if is_taken && is_check && !is_validated {
            let Some(transport) = self.peers.get_mut(&key).and_then(PeerEntry::transport) else {
                return Ok(());
            };
            let is_validated = transport.with(|peer| peer.accepts_address(source, outside)) == Ok(true);
            if let Some(connection) = self.wires.connections.get_mut(id) {
                connection.is_validated = is_validated;
            }
        }
        Ok(())
    }
}
