//! A room, its clients and the network between, in steps of a millisecond.

use std::collections::BTreeMap;

use trunkline_sfu::{
    Codec, CodecSet, Forward, Layer, Lines, Marks, Now, Packet, PeerKey, Policy, Room, RoomLimits,
    RoomOutput, Size, SlotKey, SlotState, SourceKey, SourceKind, Sources, Want,
};

use crate::{camera::Camera, chance::Chance, receiver::Received};

pub(crate) const HD: Size = Size { width: 1280, height: 720 };
pub(crate) const SMALL: Size = Size { width: 320, height: 180 };

/// What happens to packets between senders and the room.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Network {
    pub(crate) loss_percent: u64,
    /// Later by up to this much, each for itself: packets overtake each other.
    pub(crate) jitter_ms: u64,
    /// Lost ones come again after this time; `None`: never.
    pub(crate) repair_ms: Option<u64>,
}

pub(crate) struct World {
    pub(crate) room: Room,
    pub(crate) now: Now,
    pub(crate) network: Network,
    pub(crate) chance: Chance,
    cameras: BTreeMap<SourceKey, Camera>,
    microphones: BTreeMap<PeerKey, Microphone>,
    /// Cameras do not hear what they are asked for.
    pub(crate) is_deaf: bool,
    /// Packets of a layer that are still to be held back.
    hold: Option<(SourceKey, Layer, usize)>,
    pub(crate) held: Vec<Packet>,
    /// Packets on their way, by the time they come and the order they were sent in.
    under_way: BTreeMap<(Now, u64), Packet>,
    sent: u64,
    pub(crate) received: BTreeMap<(PeerKey, SlotKey), Received>,
    pub(crate) slots: BTreeMap<PeerKey, Vec<SlotState>>,
    pub(crate) layers: BTreeMap<PeerKey, (u8, bool)>,
    pub(crate) bitrates: BTreeMap<PeerKey, (u64, u64)>,
    /// How often the room was looked at.
    pub(crate) looks: usize,
    /// All outputs with their times.
    pub(crate) outputs: Vec<(Now, RoomOutput)>,
    forwards: Vec<Forward>,
    /// Everything that went out, as text: for comparing runs.
    pub(crate) log: Option<String>,
}

