//! A room whose clients send whatever they like.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use trunkline_sfu::{
    Codec, CodecSet, Forward, Layer, Lines, Marks, Now, Packet, PeerKey, Policy, Room, RoomLimits,
    RoomOutput, Size, SlotKey, SourceKey, SourceKind, Sources, Want,
};

use crate::input::Input;

const KINDS: [SourceKind; 3] = [SourceKind::Audio, SourceKind::Camera, SourceKind::Screen];
/// What lines of sound may carry; the others carry pictures.
const SOUND: [Codec; 2] = [Codec::Opus, Codec::Red];
/// Where the sender's number stands in a data message.
const SENDER: std::ops::Range<usize> = 8..12;

/// The bytes are what clients do, one after the other.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut world = World::new();
    while !input.is_over() {
        world.step(&mut input);
    }
    world.wait(Now::from_secs(5));
    // Whoever comes later is served.
    for peer in 0..5 {
        world.leave(PeerKey(peer));
    }
    world.come(
        PeerKey(8),
        Lines { audio: 1, video: 1, receives: Codec::ALL.into_iter().collect() },
        Policy::ALL,
    );
    world.come(
        PeerKey(9),
        Lines { audio: 1, video: 1, receives: Codec::ALL.into_iter().collect() },
        Policy::ALL,
    );
    world.wait(Now::from_millis(10));
    let before = world.forwarded;
    world.send(&packet(PeerKey(8), SourceKind::Audio, 1, world.now, vec![1].into()));
    assert_eq!(world.forwarded, before + 1, "the next two hear each other");
}

struct Member {
    lines: Lines,
    policy: Policy,
}

struct World {
    room: Room,
    now: Now,
    members: BTreeMap<PeerKey, Member>,
    /// The numbers that came of each stream: none comes twice, which SRTP sees to.
    sequences: BTreeMap<(SourceKey, Layer), BTreeSet<u64>>,
    numbers: BTreeSet<(PeerKey, SlotKey, u64)>,
    forwarded: usize,
}

fn packet(peer: PeerKey, kind: SourceKind, sequence: u64, arrived: Now, payload: Arc<[u8]>) -> Packet {
    Packet {
        source: SourceKey { peer, kind },
        layer: Layer::Low,
        codec: Codec::Opus,
        sequence,
        timestamp: 0,
        marker: false,
        payload,
        arrived,
        captured: None,
        marks: Marks { level_dbov: Some(-20), ..Marks::default() },
    }
}

