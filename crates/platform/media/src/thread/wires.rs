//! The way out: sockets and connections of one thread.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use trunkline_net::udp::{BatchSocket, ReceiveBatch, SendBatch};
use trunkline_sfu::{PeerKey, Transmission};

use super::demux::{Demux, RELAY};
use crate::addresses::Addresses;
use crate::poller::{Interest, Poller, Token};
use crate::queue::ThreadLink;
use crate::relay::mailbox::Handed;
use crate::tcp::{Accepted, Connections};

/// Messages that wait for a socket whose buffer is full: a third of a second of a busy thread. Then the oldest video
/// is dropped.
const WAITING_MAX: usize = 2_048;

/// Messages that fill a call to the system. They leave at once, so that the first of many receivers does not wait for
/// the packets of the last.
const CALL_MESSAGES: usize = 64;

/// Where a datagram came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arrival {
    pub(super) source: SocketAddr,
    /// The UDP socket; 0 for a TCP connection, [`RELAY`] for a client of the relay.
    pub(super) socket: usize,
    /// The address of ours it came to.
    pub(super) local: IpAddr,
}

struct Wire {
    socket: BatchSocket,
    waiting: SendBatch,
    is_write_watched: bool,
}

/// All sockets and connections of a thread.
pub(super) struct Wires {
    pub(super) poller: Poller,
    pub(super) addresses: Addresses,
    pub(super) connections: Connections,
    sockets: Vec<Wire>,
    /// Knows the way to the relay.
    link: Arc<ThreadLink>,
    /// To clients of the relay.
    relayed: Vec<Handed>,
    /// Datagrams sent since this was last taken.
    sent: u64,
    /// Datagrams that could not be sent since this was last taken.
    dropped: u64,
}

impl Wires {
    pub(super) fn new(
        poller: Poller,
        sockets: Vec<BatchSocket>,
        connections: Connections,
        addresses: Addresses,
        link: Arc<ThreadLink>,
    ) -> io::Result<Self> {
        for (index, socket) in sockets.iter().enumerate() {
            poller.add(socket, Token::Socket(index), Interest::Read)?;
        }
        connections.watch(&poller)?;
        let wire = |socket| Wire { socket, waiting: SendBatch::new(), is_write_watched: false };
        let sockets = sockets.into_iter().map(wire).collect();
        Ok(Self { poller, addresses, connections, sockets, link, relayed: Vec::new(), sent: 0, dropped: 0 })
    }

    /// Reads what a socket has. Returns how many messages came.
    pub(super) fn receive(&self, index: usize, batch: &mut ReceiveBatch) -> usize {
        let Some(wire) = self.sockets.get(index) else { return 0 };
        // An error tells of an earlier datagram that some network refused: nothing was read, nothing is to be done.
        wire.socket.receive(batch).unwrap_or(0)
    }

    /// What a client calls the address of ours to which its datagram came.
    pub(super) fn outside(&self, arrival: &Arrival) -> Option<SocketAddr> {
        // All sockets of a thread have one port number, and the relay hands over what was sent to it.
        let socket = if arrival.socket == RELAY { 0 } else { arrival.socket };
        let port = self.sockets.get(socket)?.socket.local().port();
        Some(self.addresses.outside(SocketAddr::new(arrival.local, port)))
    }

    /// Takes a datagram to be sent. `arrival` is the one that it answers.
    pub(super) fn send(&mut self, transmission: Transmission, arrival: Option<&Arrival>, demux: &Demux) {
        let Transmission { is_tcp, source, destination, bytes } = transmission;
        if is_tcp {
            let is_taken = self.connections.push(source, destination, &bytes);
            *if is_taken { &mut self.sent } else { &mut self.dropped } += 1;
            return;
        }
        if let Some(local) = relayed(destination, arrival, demux) {
            // Behind a NAT, the address that this client uses; else the one that the answer is from.
            let from = if self.addresses.is_translated() { local } else { source.ip() };
            let from = SocketAddr::new(from, source.port());
            self.relayed.push(Handed { from, to: destination, bytes });
            return;
        }
        let Some((index, from)) = self.way_out(source, destination, arrival, demux) else {
            self.dropped += 1;
            return;
        };
        let wire = &mut self.sockets[index];
        // A socket bound to one address sends from there anyway.
        let from = from.filter(|_| wire.socket.local().ip().is_unspecified());
        wire.waiting.push(from, destination, bytes);
    }

