//! What becomes of pictures when the bandwidth of a receiver changes.

use trunkline_sfu::{Codec, Lines, Now, PeerKey, RoomOutput, SlotPhase, SourceKind};

use crate::world::{HD, SMALL, World, camera, screen};

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
    for high_bps in [700_000, 5_000_000] {
        let (mut world, ann, _) = gallery(3, 1);
        for round in 0..120 {
            let estimate = if round % 2 == 0 { high_bps } else { 450_000 };
            world.room.handle_estimate(ann, estimate, world.now);
            world.run_ms(1_000);
        }
        let changes = world.video(ann, 0).shown_layers().len();
        assert!(changes <= 14, "{changes} changes in two minutes, up to {high_bps} bit/s");
    }
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
    assert!((3_000_000..4_000_000).contains(&desired), "{desired} bit/s for all");
    world.room.handle_estimate(ann, 8_000_000, world.now);
    world.run_ms(8_000);
    assert_eq!(world.bitrates[&ann].0, 0);
    let told = world.outputs_like(|output| matches!(output, RoomOutput::SetBitrate { .. })).len();
    assert!(told <= 20, "{told} messages to the congestion control");
}

#[test]
fn a_picture_that_is_shown_on_good_faith_is_probed_for() {
    let (mut world, ann) = one_camera(16);
    world.run_ms(1_000);
    world.room.handle_estimate(ann, 170_000, world.now);
    world.run_ms(5_000);
    assert_eq!(shown(&world, ann, 1), [Some(0)]);
    let (minimum, desired) = world.bitrates[&ann];
    assert!((150_000..desired).contains(&minimum), "{minimum} of {desired} bit/s for what is shown");
    world.room.handle_estimate(ann, desired + desired / 10, world.now);
    world.run_ms(5_000);
    assert_eq!(world.bitrates[&ann].0, 0);
}

#[test]
fn an_estimate_is_heeded_at_once_and_not_sooner_than_20_ms_after_a_look() {
    let mut world = World::new(17);
    let ann = world.join(1, 1, 1);
    world.run_ms(1_000);
    let looked = world.now;
    world.room.handle_estimate(ann, 2_000_000, looked);
    assert_eq!(world.room.poll_timeout(), Some(looked));
    world.room.handle_timeout(looked);
    for (after_ms, due_ms) in [(5, 20), (19, 20), (30, 20)] {
        let after = Now::from_millis(after_ms);
        world.room.handle_estimate(ann, 2_000_000 * after_ms, looked + after);
        assert_eq!(world.room.poll_timeout(), Some(looked + Now::from_millis(due_ms)), "{after_ms} ms");
    }
}

#[test]
fn estimates_that_jump_do_not_keep_a_room_busy() {
    let (mut world, ann, _) = gallery(18, 3);
    world.run_ms(5_000);
    let before = world.looks;
    for ms in 0..1_000 {
        let estimate_bps = if ms % 2 == 0 { 1_000_000 } else { 4_000_000 };
        world.room.handle_estimate(ann, estimate_bps, world.now);
        world.run_ms(1);
    }
    let looks = world.looks - before;
    assert!((40..=100).contains(&looks), "{looks} looks in a second");
}

#[test]
fn absurd_estimates_do_no_harm() {
    let (mut world, ann, _) = gallery(19, 1);
    for estimate_bps in [u64::MAX, 100_000, u64::MAX, 0, u64::MAX / 2] {
        world.room.handle_estimate(ann, estimate_bps, world.now);
        world.run_ms(5_000);
    }
    world.room.handle_estimate(ann, 5_000_000, world.now);
    world.run_ms(20_000);
    assert_eq!(shown(&world, ann, 1), [Some(2)]);
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
    let lines = Lines { audio: 1, video: 2, receives: Codec::ALL.into_iter().collect() };
    world.room.set_lines(ann, lines, world.now);
    world.show(PeerKey(2), SourceKind::Screen, HD, 1);
    world.want(ann, &[(screen(PeerKey(2)), HD), (camera(PeerKey(2)), SMALL)]);
    world.run_ms(300);
    assert_eq!(world.layers[&PeerKey(2)], (0b001, true));
    assert!(world.video(ann, 1).shown() > 5);
}

/// A receiver's way, and a congestion control that finds out what it carries.
struct Way {
    carries_bps: u64,
    estimate_bps: u64,
    /// When it has looked for more last.
    probed: Now,
}

impl Way {
    fn new(carries_bps: u64) -> Self {
        Self { carries_bps, estimate_bps: 1_000_000, probed: Now::ZERO }
    }

