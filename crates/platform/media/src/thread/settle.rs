//! What follows from what came: rooms decide, clients are written to, owners are told.

use std::sync::Arc;

use trunkline_sfu::{Now, PeerEvent, PeerKey, RoomOutput, SlotState};

use super::guard::{drop_guarded, guard};
use super::peers::{Ended, Kind, PeerEntry};
use super::rooms::RoomEntry;
use super::{Due, MediaThread, OUTLET_PAUSE, after};
use crate::event::{NamedSlot, NamedSource, Path, RoomEvent};
use crate::queue::RoomKey;

/// A packet makes a write, the write a datagram: done after two. An event may make a request first.
const ROUNDS_MAX: usize = 8;

impl MediaThread {
    /// Works until nothing follows any more.
    pub(super) fn settle(&mut self, now: Now) {
        for _ in 0..ROUNDS_MAX {
            if !self.is_unsettled() {
                return;
            }
            self.forward(now);
            self.handle_events(now);
            self.take_outputs(now);
            self.drain_dirty(now);
        }
    }

    pub(super) fn is_unsettled(&self) -> bool {
        !(self.gathered.packets.is_empty()
            && self.gathered.events.is_empty()
            && self.touched.is_empty()
            && self.dirty.is_empty())
    }

    /// Packets through their rooms to their receivers.
    fn forward(&mut self, now: Now) {
        let mut forwards = std::mem::take(&mut self.forwards);
        let mut packets = std::mem::take(&mut self.gathered.packets);
        for packet in packets.drain(..) {
            let Some(room) = self.peers.get(&packet.source.peer).map(|entry| entry.room) else { continue };
            self.with_room(room, now, |entry| entry.room.handle_packet(&packet, &mut forwards));
            self.touched.insert(room);
        }
        self.gathered.packets = packets;
        for forward in forwards.drain(..) {
            let key = forward.to;
            match self.peers.get_mut(&key).map(|entry| &mut entry.kind) {
                Some(Kind::Transport(transport)) => {
                    // A panic shows when it is drained.
                    let _ = transport.with(|peer| peer.write(forward));
                    self.dirty.push(key);
                }
                Some(Kind::Loop(queue)) => {
                    queue.hear(forward, now);
                    self.timers.set(Due::Peer(key), queue.due());
                }
                None => {}
            }
        }
        self.forwards = forwards;
    }

    fn handle_events(&mut self, now: Now) {
        for (key, event) in std::mem::take(&mut self.gathered.events) {
            let Some(entry) = self.peers.get_mut(&key) else { continue };
            let (room, peer) = (entry.room, entry.id);
            let Some(transport) = entry.transport() else { continue };
            match event {
                PeerEvent::Up => {
                    let path = transport.path.unwrap_or(Path::Udp);
                    self.tell(room, RoomEvent::Up { peer, path }, now);
                }
                PeerEvent::Lost => self.tell(room, RoomEvent::Lost { peer }, now),
                PeerEvent::Back => self.tell(room, RoomEvent::Back { peer }, now),
                PeerEvent::KeyframeRequest(slot) => {
                    self.with_room(room, now, |entry| entry.room.handle_keyframe_request(key, slot, now));
                    self.touched.insert(room);
                }
                PeerEvent::Estimate { bps, .. } => {
                    let round_trip = transport.with(|peer| peer.round_trip()).ok().flatten();
                    self.with_room(room, now, |entry| {
                        entry.room.handle_estimate(key, bps, now);
                        if let Some(round_trip) = round_trip {
                            entry.room.handle_round_trip(key, round_trip);
                        }
                    });
                    self.touched.insert(room);
                }
                PeerEvent::DataOpen { is_reliable } => transport.set_data_open(is_reliable, true),
                PeerEvent::DataClosed { is_reliable } => transport.set_data_open(is_reliable, false),
                PeerEvent::Data { is_reliable, message } => {
                    let handle =
                        |entry: &mut RoomEntry| entry.room.handle_data(key, is_reliable, &message, now);
                    if let Some(Err(_)) = self.with_room(room, now, handle) {
                        self.drop_one("data");
                    }
                    self.touched.insert(room);
                }
                PeerEvent::Closed => self.end_peer(key, Some(Ended("closed by the client")), now),
            }
        }
    }

