//! Sound: who is heard, in which slot, and who speaks.

use std::{collections::BTreeSet, sync::Arc};

use trunkline_sfu::{Codec, Layer, Lines, Marks, Packet, PeerKey, RoomOutput};

use crate::world::{World, audio};

/// Who was heard on a slot, one after another.
fn voices(world: &World, peer: PeerKey, index: u8) -> Vec<u64> {
    let mut voices: Vec<u64> = world
        .audio(peer, index)
        .packets()
        .map(|packet| u64::from_be_bytes(packet.payload[..8].try_into().expect("eight bytes")))
        .collect();
    voices.dedup();
    voices
}

#[test]
fn everybody_hears_everybody_else_from_the_first_packet() {
    let mut world = World::new(1);
    let all: Vec<PeerKey> = (1..5).map(|peer| world.join(peer, 4, 0)).collect();
    world.run_ms(10);
    for peer in &all {
        world.talk(*peer, -20);
    }
    world.run_ms(1_000);
    for peer in &all {
        let heard: BTreeSet<u64> = (0..4).flat_map(|index| voices(&world, *peer, index)).collect();
        let others: BTreeSet<u64> = all.iter().filter(|other| *other != peer).map(|other| other.0).collect();
        assert_eq!(heard, others);
        let counts: usize = (0..4).map(|index| world.audio(*peer, index).count()).sum();
        assert_eq!(counts, 3 * 50);
    }
}

#[test]
fn the_loudest_are_heard_where_there_are_more_people_than_slots() {
    let mut world = World::new(2);
    let ann = world.join(1, 2, 0);
    let others: Vec<PeerKey> = (2..8).map(|peer| world.join(peer, 2, 0)).collect();
    for other in &others {
        world.talk(*other, -90);
    }
    world.run_ms(1_000);
    for (turn, pair) in [(0, 5), (4, 3), (1, 2)].into_iter().enumerate() {
        for (index, other) in others.iter().enumerate() {
            world.talk(*other, if index == pair.0 || index == pair.1 { -20 } else { -90 });
        }
        world.run_ms(2_000);
        let owners: BTreeSet<_> = world.owners(ann, false).into_iter().flatten().collect();
        let expect: BTreeSet<_> = [audio(others[pair.0]), audio(others[pair.1])].into();
        assert_eq!(owners, expect, "turn {turn}");
    }
}

#[test]
fn a_third_voice_takes_no_slot_from_two_who_talk() {
    let mut world = World::new(3);
    let ann = world.join(1, 2, 0);
    let [ben, cleo, dan] = [2, 3, 4].map(|peer| world.join(peer, 2, 0));
    world.talk(ben, -25);
    world.talk(cleo, -25);
    world.run_ms(2_000);
    let before = world.owners(ann, false);
    world.talk(dan, -10);
    world.run_ms(5_000);
    assert_eq!(world.owners(ann, false), before);
    world.talk(ben, -90);
    world.talk(dan, -90);
    world.run_ms(2_000);
    world.talk(dan, -10);
    world.run_ms(100);
    let owners: BTreeSet<_> = world.owners(ann, false).into_iter().flatten().collect();
    assert_eq!(owners, [audio(cleo), audio(dan)].into(), "the silent one made room at once");
}

#[test]
fn a_slot_that_changes_hands_stays_one_stream() {
    let mut world = World::new(4);
    let ann = world.join(1, 1, 0);
    let pair = [2, 3].map(|peer| world.join(peer, 1, 0));
    for turn in 0..6 {
        world.talk(pair[turn % 2], -20);
        world.talk(pair[1 - turn % 2], -90);
        world.run_ms(2_000);
    }
    assert_eq!(voices(&world, ann, 0).len(), 6);
    assert_eq!(world.audio(ann, 0).holes(), 0);
    let packets: Vec<_> = world.audio(ann, 0).packets().collect();
    let (mut last_peer, mut changes) = (None, 0);
    for pair in packets.windows(2) {
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((960..=48_000).contains(&step), "{step} ticks");
        let peer = pair[1].payload[7];
        let is_change = last_peer.replace(peer).is_some_and(|last| last != peer);
        assert!(!is_change || pair[1].marker, "a change is marked");
        changes += usize::from(is_change);
    }
    assert_eq!(changes, 5);
}

#[test]
fn who_speaks_is_told_on_change_and_not_too_often() {
    let mut world = World::new(5);
    let [ann, ben] = [1, 2].map(|peer| world.join(peer, 1, 0));
    world.talk(ann, -20);
    world.talk(ben, -90);
    world.run_ms(2_000);
    world.talk(ann, -90);
    world.talk(ben, -20);
    world.run_ms(4_000);
    let told = world.outputs_like(|output| matches!(output, RoomOutput::Speaking { .. }));
    let times: Vec<_> = told.iter().map(|(at, _)| *at).collect();
    assert!(times.windows(2).all(|pair| pair[1].abs_diff(pair[0]).as_millis() >= 200), "{times:?}");
    assert!(told.len() <= 6, "{told:?}");
    let last = RoomOutput::Speaking { speaking: vec![ben], dominant: vec![ben, ann] };
    assert_eq!(told.last().map(|(_, output)| output.clone()), Some(last));
    assert!(times.last().is_some_and(|at| at.as_millis() < 4_500), "the lead came late: {times:?}");
}

fn red(peer: PeerKey, sequence: u64, payload: &[u8]) -> Packet {
    Packet {
        source: audio(peer),
        layer: Layer::Low,
        codec: Codec::Red,
        sequence,
        timestamp: 960 * u32::try_from(sequence).expect("small"),
        marker: false,
        payload: Arc::from(payload),
        arrived: trunkline_sfu::Now::ZERO,
        captured: None,
        marks: Marks::default(),
    }
}

#[test]
fn redundant_sound_goes_whole_to_those_who_take_it_and_plain_to_others() {
    let mut world = World::new(6);
    let ann = world.join(1, 1, 0);
    let ben = world.join(2, 1, 0);
    let receives = Codec::ALL.into_iter().filter(|codec| *codec != Codec::Red).collect();
    let cleo = world.join_with(3, Lines { audio: 1, video: 0, receives });
    world.run_ms(10);
    let whole = [0xef, 0, 0, 2, 111, 8, 8, 1, 2, 3];
    world.send(red(ann, 1, &whole));
    world.send(red(ann, 2, &[96, 1, 2, 3]));
    world.send(red(ann, 3, &[0x80]));
    world.run_ms(10);
    let got = |peer| -> Vec<(Codec, Vec<u8>)> {
        world.audio(peer, 0).packets().map(|packet| (packet.codec, packet.payload.to_vec())).collect()
    };
    let plain = (Codec::Opus, vec![1, 2, 3]);
    assert_eq!(got(ben), [(Codec::Red, whole.to_vec()), plain.clone()], "another Opus number is made plain");
    assert_eq!(got(cleo), [plain.clone(), plain], "what cannot be read goes to nobody");
}
