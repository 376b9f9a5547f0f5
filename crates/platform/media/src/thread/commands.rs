//! What owners of rooms ask for.

use std::sync::Arc;

use tokio::sync::mpsc;
use trunkline_sfu::{
    Codec, CodecSet, Credentials, Lines, Now, Peer, PeerConfig, PeerKey, PeerLimits, Policy, Room,
    RoomLimits, Sources,
};

use super::guard::guard;
use super::loops::LoopQueue;
use super::peers::{Kind, PANICKED, PeerEntry, Place, Transport};
use super::rooms::RoomEntry;
use super::{Due, MediaThread, after};
use crate::error::MediaError;
use crate::event::{PeerId, RoomEvent};
use crate::handle::{Answer, Offer};
use crate::queue::{Command, Reply, RoomCommand, RoomKey};

/// Letters and digits of which the words of ICE are made: five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// 80 bits: nobody finds a client by trying.
const UFRAG_LETTERS: usize = 16;
/// 160 bits, more than the 128 of RFC 8445 §5.3.
const PASSWORD_LETTERS: usize = 32;

impl MediaThread {
    pub(super) fn handle_command(&mut self, command: Command, now: Now) {
        let key = command.room;
        match command.what {
            RoomCommand::Open { name, events } => self.open_room(key, name, events),
            RoomCommand::Close => self.close_room(key, now),
            RoomCommand::Join { peer, offer, reply } => self.join(key, peer, &offer, reply, now),
            RoomCommand::Renew { peer, offer, reply } => self.renew(key, peer, &offer, reply, now),
            RoomCommand::Leave { peer } => self.leave(key, peer, now),
            RoomCommand::Loop { peer, delay } => {
                let loop_key = self.next_key();
                let queue = Kind::Loop(LoopQueue::new(loop_key, delay));
                let lines = Lines { audio: 1, video: 0, receives: CodecSet::EMPTY.with(Codec::Opus) };
                self.enter(key, peer, loop_key, queue, lines, now);
                self.change(key, now, |entry| {
                    entry.set_policy(peer, Policy { is_heard: true, hears: true, ..Policy::default() }, now);
                    entry.set_sources(peer, Sources { audio: true, ..Sources::default() }, now);
                });
            }
            RoomCommand::Policy { peer, policy } => {
                self.change(key, now, |room| room.set_policy(peer, policy, now));
            }
            RoomCommand::Sources { peer, sources } => {
                self.change(key, now, |room| room.set_sources(peer, sources, now));
            }
            RoomCommand::Wants { peer, wants, shown_max } => {
                self.change(key, now, |room| room.set_wants(peer, wants, shown_max, now));
            }
            RoomCommand::Order { order } => self.change(key, now, |room| room.set_order(order, now)),
        }
    }

    fn open_room(&mut self, key: RoomKey, name: String, events: mpsc::Sender<RoomEvent>) {
        let mut seed = [0; 8];
        self.shared.entropy.fill(&mut seed);
        let room = Room::new(RoomLimits::default(), u64::from_be_bytes(seed));
        self.rooms.insert(key, RoomEntry::new(name, room, events));
        self.metrics.rooms.inc();
    }

    fn change(&mut self, key: RoomKey, now: Now, work: impl FnOnce(&mut RoomEntry)) {
        self.with_room(key, now, work);
        self.touched.insert(key);
    }

    fn leave(&mut self, room: RoomKey, id: PeerId, now: Now) {
        if let Some(key) = self.rooms.get(&room).and_then(|entry| entry.peers.get(&id)).copied() {
            self.end_peer(key, None, now);
        }
        self.change(room, now, |entry| entry.forget(id));
    }

    fn join(&mut self, room: RoomKey, id: PeerId, offer: &Offer, reply: Reply, now: Now) {
        // Nobody waits for it any more.
        if reply.is_closed() {
            return;
        }
        // The other end may have gone meanwhile; its room then closes or it leaves.
        let _ = reply.send(self.try_join(room, id, offer, now));
    }