    fn take_outputs(&mut self, now: Now) {
        while let Some(key) = self.touched.pop_first() {
            while let Some(Some(output)) = self.with_room(key, now, |entry| entry.room.poll_output()) {
                self.handle_output(key, output, now);
            }
            if let Some(entry) = self.rooms.get(&key) {
                self.timers.set(Due::Room(key), after(entry.room.poll_timeout().unwrap_or(Now::MAX), now));
            }
        }
    }

    fn handle_output(&mut self, room: RoomKey, output: RoomOutput, now: Now) {
        match output {
            RoomOutput::RequestKeyframe { source, layer } => {
                let round_trip = self.write(source.peer, |peer| {
                    peer.request_keyframe(source.kind, layer);
                    peer.round_trip()
                });
                // Of who gets no pictures there are no estimates to learn it with.
                if let Some(round_trip) = round_trip.flatten() {
                    self.with_room(room, now, |entry| entry.room.handle_round_trip(source.peer, round_trip));
                }
            }
            RoomOutput::SetBitrate { peer, minimum_bps, desired_bps } => {
                self.write(peer, |peer| peer.set_bitrate(minimum_bps, desired_bps));
            }
            RoomOutput::Stalled { peer } => {
                self.write(peer, |peer| peer.close_data(true));
            }
            RoomOutput::SendData { to, is_reliable, message } => {
                self.send_data(room, to, is_reliable, message, now);
            }
            RoomOutput::Slots { peer, slots } => self.tell_slots(peer, slots, now),
            RoomOutput::NeedLines { peer, audio, video } => {
                self.tell_about(peer, now, |peer| RoomEvent::Need { peer, audio, video });
            }
            RoomOutput::Layers { peer, camera, screen } => {
                self.tell_about(peer, now, |peer| RoomEvent::Layers { peer, camera, screen });
            }
            RoomOutput::Speaking { speaking, dominant } => {
                let names = |keys: &[PeerKey]| {
                    keys.iter().filter_map(|key| self.peers.get(key)).map(|entry| entry.id).collect()
                };
                let (speaking, dominant) = (names(&speaking), names(&dominant));
                self.tell(room, RoomEvent::Speaking { speaking, dominant }, now);
            }
        }
    }

    fn send_data(&mut self, room: RoomKey, to: PeerKey, is_reliable: bool, message: Arc<[u8]>, now: Now) {
        let transport = self.peers.get_mut(&to).and_then(PeerEntry::transport);
        // Whoever has no channel, or none yet, takes no part in data.
        if !transport.is_some_and(|transport| transport.is_data_open(is_reliable)) {
            return;
        }
        if self.write(to, |peer| peer.write_data(is_reliable, &message)) == Some(false) {
            if is_reliable {
                self.with_room(room, now, |entry| entry.room.handle_data_full(to, message, now));
            } else {
                self.drop_one("data_full");
            }
        }
    }

    fn tell_slots(&mut self, key: PeerKey, states: Vec<SlotState>, now: Now) {
        let name = |state: SlotState| {
            let source = state.source.and_then(|source| {
                Some(NamedSource { peer: self.peers.get(&source.peer)?.id, kind: source.kind })
            });
            let transport = self.peers.get_mut(&key)?.transport()?;
            let mid = transport.with(|peer| peer.mid_of(state.slot).map(str::to_owned)).ok()??;
            Some(NamedSlot { slot: state.slot, mid, source, phase: state.state })
        };
        let slots = states.into_iter().filter_map(name).collect();
        self.tell_about(key, now, |peer| RoomEvent::Slots { peer, slots });
    }

    /// Tells the owner of the room something about a client with a transport.
    fn tell_about(&mut self, key: PeerKey, now: Now, event: impl FnOnce(crate::PeerId) -> RoomEvent) {
        if let Some(PeerEntry { room, id, kind: Kind::Transport(_) }) = self.peers.get(&key) {
            let (room, id) = (*room, *id);
            self.tell(room, event(id), now);
        }
    }

    /// Tells the owner of a room.
    pub(super) fn tell(&mut self, room: RoomKey, event: RoomEvent, now: Now) {
        let Some(entry) = self.rooms.get_mut(&room) else { return };
        let was_waiting = entry.outlet.is_waiting();
        entry.outlet.send(event);
        // Not moved by later events, which may come faster than the pause lasts.
        if !was_waiting && entry.outlet.is_waiting() {
            self.timers.set(Due::Outlet(room), now + OUTLET_PAUSE);
        }
    }