impl World {
    fn new() -> Self {
        Self {
            room: Room::new(RoomLimits::default(), 7),
            now: Now::ZERO,
            members: BTreeMap::new(),
            sequences: BTreeMap::new(),
            numbers: BTreeSet::new(),
            forwarded: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let peer = PeerKey(u64::from(input.below(5)));
        match input.below(16) {
            0 => self.come(peer, lines(input), policy(input)),
            1 => self.leave(peer),
            2 => self.set_lines(peer, lines(input)),
            3 => self.set_policy(peer, policy(input)),
            4 => {
                let sources = Sources { audio: input.is_yes(), camera: size(input), screen: size(input) };
                self.room.set_sources(peer, sources, self.now);
            }
            5 => self.want(peer, input),
            6 => {
                let order: Vec<_> = input.bytes().iter().map(|peer| PeerKey(u64::from(*peer))).collect();
                self.room.set_priority(&order, self.now);
            }
            7 => {
                let slot = SlotKey { is_video: input.is_yes(), index: input.byte() };
                self.room.handle_keyframe_request(peer, slot, self.now);
            }
            8 => self.room.handle_estimate(peer, u64::from(input.word()) << input.below(33), self.now),
            9 | 10 => {
                let is_reliable = input.is_yes();
                let message = message(peer, input);
                self.room.handle_data(peer, is_reliable, &message, self.now).ok();
            }
            11 => self.wait(Now::from_millis(u64::from(input.short() % 3_000))),
            _ => self.send_any(peer, input),
        }
        self.settle();
    }

    fn come(&mut self, peer: PeerKey, lines: Lines, policy: Policy) {
        self.leave(peer);
        let participant = u32::try_from(peer.0).expect("small numbers") + 100;
        self.room.add_peer(peer, participant, lines, self.now);
        self.members.insert(peer, Member { lines, policy: Policy::default() });
        self.set_policy(peer, policy);
    }

    fn leave(&mut self, peer: PeerKey) {
        self.room.remove_peer(peer, self.now);
        self.members.remove(&peer);
        self.numbers.retain(|(receiver, ..)| *receiver != peer);
        self.sequences.retain(|(source, _), _| source.peer != peer);
        self.settle();
    }

    fn set_lines(&mut self, peer: PeerKey, lines: Lines) {
        if let Some(member) = self.members.get_mut(&peer) {
            member.lines.audio = member.lines.audio.max(lines.audio);
            member.lines.video = member.lines.video.max(lines.video);
            member.lines.receives = lines.receives;
            self.room.set_lines(peer, member.lines, self.now);
        }
    }

    fn set_policy(&mut self, peer: PeerKey, policy: Policy) {
        if let Some(member) = self.members.get_mut(&peer) {
            member.policy = policy;
            self.room.set_policy(peer, policy, self.now);
        }
        self.settle();
    }

    fn want(&mut self, peer: PeerKey, input: &mut Input<'_>) {
        let mut wants = Vec::new();
        for _ in 0..input.byte() {
            let source = SourceKey {
                peer: PeerKey(u64::from(input.below(6))),
                kind: KINDS[usize::from(input.below(3))],
            };
            let size = Size { width: input.short(), height: input.short() };
            wants.push(Want { source, size, priority: input.byte() });
        }
        let shown_max = input.byte();
        self.room.set_wants(peer, &wants, shown_max, self.now);
    }

    fn send_any(&mut self, peer: PeerKey, input: &mut Input<'_>) {
        let source = SourceKey { peer, kind: KINDS[usize::from(input.below(3))] };
        let layer =
            Layer::ALL[usize::from(input.below(if source.kind == SourceKind::Camera { 3 } else { 1 }))];
        let came = self.sequences.entry((source, layer)).or_default();
        let newest = came.last().copied().unwrap_or(30_000);
        let near = newest.saturating_add_signed(i64::from(input.byte().cast_signed()));
        let sequence = (near..=u64::MAX).find(|number| !came.contains(number)).expect("numbers do not end");
        came.insert(sequence);
        let marks = Marks {
            level_dbov: Some(input.byte().cast_signed()),
            has_voice: Some(input.is_yes()),
            orientation: Some(input.byte()),
            content_type: None,
            playout_delay_ms: None,
        };
        let packet = Packet {
            layer,
            codec: codec(source.kind, input.below(4)),
            timestamp: input.word(),
            marker: input.is_yes(),
            captured: input.is_yes().then(|| Now::from_micros(u64::from(input.word()))),
            marks,
            ..packet(peer, source.kind, sequence, self.now, input.bytes().into())
        };
        self.send(&packet);
    }

    fn send(&mut self, packet: &Packet) {
        let mut out = Vec::new();
        self.room.handle_packet(packet, &mut out);
        for forward in &out {
            self.check_forward(packet, forward);
        }
        self.forwarded += out.len();
        self.settle();
    }

    fn check_forward(&mut self, packet: &Packet, forward: &Forward) {
        let receiver = self.members.get(&forward.to).expect("the receiver is there");
        let sender = self.members.get(&packet.source.peer).expect("the sender is there");
        assert_ne!(forward.to, packet.source.peer, "nobody hears himself");
        let is_video = packet.source.kind != SourceKind::Audio;
        assert_eq!(forward.slot.is_video, is_video);
        let lines = if is_video { receiver.lines.video } else { receiver.lines.audio };
        assert!(forward.slot.index < lines, "there is such a line");
        assert!(receiver.lines.receives.has(forward.codec), "the receiver understands it");
        assert!(sender.policy.gives(packet.source.kind), "the sender may");
        assert!(if is_video { receiver.policy.sees } else { receiver.policy.hears }, "the receiver may");
        assert!(
            self.numbers.insert((forward.to, forward.slot, forward.sequence)),
            "a number twice: {forward:?}"
        );
    }

    fn wait(&mut self, time: Now) {
        let end = self.now + time;
        let mut turns = 0;
        while let Some(due) = self.room.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tick();
            turns += 1;
            assert!(turns < 10_000, "the room is never satisfied");
        }
        self.now = end;
        self.tick();
    }

