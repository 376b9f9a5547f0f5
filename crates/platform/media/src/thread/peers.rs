//! The clients of a thread.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline_sfu::{Now, Packet, Peer, PeerEvent, PeerKey, PeerSink, Transmission};

use super::demux::Demux;
use super::guard::{drop_guarded, guard};
use super::loops::LoopQueue;
use super::wires::{Arrival, Wires};
use crate::error::MediaError;
use crate::event::{Path, PeerId, QualityReport};
use crate::queue::RoomKey;

/// Addresses of one client that ICE has found: two families on two networks, and twice that while it moves.
const ADDRESSES_MAX: usize = 8;

/// How many clients all threads have, and may have.
pub(crate) struct Places {
    taken: AtomicUsize,
    most: usize,
}

/// The place of one client; given back when dropped.
pub(crate) struct Place(Arc<Places>);

impl Places {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), most })
    }

    /// `is_again`: for a client that gives its old place back at once, and so needs no free one.
    ///
    /// **Errors**: [`MediaError::Full`].
    pub(crate) fn take(self: &Arc<Self>, is_again: bool) -> Result<Place, MediaError> {
        // Made in any case: its destructor gives back what was taken too much.
        let place = Place(Arc::clone(self));
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.most || is_again {
            Ok(place)
        } else {
            Err(MediaError::Full { peers_max: self.most })
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client and the room it is in.
pub(super) struct PeerEntry {
    pub(super) room: RoomKey,
    pub(super) id: PeerId,
    pub(super) kind: Kind,
}

/// How a client takes part.
pub(super) enum Kind {
    /// Over the network.
    Transport(Box<Transport>),
    /// It says again what it heard.
    Loop(LoopQueue),
}

impl PeerEntry {
    pub(super) fn transport(&mut self) -> Option<&mut Transport> {
        match &mut self.kind {
            Kind::Transport(transport) => Some(transport),
            Kind::Loop(_) => None,
        }
    }
}

/// The transport of one client.
pub(super) struct Transport {
    /// `None` after a panic: nothing of it may be used again.
    peer: Option<Peer>,
    key: PeerKey,
    pub(super) ufrag: String,
    // Invariant: at most ADDRESSES_MAX.
    addresses: VecDeque<SocketAddr>,
    /// Over what its last datagram came.
    pub(super) path: Option<Path>,
    since: Now,
    /// Whether its data channels are open: the one without order, and the ordered one.
    data_open: [bool; 2],
    pub(super) dropped: u64,
    _place: Place,
}

/// What a transport's outputs are collected in.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) packets: Vec<Packet>,
    pub(super) events: Vec<(PeerKey, PeerEvent)>,
}

/// The transport has ended; why, for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ended(pub(super) &'static str);

/// Its transport panicked.
pub(super) const PANICKED: Ended = Ended("panicked");

impl Transport {
    pub(super) fn new(peer: Peer, key: PeerKey, now: Now, place: Place) -> Self {
        Self {
            peer: Some(peer),
            key,
            ufrag: String::new(),
            addresses: VecDeque::new(),
            path: None,
            since: now,
            data_open: [false; 2],
            dropped: 0,
            _place: place,
        }
    }

    /// Works on the peer; a panic ends it.
    pub(super) fn with<T>(&mut self, work: impl FnOnce(&mut Peer) -> T) -> Result<T, Ended> {
        let peer = self.peer.as_mut().ok_or(PANICKED)?;
        guard(|| work(peer)).map_err(|_| {
            drop_guarded(self.peer.take());
            PANICKED
        })
    }

    /// Gives out what the peer has. Returns when it is due.
    pub(super) fn drain(
        &mut self,
        wires: &mut Wires,
        demux: &Demux,
        arrival: Option<&Arrival>,
        gathered: &mut Gathered,
        now: Now,
    ) -> Result<Now, Ended> {
        let key = self.key;
        let mut sink = Sink { key, wires, demux, arrival, gathered };
        self.with(|peer| peer.drain(now, &mut sink))?.map_err(|error| {
            tracing::debug!(%error, "a media transport failed");
            Ended("failed")
        })
    }

    pub(super) fn set_data_open(&mut self, is_reliable: bool, is_open: bool) {
        self.data_open[usize::from(is_reliable)] = is_open;
    }

    pub(super) fn is_data_open(&self, is_reliable: bool) -> bool {
        self.data_open[usize::from(is_reliable)]
    }

    /// Notes an address; the oldest one goes when there are too many.
    pub(super) fn remember(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        if self.addresses.contains(&address) {
            return None;
        }
        self.addresses.push_back(address);
        if self.addresses.len() > ADDRESSES_MAX { self.addresses.pop_front() } else { None }
    }

    /// Takes names and addresses of this client out of the tables.
    pub(super) fn forget(&mut self, demux: &mut Demux) {
        demux.remove_ufrag(&self.ufrag);
        for address in self.addresses.drain(..) {
            demux.remove_address(address, self.key);
        }
    }

    /// How it was.
    pub(super) fn report(&mut self, now: Now) -> QualityReport {
        // There is nothing to ask after a panic.
        let stats = self.with(|peer| peer.stats(now)).ok();
        QualityReport {
            lasted: now.saturating_sub(self.since),
            path: self.path,
            dropped: self.dropped,
            stats,
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        drop_guarded(self.peer.take());
    }
}

struct Sink<'a> {
    key: PeerKey,
    wires: &'a mut Wires,
    demux: &'a Demux,
    arrival: Option<&'a Arrival>,
    gathered: &'a mut Gathered,
}

impl PeerSink for Sink<'_> {
    fn transmit(&mut self, transmission: Transmission) {
        self.wires.send(transmission, self.arrival, self.demux);
    }

    fn packet(&mut self, packet: Packet) {
        self.gathered.packets.push(packet);
    }

    fn event(&mut self, event: PeerEvent) {
        self.gathered.events.push((self.key, event));
    }
}