    fn run_ms(&mut self, world: &mut World, ann: PeerKey, duration_ms: u64) {
        for _ in 0..duration_ms / 100 {
            let before = world.bytes(ann);
            world.run_ms(100);
            let sent_bps = (world.bytes(ann) - before) * 80;
            if sent_bps > self.carries_bps * 11 / 10 {
                self.estimate_bps = self.estimate_bps.min(self.carries_bps / 100 * 85);
            } else {
                self.estimate_bps = self.estimate_bps.max(sent_bps);
            }
            let (minimum_bps, desired_bps) = world.bitrates.get(&ann).copied().unwrap_or_default();
            let is_probed = sent_bps > 0 && minimum_bps > 0 && world.now >= self.probed + Now::from_secs(3);
            if is_probed {
                self.probed = world.now;
                self.estimate_bps = self.estimate_bps.max(self.carries_bps.min(desired_bps * 115 / 100));
            }
            world.room.handle_estimate(ann, self.estimate_bps, world.now);
        }
    }
}

#[test]
fn a_camera_in_one_large_size_is_shown_and_stays() {
    for (kind, layers_bps) in [(SourceKind::Camera, 1_200_000), (SourceKind::Screen, 2_000_000)] {
        let mut world = World::new(11);
        let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
        world.show_single(ben, kind, HD, layers_bps);
        world.run_ms(3_000);
        let cleo = world.join(3, 1, 1);
        let mut way = Way::new(20_000_000);
        way.run_ms(&mut world, cleo, 10_000);
        let shown = world.video(cleo, 0).shown();
        assert!(shown >= 298, "{shown} frames in 10 s for who came later");
        assert!(world.video(ann, 0).shown() >= 385, "and without any estimate");
    }
}

#[test]
fn a_camera_that_does_not_fit_is_paused_and_tried_again_later_and_later() {
    let mut world = World::new(12);
    let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
    world.show_single(ben, SourceKind::Camera, HD, 1_200_000);
    let mut way = Way::new(500_000);
    way.run_ms(&mut world, ann, 120_000);
    let mut phases: Vec<(u128, bool)> = Vec::new();
    for (at, output) in world.outputs_like(|output| matches!(output, RoomOutput::Slots { .. })) {
        let RoomOutput::Slots { peer, slots } = output else { unreachable!("filtered") };
        let is_paused = slots[1].state == SlotPhase::Paused;
        if peer == ann && phases.last().is_none_or(|last| last.1 != is_paused) {
            phases.push((at.as_millis(), is_paused));
        }
    }
    let paused: Vec<u128> = phases
        .windows(2)
        .filter(|pair| pair[0].1)
        .map(|pair| (pair[1].0 - pair[0].0 + 500) / 1_000)
        .collect();
    assert_eq!(paused, [5, 10, 20, 40], "{phases:?}");
    let shown = phases.windows(2).filter(|pair| !pair[0].1).map(|pair| pair[1].0 - pair[0].0);
    assert!(shown.max() <= Some(5_500), "{phases:?}");
}

#[test]
fn a_gallery_and_a_large_camera_are_shown_together() {
    let (mut world, ann, others) = gallery(13, 10);
    world.hide(others[9], SourceKind::Camera);
    world.show_single(others[9], SourceKind::Camera, HD, 1_200_000);
    let mut way = Way::new(20_000_000);
    way.run_ms(&mut world, ann, 15_000);
    assert_eq!(shown(&world, ann, 10), [[Some(2); 9].as_slice(), &[Some(0)]].concat());
}

#[test]
fn when_a_narrow_way_becomes_wide_again_pictures_are_large_after_few_seconds() {
    for narrow_s in [3, 10, 30, 60] {
        let (mut world, ann, _) = gallery(14, 1);
        let mut way = Way::new(5_000_000);
        way.run_ms(&mut world, ann, 20_000);
        assert_eq!(shown(&world, ann, 1), [Some(2)]);
        way.carries_bps = 400_000;
        way.run_ms(&mut world, ann, narrow_s * 1_000);
        assert_eq!(shown(&world, ann, 1), [Some(0)]);
        way.carries_bps = 5_000_000;
        way.run_ms(&mut world, ann, 5_000);
        assert_eq!(shown(&world, ann, 1), [Some(2)], "after {narrow_s} s");
    }
}

#[test]
fn pictures_settle_on_a_way_of_any_width() {
    for carries_bps in (200_000..4_000_000).step_by(190_000) {
        let (mut world, ann, _) = gallery(15, 3);
        let mut way = Way::new(carries_bps);
        way.run_ms(&mut world, ann, 15_000);
        world.outputs_like(|_| true);
        way.run_ms(&mut world, ann, 60_000);
        let is_slots = |output: &RoomOutput| matches!(output, RoomOutput::Slots { peer, .. } if *peer == ann);
        let paused = world.outputs_like(is_slots).len();
        let layers: usize = (0..3).map(|slot| world.video(ann, slot).shown_layers().len()).sum();
        assert!(paused == 0 && layers <= 6, "{carries_bps} bit/s: {paused} and {layers} changes");
        assert_eq!(
            shown(&world, ann, 3)[0],
            Some(u8::from(carries_bps > 700_000) + u8::from(carries_bps > 3_200_000))
        );
    }
}
