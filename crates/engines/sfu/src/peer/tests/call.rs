//! Several clients, their peers and a room: a whole call in virtual time.

use std::time::Duration;

use super::harness::{Seen, accept, address, client_config, datagram, origin, peer_config};
use crate::testing::{
    Client, ClientConfig, ClientEvent, ClientOutput, Link, LinkModel, Received, Sent, Vp8Frame, voice, vp8,
};
use crate::{
    Codec, Forward, Layer, Now, Peer, PeerConfig, PeerEvent, PeerKey, Policy, Room, RoomLimits, RoomOutput,
    Size, SlotKey, SlotState, SourceKind, Sources,
};

const FRAME: Duration = Duration::from_millis(33);
const TALK: Duration = Duration::from_millis(20);

struct Member {
    key: PeerKey,
    peer: Peer,
    client: Client,
    up: Link,
    down: Link,
    seen: Seen,
    out: ClientOutput,
    slots: Vec<SlotState>,
    got: Vec<Received>,
    messages: Vec<(bool, Vec<u8>)>,
    // Of each layer: whether a key frame is asked for.
    is_key_due: [bool; 3],
    frames: u16,
    talks: u32,
}

struct Call {
    room: Room,
    members: Vec<Member>,
    now: Now,
}

impl Call {
    fn new(count: u64, model: LinkModel) -> Self {
        let now = Now::from_secs(1);
        let mut call = Self { room: Room::new(RoomLimits::default(), 7), members: Vec::new(), now };
        for number in 1..=count {
            call.join(number, model);
        }
        call
    }

    fn join(&mut self, number: u64, model: LinkModel) {
        let key = PeerKey(number);
        let client_address = address(&format!("198.51.100.{number}:5000"));
        let config = ClientConfig { address: client_address, video_slots: 2, ..client_config() };
        let (mut client, offer) = Client::new(config, self.now);
        let mut peer = Peer::new(&PeerConfig { key, origin: origin(), ..peer_config() }, self.now);
        let accepted = accept(&mut peer, &offer, u8::try_from(number).unwrap(), self.now).unwrap();
        client.answer(&accepted.answer).unwrap();
        self.room.add_peer(key, u32::try_from(number).unwrap(), accepted.lines, self.now);
        self.room.set_policy(key, Policy::ALL, self.now);
        let camera = Some(Size { width: 1280, height: 720 });
        self.room.set_sources(key, Sources { audio: true, camera, screen: None }, self.now);
        let (up, down) = (Link::new(model, number * 2), Link::new(model, number * 2 + 1));
        self.members.push(Member {
            key,
            peer,
            client,
            up,
            down,
            seen: Seen::default(),
            out: ClientOutput::default(),
            slots: Vec::new(),
            got: Vec::new(),
            messages: Vec::new(),
            is_key_due: [true; 3],
            frames: 0,
            talks: 0,
        });
    }

