//! What becomes of pictures when the bandwidth of a receiver changes.

use trunkline_sfu::{Lines, PeerKey, RoomOutput, SlotPhase, SourceKind};

use crate::world::{ALL_CODECS, HD, SMALL, World, camera, screen};

/// One who watches `count` cameras of three layers, all large.
fn gallery(seed: u64, count: u64) -> (World, PeerKey, Vec<PeerKey>) {
    let mut world = World::new(seed);
    let lines = u8::try_from(count).expect("few");
    let ann = world.join(100, 1, lines);
    let others: Vec<PeerKey> = (1..=count).map(|peer| world.join(peer, 0, 0)).collect();
    for other in &others {
        world.show(*other, SourceKind::Camera, HD, 3);
    }
    let wants: Vec<_> = others.iter().map(|other| (camera(*other), HD)).collect();
    world.want(ann, &wants);
    (world, ann, others)
}

/// The layers that were shown last in each slot; `None`: paused.
fn shown(world: &World, ann: PeerKey, count: u8) -> Vec<Option<u8>> {
    let layer = |index: u8| {
        let state = world.slots[&ann][1 + usize::from(index)].state;
        let last = world.video(ann, index).shown_layers().last().copied();
        last.filter(|_| state != SlotPhase::Paused)
    };
    (0..count).map(layer).collect()
}

#[test]
fn pictures_grow_and_shrink_with_the_bandwidth() {
    let (mut world, ann, _) = gallery(1, 3);
    let mut check = |estimate_bps, expect: [Option<u8>; 3]| {
        world.room.handle_estimate(ann, estimate_bps, world.now);
        world.run_ms(20_000);
        assert_eq!(shown(&world, ann, 3), expect, "{estimate_bps} bit/s");
    };
    check(8_000_000, [Some(2); 3]);
    check(2_200_000, [Some(1); 3]);
    check(700_000, [Some(0); 3]);
    check(400_000, [Some(0), Some(0), None]);
    check(8_000_000, [Some(2); 3]);
}

#[test]
fn down_is_at_once_and_up_takes_its_time() {
    let (mut world, ann, _) = gallery(2, 1);
    world.room.handle_estimate(ann, 5_000_000, world.now);
    world.run_ms(12_000);
    world.room.handle_estimate(ann, 300_000, world.now);
    world.run_ms(100);
    assert_eq!(shown(&world, ann, 1), [Some(0)]);
    world.room.handle_estimate(ann, 5_000_000, world.now);
    world.run_ms(1_500);
    assert_eq!(shown(&world, ann, 1), [Some(0)]);
    world.run_ms(1_000);
    assert_eq!(shown(&world, ann, 1), [Some(2)]);
}

#[test]
fn an_estimate_at_the_edge_does_not_make_the_picture_flicker() {
    let (mut world, ann, _) = gallery(3, 1);
    for round in 0..120 {
        let estimate = if round % 2 == 0 { 700_000 } else { 450_000 };
        world.room.handle_estimate(ann, estimate, world.now);
        world.run_ms(1_000);
    }
    let changes = world.video(ann, 0).shown_layers().len();
    assert!(changes <= 14, "{changes} changes in two minutes");
}

#[test]
fn a_screen_comes_before_cameras() {
    let (mut world, ann, others) = gallery(4, 3);
    world.show(others[2], SourceKind::Screen, HD, 1);
    world.want(ann, &[(camera(others[0]), SMALL), (camera(others[1]), SMALL), (screen(others[2]), HD)]);
    world.room.handle_estimate(ann, 330_000, world.now);
    world.run_ms(6_000);
    let states: Vec<_> = world.slots[&ann].iter().filter(|slot| slot.slot.is_video).collect();
    let live: Vec<_> =
        states.iter().filter(|slot| slot.state == SlotPhase::Live).map(|slot| slot.source).collect();
    assert_eq!(live, [Some(screen(others[2]))], "{states:?}");
}

#[test]
fn probing_is_asked_for_while_wishes_are_open() {
    let (mut world, ann, _) = gallery(5, 2);
    world.room.handle_estimate(ann, 500_000, world.now);
    world.run_ms(5_000);
    let (minimum, desired) = world.bitrates[&ann];
    assert!((600_000..1_000_000).contains(&minimum), "{minimum} bit/s for the next step");
    assert!((2_300_000..3_500_000).contains(&desired), "{desired} bit/s for all");
    world.room.handle_estimate(ann, 8_000_000, world.now);
    world.run_ms(8_000);
    assert_eq!(world.bitrates[&ann].0, 0);
    let told = world.outputs_like(|output| matches!(output, RoomOutput::SetBitrate { .. })).len();
    assert!(told <= 20, "{told} messages to the congestion control");
}

#[test]
fn before_any_estimate_a_small_gallery_is_shown() {
    let (mut world, ann, _) = gallery(6, 4);
    world.run_ms(2_000);
    assert_eq!(shown(&world, ann, 4), [Some(0); 4]);
}

/// Ben's small camera, watched by Ann.
fn one_camera(seed: u64) -> (World, PeerKey) {
    let mut world = World::new(seed);
    let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
    world.show(ben, SourceKind::Camera, SMALL, 1);
    world.camera(ben).is_obedient = true;
    (world, ann)
}

#[test]
fn a_low_first_estimate_does_not_pause_the_only_picture() {
    let (mut world, ann) = one_camera(7);
    world.run_ms(600);
    let mut estimate_bps = 34_000;
    while estimate_bps < 2_000_000 {
        world.room.handle_estimate(ann, estimate_bps, world.now);
        world.run_ms(250);
        // It recovers while packets come through.
        estimate_bps = estimate_bps * 6 / 5;
    }
    let seconds = world.now.as_millis() / 1_000;
    assert!(world.video(ann, 0).shown() as u128 >= seconds * 30, "no frame was left out");
}

#[test]
fn a_picture_paused_for_want_of_bandwidth_comes_back_by_itself() {
    let (mut world, ann) = one_camera(8);
    world.run_ms(1_000);
    for _ in 0..8 {
        world.room.handle_estimate(ann, 80_000, world.now);
        world.run_ms(500);
    }
    assert_eq!(shown(&world, ann, 1), [None], "it stayed below what was sent for three seconds");
    // The estimate of a receiver that gets next to nothing stays where it is.
    world.room.handle_estimate(ann, 80_100, world.now);
    let before = world.video(ann, 0).count();
    world.run_ms(8_000);
    assert!(world.video(ann, 0).count() > before + 30);
}

#[test]
fn an_estimate_just_above_what_is_sent_keeps_the_picture() {
    let (mut world, ann) = one_camera(9);
    world.room.handle_estimate(ann, 175_000, world.now);
    world.run_ms(60_000);
    assert!(world.video(ann, 0).shown() >= 1_810, "{} frames in a minute", world.video(ann, 0).shown());
}

#[test]
fn a_screen_is_asked_for_however_little_is_estimated() {
    let (mut world, ann) = one_camera(10);
    world.room.handle_estimate(ann, 180_000, world.now);
    world.run_ms(5_000);
    let lines = Lines { audio: 1, video: 2, receives: ALL_CODECS.into_iter().collect() };
    world.room.set_lines(ann, lines, world.now);
    world.show(PeerKey(2), SourceKind::Screen, HD, 1);
    world.want(ann, &[(screen(PeerKey(2)), HD), (camera(PeerKey(2)), SMALL)]);
    world.run_ms(300);
    assert_eq!(world.layers[&PeerKey(2)], (0b001, true));
    assert!(world.video(ann, 1).shown() > 5);
}