    /// Changes a client's transport; it is drained later. `None` when there is none.
    pub(super) fn write<T>(
        &mut self,
        key: PeerKey,
        work: impl FnOnce(&mut trunkline_sfu::Peer) -> T,
    ) -> Option<T> {
        let transport = self.peers.get_mut(&key)?.transport()?;
        let result = transport.with(work);
        // Also after a panic: the drain then ends it.
        self.dirty.push(key);
        result.ok()
    }

    fn drain_dirty(&mut self, now: Now) {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        for key in dirty.drain(..) {
            self.tick(key, now);
            self.wires.flush_full();
        }
        self.dirty.append(&mut dirty);
    }

    /// Lets time pass for a client, and gives out what it has.
    pub(super) fn tick(&mut self, key: PeerKey, now: Now) {
        let Some(entry) = self.peers.get_mut(&key) else { return };
        let transport = match &mut entry.kind {
            Kind::Transport(transport) => transport,
            Kind::Loop(queue) => {
                queue.say(now, &mut self.gathered.packets);
                self.timers.set(Due::Peer(key), queue.due());
                return;
            }
        };
        let ticked = match transport.with(|peer| peer.handle_timeout(now)) {
            Ok(Ok(())) => transport.drain(&mut self.wires, &self.demux, None, &mut self.gathered, now),
            Ok(Err(_)) => Err(Ended("failed")),
            Err(ended) => Err(ended),
        };
        match ticked {
            Ok(due) => self.timers.set(Due::Peer(key), after(due, now)),
            Err(ended) => self.end_peer(key, Some(ended), now),
        }
    }

    /// Takes a client out of its room and ends its transport; `failed` tells why when nobody asked for it.
    pub(super) fn end_peer(&mut self, key: PeerKey, failed: Option<Ended>, now: Now) {
        let Some(mut entry) = self.peers.remove(&key) else { return };
        self.metrics.peers.dec();
        self.timers.cancel(Due::Peer(key));
        let (room, peer) = (entry.room, entry.id);
        self.with_room(room, now, |entry| {
            if entry.peers.get(&peer) == Some(&key) {
                entry.remove(peer, now);
            }
        });
        self.touched.insert(room);
        let Some(transport) = entry.transport() else { return };
        if failed.is_none() {
            // The client is told; that it has ended already is no matter.
            let _ = transport.with(trunkline_sfu::Peer::close);
            let _ = transport.drain(&mut self.wires, &self.demux, None, &mut self.gathered, now);
        }
        transport.forget(&mut self.demux);
        self.wires.remove_owned(key);
        let report = Box::new(transport.report(now));
        if let Some(Ended(why)) = failed {
            if failed == Some(super::peers::PANICKED) {
                self.metrics.panics.inc();
            }
            self.tell(room, RoomEvent::Failed { peer, why }, now);
        }
        self.tell(room, RoomEvent::Quality { peer, report }, now);
    }

    /// Works on a room; a panic closes it. `None` when there is none.
    pub(super) fn with_room<T>(
        &mut self,
        key: RoomKey,
        now: Now,
        work: impl FnOnce(&mut RoomEntry) -> T,
    ) -> Option<T> {
        let entry = self.rooms.get_mut(&key)?;
        if let Ok(result) = guard(|| work(entry)) {
            return Some(result);
        }
        tracing::error!(room = entry.name, "a bug in the forwarding of media has ended the media of a call");
        self.metrics.panics.inc();
        self.close_room(key, now);
        None
    }

    /// Ends a room: its clients are told, and its events end.
    pub(super) fn close_room(&mut self, key: RoomKey, now: Now) {
        let Some(entry) = self.rooms.get_mut(&key) else { return };
        // Taken, so that the room itself is not touched any more; the owner still hears how each was.
        for peer in std::mem::take(&mut entry.peers).into_values() {
            self.end_peer(peer, None, now);
        }
        let entry = self.rooms.remove(&key);
        self.metrics.rooms.dec();
        self.link.room_closed();
        self.timers.cancel(Due::Room(key));
        self.timers.cancel(Due::Outlet(key));
        drop_guarded(entry);
    }
}