    fn tick(&mut self) {
        self.room.handle_timeout(self.now);
        self.settle();
        assert!(self.room.poll_timeout().is_none_or(|due| due > self.now), "a room that spins");
    }

    fn settle(&mut self) {
        while let Some(output) = self.room.poll_output() {
            match output {
                RoomOutput::SendData { to, is_reliable, message } => {
                    let member = self.members.get(&to).expect("the receiver is there");
                    // On the ordered channel it may have waited since before.
                    assert!(is_reliable || member.policy != Policy::default(), "the receiver takes part");
                    let from = u32::from_be_bytes(message[SENDER].try_into().expect("four bytes"));
                    assert!((100..110).contains(&from), "the sender is whom the server knows");
                    assert_ne!(u64::from(from - 100), to.0, "nobody writes to himself");
                    // In every third millisecond nobody takes anything on the ordered channel.
                    if is_reliable && self.now.as_millis().is_multiple_of(3) {
                        self.room.handle_data_full(to, message, self.now);
                    }
                }
                RoomOutput::Slots { peer, slots } => {
                    let member = &self.members[&peer];
                    assert_eq!(
                        slots.len(),
                        usize::from(member.lines.audio) + usize::from(member.lines.video)
                    );
                    assert!(slots.iter().all(|slot| slot.source.is_none_or(|source| source.peer != peer)));
                }
                RoomOutput::NeedLines { peer, .. }
                | RoomOutput::SetBitrate { peer, .. }
                | RoomOutput::Layers { peer, .. }
                | RoomOutput::Stalled { peer } => {
                    assert!(self.members.contains_key(&peer), "it is there");
                }
                RoomOutput::RequestKeyframe { source, .. } => {
                    assert!(self.members.contains_key(&source.peer) && source.kind != SourceKind::Audio);
                }
                RoomOutput::Speaking { speaking, dominant } => {
                    assert!(speaking.iter().chain(&dominant).all(|peer| self.members.contains_key(peer)));
                }
            }
        }
    }
}

/// A data message: as it is, or in form, to any recipients and with a long payload.
fn message(peer: PeerKey, input: &mut Input<'_>) -> Vec<u8> {
    if input.is_yes() {
        return input.bytes().to_vec();
    }
    let recipients = input.bytes();
    let mut message =
        vec![1, u8::from(!recipients.is_empty()), 0, 1, 0, 0, 0, 0, 9, 9, 9, peer.0.to_le_bytes()[0]];
    if !recipients.is_empty() {
        message.push(u8::try_from(recipients.len()).unwrap_or(u8::MAX));
        message.extend(recipients.iter().flat_map(|number| u32::from(*number).to_be_bytes()));
    }
    message.resize(message.len() + 2 + usize::from(input.short() % 16_000), 7);
    message
}

fn lines(input: &mut Input<'_>) -> Lines {
    // There is no client without Opus: offers that lack it are refused.
    let receives: CodecSet =
        Codec::ALL.into_iter().filter(|codec| input.below(4) != 1 || *codec == Codec::Opus).collect();
    Lines { audio: input.below(17), video: input.below(51), receives }
}

/// One that a source of this kind can have.
fn codec(kind: SourceKind, choice: u8) -> Codec {
    let all = Codec::ALL.into_iter().filter(|codec| SOUND.contains(codec) == (kind == SourceKind::Audio));
    all.cycle().nth(usize::from(choice)).expect("each kind has some")
}

fn policy(input: &mut Input<'_>) -> Policy {
    match input.below(6) {
        0..=2 => Policy::ALL,
        3 => Policy::default(),
        4 => Policy { is_heard: false, ..Policy::ALL },
        _ => Policy { sees: false, may_share: false, ..Policy::ALL },
    }
}

fn size(input: &mut Input<'_>) -> Option<Size> {
    input.is_yes().then(|| Size { width: input.short(), height: input.short() })
}