    /// Hands everything to the system, as far as it takes it.
    pub(super) fn flush(&mut self) {
        self.flush_relayed();
        for index in 0..self.sockets.len() {
            self.flush_socket(index);
        }
        self.connections.flush(&self.poller);
    }

    /// Hands over what is for clients of the relay.
    fn flush_relayed(&mut self) {
        let count = self.relayed.len() as u64;
        if count == 0 {
            return;
        }
        let dropped = match self.link.relay() {
            Some(relay) => relay.hand_over(&mut self.relayed),
            None => self.relayed.drain(..).count() as u64,
        };
        self.dropped += dropped;
        self.sent += count - dropped;
    }

    /// Hands over what fills a call; not to a socket that is known to take nothing.
    pub(super) fn flush_full(&mut self) {
        for index in 0..self.sockets.len() {
            let wire = &self.sockets[index];
            if wire.waiting.len() >= CALL_MESSAGES && !wire.is_write_watched {
                self.flush_socket(index);
            }
        }
    }

    /// Hands over what waits for one socket.
    pub(super) fn flush_socket(&mut self, index: usize) {
        let Some(wire) = self.sockets.get_mut(index) else { return };
        if !wire.waiting.is_empty() {
            let result = wire.socket.send(&mut wire.waiting);
            self.sent += result.sent as u64;
            self.dropped += (result.dropped + wire.waiting.shed(WAITING_MAX)) as u64;
        }
        let is_waiting = !wire.waiting.is_empty();
        if is_waiting != wire.is_write_watched {
            wire.is_write_watched = is_waiting;
            self.poller.set(&wire.socket, Token::Socket(index), Interest::with_write(is_waiting));
        }
    }

    /// Writes what waits for one connection.
    pub(super) fn flush_connection(&mut self, id: u64) {
        self.connections.flush_one(id, &self.poller);
    }

    /// Accepts one connection.
    pub(super) fn accept(&mut self, index: usize) -> io::Result<Accepted> {
        self.connections.accept(index, &self.poller, |local| self.addresses.outside(local))
    }

    /// Lets the listeners rest or work.
    pub(super) fn set_listening(&self, is_listening: bool) {
        self.connections.set_listening(&self.poller, is_listening);
    }

    /// Ends the connections of a client.
    pub(super) fn remove_owned(&mut self, owner: PeerKey) {
        self.connections.remove_owned(owner, &self.poller);
    }

    /// Datagrams sent and dropped since the last time.
    pub(super) fn take_counts(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.sent), std::mem::take(&mut self.dropped))
    }

    /// Socket and address to send from.
    fn way_out(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        arrival: Option<&Arrival>,
        demux: &Demux,
    ) -> Option<(usize, Option<IpAddr>)> {
        if !self.addresses.is_translated() {
            let index = self.sockets.iter().position(|wire| {
                let bound = wire.socket.local().ip();
                bound == source.ip() || bound.is_unspecified() && bound.is_ipv4() == source.is_ipv4()
            })?;
            return Some((index, Some(source.ip())));
        }
        // Behind a NAT our address is the one to which this client's datagrams come.
        if let Some(arrival) = arrival.filter(|arrival| arrival.source == destination) {
            return Some((arrival.socket, Some(arrival.local)));
        }
        let route = demux.route(destination)?;
        Some((route.socket, Some(route.local)))
    }
}

/// The address of ours that a client of the relay uses, when `destination` is one of those. `arrival` is the datagram
/// that is being answered: its sender is perhaps not known yet.
fn relayed(destination: SocketAddr, arrival: Option<&Arrival>, demux: &Demux) -> Option<IpAddr> {
    match arrival.filter(|arrival| arrival.source == destination) {
        Some(arrival) => (arrival.socket == RELAY).then_some(arrival.local),
        None => demux.relayed(destination),
    }
}