    fn try_join(&mut self, room: RoomKey, id: PeerId, offer: &Offer, now: Now) -> Result<Answer, MediaError> {
        let entry = self.rooms.get(&room).ok_or(MediaError::Stopped)?;
        let old = entry.peers.get(&id).and_then(|key| self.peers.get(key));
        let is_again = old.is_some_and(|old| matches!(old.kind, Kind::Transport(_)));
        let place = self.shared.places.take(is_again)?;
        let key = self.next_key();
        let mut transport = self.new_transport(key, place, now)?;
        let accepted = self.accept_offer(&mut transport, offer, now)?;
        transport.ufrag.clone_from(&accepted.ufrag);
        let due = transport
            .drain(&mut self.wires, &self.demux, None, &mut self.gathered, now)
            .map_err(|_| MediaError::Stopped)?;
        self.demux.add_ufrag(accepted.ufrag, key);
        self.timers.set(Due::Peer(key), after(due, now));
        self.enter(room, id, key, Kind::Transport(Box::new(transport)), accepted.lines, now);
        Ok(Answer { sdp: accepted.answer, epoch: accepted.epoch })
    }

    fn new_transport(&mut self, key: PeerKey, place: Place, now: Now) -> Result<Transport, MediaError> {
        let config = PeerConfig {
            key,
            certificate: Arc::clone(&self.shared.certificate),
            candidates: self.wires.addresses.candidates(now),
            origin: self.origin,
            limits: PeerLimits::default(),
        };
        let peer = guard(|| Peer::new(&config, now)).map_err(|_| {
            self.metrics.panics.inc();
            MediaError::Stopped
        })?;
        Ok(Transport::new(peer, key, now, place))
    }

    fn renew(&mut self, room: RoomKey, id: PeerId, offer: &Offer, reply: Reply, now: Now) {
        let _ = reply.send(self.try_renew(room, id, offer, now));
    }

    fn try_renew(
        &mut self,
        room: RoomKey,
        id: PeerId,
        offer: &Offer,
        now: Now,
    ) -> Result<Answer, MediaError> {
        let entry = self.rooms.get(&room).ok_or(MediaError::Stopped)?;
        let key = *entry.peers.get(&id).ok_or(MediaError::UnknownPeer)?;
        // Out of the table meanwhile, so that the rest of the thread is at hand.
        let mut peer = self.peers.remove(&key).ok_or(MediaError::UnknownPeer)?;
        let accepted = match peer.transport() {
            Some(transport) => self.accept_offer(transport, offer, now),
            None => Err(MediaError::UnknownPeer),
        };
        if let (Some(transport), Ok(accepted)) = (peer.transport(), &accepted)
            && transport.ufrag != accepted.ufrag
        {
            self.demux.remove_ufrag(&transport.ufrag);
            self.demux.add_ufrag(accepted.ufrag.clone(), key);
            transport.ufrag.clone_from(&accepted.ufrag);
        }
        self.peers.insert(key, peer);
        // In any case: the refused offer may have let time pass, or ended the transport.
        self.tick(key, now);
        let accepted = accepted?;
        self.change(room, now, |entry| entry.room.set_lines(key, accepted.lines, now));
        Ok(Answer { sdp: accepted.answer, epoch: accepted.epoch })
    }

    fn accept_offer(
        &mut self,
        transport: &mut Transport,
        offer: &Offer,
        now: Now,
    ) -> Result<trunkline_sfu::Accepted, MediaError> {
        let credentials =
            Credentials { ufrag: self.draw(UFRAG_LETTERS), password: self.draw(PASSWORD_LETTERS) };
        let offer = trunkline_sfu::Offer { sdp: &offer.sdp, mids: &offer.mids, credentials };
        match transport.with(|peer| peer.accept(offer, now)) {
            Ok(accepted) => Ok(accepted?),
            Err(ended) => {
                debug_assert_eq!(ended, PANICKED, "nothing else ends a call");
                self.metrics.panics.inc();
                Err(MediaError::Stopped)
            }
        }
    }

    /// Puts a client into its room, in the place of the one with the same number.
    fn enter(&mut self, room: RoomKey, id: PeerId, key: PeerKey, kind: Kind, lines: Lines, now: Now) {
        if !self.rooms.contains_key(&room) {
            return;
        }
        self.peers.insert(key, PeerEntry { room, id, kind });
        self.metrics.peers.inc();
        let replaced = self.with_room(room, now, |entry| entry.add(id, key, lines, now)).flatten();
        if let Some(replaced) = replaced {
            self.end_peer(replaced, None, now);
        }
        self.touched.insert(room);
    }

    fn next_key(&mut self) -> PeerKey {
        self.next_peer += 1;
        PeerKey(self.next_peer)
    }

    fn draw(&self, letters: usize) -> String {
        let mut bytes = vec![0; letters];
        self.shared.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
    }
}