pub(crate) struct Microphone {
    pub(crate) level_dbov: i8,
    sequence: u64,
    timestamp: u32,
    next: Now,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            room: Room::new(RoomLimits::default(), seed),
            now: Now::ZERO,
            network: Network::default(),
            chance: Chance(seed),
            cameras: BTreeMap::new(),
            microphones: BTreeMap::new(),
            is_deaf: false,
            hold: None,
            held: Vec::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            received: BTreeMap::new(),
            slots: BTreeMap::new(),
            layers: BTreeMap::new(),
            bitrates: BTreeMap::new(),
            looks: 0,
            outputs: Vec::new(),
            forwards: Vec::new(),
            log: None,
        }
    }

    /// Somebody with all permissions and codecs.
    pub(crate) fn join(&mut self, peer: u64, audio: u8, video: u8) -> PeerKey {
        let receives: CodecSet = Codec::ALL.into_iter().collect();
        self.join_with(peer, Lines { audio, video, receives })
    }

    pub(crate) fn join_with(&mut self, peer: u64, lines: Lines) -> PeerKey {
        let key = PeerKey(peer);
        let participant = u32::try_from(peer).expect("small numbers in tests");
        self.room.add_peer(key, participant, lines, self.now);
        self.room.set_policy(key, Policy::ALL, self.now);
        key
    }

    /// Turns a camera or a screen on, in as many layers.
    pub(crate) fn show(&mut self, peer: PeerKey, kind: SourceKind, size: Size, layers: usize) {
        let source = SourceKey { peer, kind };
        self.cameras.insert(source, Camera::new(source, size, layers, &mut self.chance));
        self.declare(peer);
    }

    /// Turns a camera or a screen on, in one size of so many bits per second.
    pub(crate) fn show_single(&mut self, peer: PeerKey, kind: SourceKind, size: Size, bps: usize) {
        let source = SourceKey { peer, kind };
        self.cameras.insert(source, Camera::single(source, size, bps, &mut self.chance));
        self.declare(peer);
    }

    pub(crate) fn hide(&mut self, peer: PeerKey, kind: SourceKind) {
        self.cameras.remove(&SourceKey { peer, kind });
        self.declare(peer);
    }

    fn declare(&mut self, peer: PeerKey) {
        let size = |kind| self.cameras.get(&SourceKey { peer, kind }).map(|camera| camera.size);
        let sources = Sources {
            audio: self.microphones.contains_key(&peer),
            camera: size(SourceKind::Camera),
            screen: size(SourceKind::Screen),
        };
        self.room.set_sources(peer, sources, self.now);
    }

    pub(crate) fn camera(&mut self, peer: PeerKey) -> &mut Camera {
        self.cameras.get_mut(&camera(peer)).expect("its camera is on")
    }

    /// Somebody talks, or is silent.
    pub(crate) fn talk(&mut self, peer: PeerKey, level_dbov: i8) {
        let now = self.now;
        let first = self.chance.below(1 << 16);
        let microphone = self.microphones.entry(peer).or_insert_with(|| Microphone {
            level_dbov,
            sequence: first,
            timestamp: 0,
            next: now,
        });
        microphone.level_dbov = level_dbov;
    }

    pub(crate) fn want(&mut self, peer: PeerKey, wants: &[(SourceKey, Size)]) {
        let wants: Vec<Want> =
            wants.iter().map(|(source, size)| Want { source: *source, size: *size, priority: 0 }).collect();
        self.room.set_wants(peer, &wants, u8::MAX, self.now);
    }

    /// The next packets of a layer go to `held`.
    pub(crate) fn hold(&mut self, source: SourceKey, layer: Layer, count: usize) {
        self.hold = Some((source, layer, count));
    }

    fn is_held(&mut self, packet: &Packet) -> bool {
        let Some((source, layer, count)) = &mut self.hold else { return false };
        let is_held = *count > 0 && (*source, *layer) == (packet.source, packet.layer);
        *count -= usize::from(is_held);
        is_held
    }

    pub(crate) fn run_ms(&mut self, duration_ms: u64) {
        for _ in 0..duration_ms {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += Now::from_millis(1);
        let mut packets = Vec::new();
        for camera in self.cameras.values_mut() {
            camera.frame(self.now, &mut packets);
        }
        for (peer, microphone) in &mut self.microphones {
            microphone.speak(*peer, self.now, &mut packets);
        }
        for packet in packets {
            if self.is_held(&packet) {
                self.held.push(packet);
            } else {
                self.send(packet);
            }
        }
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let packet = entry.remove();
            self.deliver(&Packet { arrived: self.now, ..packet });
        }
        if self.room.poll_timeout().is_some_and(|due| due <= self.now) {
            self.looks += 1;
            self.room.handle_timeout(self.now);
        }
        self.take_outputs();
    }

    /// Puts a packet on its way.
    pub(crate) fn send(&mut self, packet: Packet) {
        let is_lost = self.chance.percent(self.network.loss_percent);
        let mut delay_ms = self.chance.below(self.network.jitter_ms + 1);
        match self.network.repair_ms {
            Some(repair_ms) if is_lost => delay_ms += repair_ms,
            None if is_lost => return,
            _ => {}
        }
        self.sent += 1;
        self.under_way.insert((self.now + Now::from_millis(delay_ms), self.sent), packet);
    }

    fn deliver(&mut self, packet: &Packet) {
        let mut forwards = std::mem::take(&mut self.forwards);
        self.room.handle_packet(packet, &mut forwards);
        for forward in forwards.drain(..) {
            if let Some(log) = &mut self.log {
                log.push_str(&format!("{:?} {forward:?}\n", self.now));
            }
            self.received.entry((forward.to, forward.slot)).or_default().take(forward);
        }
        self.forwards = forwards;
    }

    pub(crate) fn take_outputs(&mut self) {
        while let Some(output) = self.room.poll_output() {
            if let Some(log) = &mut self.log {
                log.push_str(&format!("{:?} {output:?}\n", self.now));
            }
            match &output {
                RoomOutput::RequestKeyframe { source, layer } => {
                    if let Some(camera) = self.cameras.get_mut(source).filter(|_| !self.is_deaf) {
                        camera.ask_keyframe(*layer);
                    }
                }
                RoomOutput::Slots { peer, slots } => {
                    self.slots.insert(*peer, slots.clone());
                }
                RoomOutput::Layers { peer, camera, screen } => {
                    self.layers.insert(*peer, (*camera, *screen));
                    let key = SourceKey { peer: *peer, kind: SourceKind::Camera };
                    if let Some(sender) = self.cameras.get_mut(&key).filter(|sender| sender.is_obedient) {
                        sender.turn(*camera);
                    }
                }
                RoomOutput::SetBitrate { peer, minimum_bps, desired_bps } => {
                    self.bitrates.insert(*peer, (*minimum_bps, *desired_bps));
                }
                _ => {}
            }
            self.outputs.push((self.now, output));
        }
    }

    /// What a receiver was sent on all its lines, as networks count.
    pub(crate) fn bytes(&self, peer: PeerKey) -> u64 {
        self.received.iter().filter(|((to, _), _)| *to == peer).map(|(_, received)| received.bytes).sum()
    }

    /// What stands in each slot of a kind.
    pub(crate) fn owners(&self, peer: PeerKey, is_video: bool) -> Vec<Option<SourceKey>> {
        let slots = self.slots.get(&peer).map_or(&[][..], Vec::as_slice);
        slots.iter().filter(|slot| slot.slot.is_video == is_video).map(|slot| slot.source).collect()
    }

    pub(crate) fn video(&self, peer: PeerKey, index: u8) -> &Received {
        self.slot(peer, SlotKey { is_video: true, index })
    }

    pub(crate) fn audio(&self, peer: PeerKey, index: u8) -> &Received {
        self.slot(peer, SlotKey { is_video: false, index })
    }

    fn slot(&self, peer: PeerKey, slot: SlotKey) -> &Received {
        static NOTHING: Received = Received::new();
        self.received.get(&(peer, slot)).unwrap_or(&NOTHING)
    }

    /// Outputs of one sort since the last call, without the others.
    pub(crate) fn outputs_like(&mut self, is_like: impl Fn(&RoomOutput) -> bool) -> Vec<(Now, RoomOutput)> {
        std::mem::take(&mut self.outputs).into_iter().filter(|(_, output)| is_like(output)).collect()
    }
}

impl Microphone {
    fn speak(&mut self, peer: PeerKey, now: Now, out: &mut Vec<Packet>) {
        if now < self.next {
            return;
        }
        self.next = now + Now::from_millis(20);
        self.sequence += 1;
        self.timestamp = self.timestamp.wrapping_add(960);
        let name = peer.0.to_be_bytes();
        out.push(Packet {
            source: SourceKey { peer, kind: SourceKind::Audio },
            layer: Layer::Low,
            codec: Codec::Opus,
            sequence: self.sequence,
            timestamp: self.timestamp,
            marker: false,
            payload: name.into_iter().chain([0; 72]).collect(),
            arrived: now,
            captured: Some(now),
            marks: Marks { level_dbov: Some(self.level_dbov), ..Marks::default() },
        });
    }
}

pub(crate) fn camera(peer: PeerKey) -> SourceKey {
    SourceKey { peer, kind: SourceKind::Camera }
}

pub(crate) fn screen(peer: PeerKey) -> SourceKey {
    SourceKey { peer, kind: SourceKind::Screen }
}

pub(crate) fn audio(peer: PeerKey) -> SourceKey {
    SourceKey { peer, kind: SourceKind::Audio }
}
