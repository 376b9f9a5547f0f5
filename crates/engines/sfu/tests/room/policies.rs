//! Mute by the server, hold, lobby.

use trunkline_sfu::{Codec, Lines, PeerKey, Policy, RoomOutput, SlotPhase, SourceKind};

use crate::world::{HD, SMALL, World, camera};

/// Two who talk and show themselves for a second.
fn pair() -> (World, PeerKey, PeerKey) {
    let mut world = World::new(1);
    let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
    for peer in [ann, ben] {
        world.talk(peer, -20);
        world.show(peer, SourceKind::Camera, SMALL, 1);
    }
    world.run_ms(1_000);
    (world, ann, ben)
}

/// Sound and picture packets that came in the next second.
fn more(world: &mut World, peer: PeerKey) -> (usize, usize) {
    let count = |world: &World| (world.audio(peer, 0).count(), world.video(peer, 0).count());
    let before = count(world);
    world.run_ms(1_000);
    let after = count(world);
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn somebody_new_may_nothing() {
    let mut world = World::new(2);
    let ann = world.join(1, 1, 1);
    let ben = world.join(2, 1, 1);
    world.room.set_policy(ben, Policy::default(), world.now);
    for peer in [ann, ben] {
        world.talk(peer, -20);
        world.show(peer, SourceKind::Camera, SMALL, 1);
    }
    world.run_ms(1_000);
    assert_eq!(more(&mut world, ann), (0, 0));
    assert_eq!(more(&mut world, ben), (0, 0));
    assert_eq!(world.owners(ann, false), [], "nothing to tell");
}

#[test]
fn who_is_muted_by_the_server_is_seen_and_not_heard() {
    let (mut world, ann, ben) = pair();
    world.room.set_policy(ann, Policy { is_heard: false, ..Policy::ALL }, world.now);
    let (sound, pictures) = more(&mut world, ben);
    assert_eq!(sound, 0);
    assert!(pictures >= 29);
    assert_eq!(world.owners(ben, false), [None]);
    let told = world.outputs_like(|output| matches!(output, RoomOutput::Speaking { .. }));
    let Some((_, RoomOutput::Speaking { speaking, .. })) = told.last() else { panic!("{told:?}") };
    assert_eq!(*speaking, [ben]);
    world.room.set_policy(ann, Policy::ALL, world.now);
    assert!(more(&mut world, ben).0 >= 49);
}

#[test]
fn who_must_not_be_seen_is_heard_and_not_seen() {
    let (mut world, ann, ben) = pair();
    world.room.set_policy(ann, Policy { is_seen: false, ..Policy::ALL }, world.now);
    let (sound, pictures) = more(&mut world, ben);
    assert!(sound >= 49);
    assert_eq!(pictures, 0);
    world.run_ms(5_000);
    world.room.set_policy(ann, Policy::ALL, world.now);
    assert!(more(&mut world, ben).1 >= 29);
}

#[test]
fn who_must_not_share_shares_nothing() {
    let (mut world, ann, ben) = pair();
    world.room.set_policy(ann, Policy { may_share: false, ..Policy::ALL }, world.now);
    world.show(ann, SourceKind::Screen, HD, 1);
    world.want(ben, &[(crate::world::screen(ann), HD)]);
    assert_eq!(more(&mut world, ben).1, 0);
    assert_eq!(world.owners(ben, true), [None]);
}

#[test]
fn hold_stops_both_ways_and_resuming_brings_the_picture_back_at_once() {
    let (mut world, ann, ben) = pair();
    world.room.set_policy(ann, Policy::default(), world.now);
    assert_eq!(more(&mut world, ann), (0, 0));
    assert_eq!(more(&mut world, ben), (0, 0));
    assert_eq!(world.slots[&ann][1].source, Some(camera(ben)), "the slot stays");
    assert_eq!(world.slots[&ann][1].state, SlotPhase::Paused);
    world.run_ms(10_000);
    world.room.set_policy(ann, Policy::ALL, world.now);
    let before = world.video(ann, 0).count();
    world.run_ms(200);
    assert!(world.video(ann, 0).count() >= before + 4);
    assert_eq!(world.slots[&ann][1].state, SlotPhase::Live);
    assert!(world.video(ben, 0).shown() > 30);
}

#[test]
fn a_codec_the_receiver_has_not_is_not_sent() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1] {
        let mut world = World::new(3);
        let ann = world.join(1, 1, 1);
        let receives = Codec::ALL.into_iter().filter(|other| *other != codec).collect();
        let ben = world.join_with(2, Lines { audio: 1, video: 1, receives });
        world.show(ann, SourceKind::Camera, SMALL, 1);
        world.camera(ann).codec = codec;
        world.run_ms(1_000);
        assert_eq!(world.video(ben, 0).count(), 0, "{codec:?}");
        assert_eq!(world.slots[&ben][1].state, SlotPhase::Paused);
        assert_eq!(world.layers[&ann], (0, false), "{codec:?}");
    }
}