    /// Everybody talks and shows a picture for some time.
    fn run(&mut self, time: Duration) {
        let (start, end) = (self.now, self.now + time);
        let (mut frame_at, mut talk_at) = (start, start);
        while self.now < end {
            self.now += Duration::from_millis(1);
            if self.now >= talk_at {
                talk_at += TALK;
                let now = self.now;
                self.members.iter_mut().for_each(|member| member.talk(now));
            }
            if self.now >= frame_at {
                frame_at += FRAME;
                let now = self.now;
                self.members.iter_mut().for_each(|member| member.show(now));
            }
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.now;
        let mut forwards = Vec::new();
        for member in &mut self.members {
            member.receive(now);
            for packet in std::mem::take(&mut member.seen.packets) {
                self.room.handle_packet(&packet, &mut forwards);
            }
            for event in std::mem::take(&mut member.seen.events) {
                tell(&mut self.room, member.key, event, now);
            }
        }
        if self.room.poll_timeout().is_some_and(|due| due <= now) {
            self.room.handle_timeout(now);
        }
        while let Some(output) = self.room.poll_output() {
            self.handle_output(output);
        }
        for forward in forwards {
            self.write(forward);
        }
        self.members.iter_mut().for_each(|member| member.send(now));
    }

    fn write(&mut self, forward: Forward) {
        self.member(forward.to).peer.write(forward);
    }

    fn handle_output(&mut self, output: RoomOutput) {
        match output {
            RoomOutput::RequestKeyframe { source, layer } => {
                self.member(source.peer).peer.request_keyframe(source.kind, layer);
            }
            RoomOutput::SetBitrate { peer, minimum_bps, desired_bps } => {
                self.member(peer).peer.set_bitrate(minimum_bps, desired_bps);
            }
            RoomOutput::Slots { peer, slots } => self.member(peer).slots = slots,
            RoomOutput::SendData { to, is_reliable, message } => {
                assert!(self.member(to).peer.write_data(is_reliable, &message));
            }
            _ => {}
        }
    }

    fn member(&mut self, key: PeerKey) -> &mut Member {
        self.members.iter_mut().find(|member| member.key == key).unwrap()
    }
}

fn tell(room: &mut Room, key: PeerKey, event: PeerEvent, now: Now) {
    match event {
        PeerEvent::KeyframeRequest(slot) => room.handle_keyframe_request(key, slot, now),
        PeerEvent::Estimate { bps, .. } => room.handle_estimate(key, bps, now),
        PeerEvent::Data { is_reliable, message } => {
            room.handle_data(key, is_reliable, &message, now).unwrap();
        }
        _ => {}
    }
}

impl Member {
    fn talk(&mut self, now: Now) {
        self.talks += 1;
        self.client.send(voice(self.talks), now);
    }

    /// A frame in each layer, of two packets in the largest; a key frame where one was asked for.
    fn show(&mut self, now: Now) {
        self.frames += 1;
        for (layer, size) in Layer::ALL.into_iter().zip([(320, 180), (640, 360), (1280, 720)]) {
            let is_key = std::mem::take(&mut self.is_key_due[layer as usize]);
            let frame = Vp8Frame {
                is_key,
                picture_id: self.frames & 0x7fff,
                size,
                bytes: [400, 900, 1_100][layer as usize],
                ..Vp8Frame::default()
            };
            let sent = Sent {
                kind: SourceKind::Camera,
                layer,
                codec: Codec::Vp8,
                timestamp: u32::from(self.frames) * 3_000,
                marker: true,
                level_dbov: None,
                payload: vp8(frame),
            };
            self.client.send(sent, now);
        }
    }

    fn receive(&mut self, now: Now) {
        while let Some(sent) = self.up.receive(now) {
            self.peer.handle_datagram(datagram(&sent), now).unwrap();
            self.peer.drain(now, &mut self.seen).unwrap();
        }
        while let Some(sent) = self.down.receive(now) {
            self.client.handle_datagram(datagram(&sent), now).unwrap();
            self.client.drain(&mut self.out).unwrap();
        }
        for event in self.out.events.drain(..) {
            match event {
                ClientEvent::Packet(packet) => self.got.push(*packet),
                ClientEvent::KeyframeRequest(_, layer) => self.is_key_due[layer as usize] = true,
                ClientEvent::Data { is_reliable, message } => self.messages.push((is_reliable, message)),
                _ => {}
            }
        }
    }

    fn send(&mut self, now: Now) {
        self.peer.handle_timeout(now).unwrap();
        self.peer.drain(now, &mut self.seen).unwrap();
        for transmission in self.seen.transmissions.drain(..) {
            self.down.send(transmission, now);
        }
        self.client.handle_timeout(now).unwrap();
        self.client.drain(&mut self.out).unwrap();
        for transmission in self.out.transmissions.drain(..) {
            self.up.send(transmission, now);
        }
    }

    /// What came on a slot since the last `got.clear()`.
    fn on(&self, is_video: bool, index: u8) -> Vec<&Received> {
        self.got.iter().filter(|packet| packet.slot == SlotKey { is_video, index }).collect()
    }
}

/// Each number once, and none left out.
fn is_dense(packets: &[&Received]) -> bool {
    let mut numbers: Vec<u64> = packets.iter().map(|packet| packet.sequence).collect();
    numbers.sort_unstable();
    numbers.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn three_people_hear_and_see_each_other() {
    let mut call = Call::new(3, LinkModel::default());
    call.run(Duration::from_secs(4));
    for member in &call.members {
        let sources: Vec<_> = member.slots.iter().filter_map(|state| state.source).collect();
        assert_eq!(sources.len(), 4, "{:?}", member.slots);
        assert!(sources.iter().all(|source| source.peer != member.key), "nobody hears themselves");
        for index in 0..2 {
            assert!(member.on(false, index).len() > 100, "{:?} hears", member.key);
            assert!(member.on(true, index).len() > 50, "{:?} sees", member.key);
            assert!(is_dense(&member.on(false, index)) && is_dense(&member.on(true, index)));
            // A decoder can begin with what comes first.
            assert_eq!(member.on(true, index)[0].payload[6] & 1, 0, "a key frame");
        }
    }
}

#[test]
fn lost_pictures_are_repaired_on_both_sides_of_the_server() {
    let model = LinkModel { lost_permille: 50, jitter: Duration::from_millis(5), ..LinkModel::default() };
    let mut call = Call::new(2, model);
    call.run(Duration::from_secs(8));
    let newest = |member: &Member| member.on(true, 0).iter().map(|packet| packet.sequence).max();
    let before: Vec<_> = call.members.iter().map(newest).collect();
    call.run(Duration::from_secs(6));
    for (member, before) in call.members.iter().zip(before) {
        let video = member.on(true, 0).into_iter().map(|packet| packet.sequence);
        let mut numbers: Vec<u64> = video.filter(|number| Some(*number) > before).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert!(numbers.len() > 150, "{}", numbers.len());
        let span = usize::try_from(numbers.last().unwrap() - numbers[0] + 1).unwrap();
        // What is on its way at the ends, and pictures whose repair was lost twice.
        assert!(span - numbers.len() <= span / 50, "{} of {span}", numbers.len());
    }
}

#[test]
fn messages_reach_the_others_with_the_senders_number() {
    let mut call = Call::new(3, LinkModel::default());
    call.run(Duration::from_secs(3));
    // Version, flags (last part), channel 5, sequence 1, a forged sender, part 0, text.
    let message = [&[1, 2, 0, 5, 0, 0, 0, 1][..], &[0, 0, 0, 99], &[0, 0], b"hello"].concat();
    assert!(call.members[0].client.write_data(true, &message));
    assert!(call.members[1].client.write_data(false, &message));
    call.run(Duration::from_secs(1));
    let from = |number: u8| [&message[..8], &[0, 0, 0, number], &message[12..]].concat();
    assert_eq!(call.members[0].messages, [(false, from(2))]);
    assert_eq!(call.members[1].messages, [(true, from(1))]);
    let mut third = call.members[2].messages.clone();
    third.sort();
    assert_eq!(third, [(false, from(2)), (true, from(1))]);
}

#[test]
fn a_narrow_way_gets_a_smaller_picture_and_the_others_do_not() {
    let mut call = Call::new(2, LinkModel::default());
    call.run(Duration::from_secs(3));
    let size = |call: &Call, member: usize| {
        let video = call.members[member].on(true, 0);
        video.last().map(|packet| packet.payload.len())
    };
    assert_eq!((size(&call, 0), size(&call, 1)), (Some(900), Some(900)), "640x360 is wished for");
    let narrow = LinkModel { rate_bps: 160_000, ..LinkModel::default() };
    call.members[0].down.set_model(narrow);
    call.run(Duration::from_secs(10));
    assert_eq!((size(&call, 0), size(&call, 1)), (Some(400), Some(900)));
    call.members[0].down.set_model(LinkModel::default());
    let returned = (1..=30).find(|_| {
        call.run(Duration::from_secs(1));
        size(&call, 0) == Some(900)
    });
    assert!(returned.is_some_and(|seconds| seconds <= 20), "wide again, large again: {returned:?}");
}
