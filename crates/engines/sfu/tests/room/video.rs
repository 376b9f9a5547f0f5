//! One picture, through bad networks.

use trunkline_sfu::{RoomOutput, SlotPhase, SourceKind};

use crate::world::{HD, Network, SMALL, World, camera, screen};

#[test]
fn a_camera_is_shown_to_the_other_one() {
    let mut world = World::new(1);
    let (ann, ben) = (world.join(1, 2, 2), world.join(2, 2, 2));
    world.show(ann, SourceKind::Camera, SMALL, 1);
    world.run_ms(3_000);
    let received = world.video(ben, 0);
    assert!((85..=91).contains(&received.shown()), "{} frames in 3 s", received.shown());
    assert_eq!(received.holes(), 0);
    assert_eq!(world.owners(ben, true), [Some(camera(ann)), None]);
    assert_eq!(world.slots[&ben][2].state, SlotPhase::Live);
    assert_eq!(world.video(ann, 0).count(), 0, "nobody gets his own picture");
}

#[test]
fn who_comes_late_asks_for_one_key_frame() {
    let mut world = World::new(2);
    let (ann, _) = (world.join(1, 2, 2), world.join(2, 2, 2));
    world.show(ann, SourceKind::Camera, SMALL, 1);
    world.run_ms(5_000);
    world.outputs_like(|_| true);
    let cleo = world.join(3, 2, 2);
    world.run_ms(1_000);
    let asked = world.outputs_like(|output| matches!(output, RoomOutput::RequestKeyframe { .. }));
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(world.video(cleo, 0).shown() >= 27);
}

#[test]
fn a_screen_is_shown_beside_the_camera() {
    let mut world = World::new(3);
    let (ann, ben) = (world.join(1, 2, 2), world.join(2, 2, 2));
    world.show(ann, SourceKind::Camera, SMALL, 1);
    world.run_ms(1_000);
    world.show(ann, SourceKind::Screen, HD, 1);
    world.run_ms(1_000);
    assert_eq!(world.owners(ben, true), [Some(camera(ann)), Some(screen(ann))]);
    assert!(world.video(ben, 1).shown() >= 27);
    world.hide(ann, SourceKind::Screen);
    world.run_ms(1_000);
    assert_eq!(world.owners(ben, true), [Some(camera(ann)), None]);
    assert_eq!(world.layers[&ann].0, 0b001, "the camera is still wanted");
}

#[test]
fn three_layers_through_loss_jitter_and_repairs_stay_one_stream() {
    for seed in 0..8 {
        let mut world = World::new(seed);
        world.network = Network { loss_percent: 5, jitter_ms: 15, repair_ms: Some(60) };
        let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
        world.show(ann, SourceKind::Camera, HD, 3);
        world.room.handle_estimate(ben, 5_000_000, world.now);
        for round in 0..12 {
            let size = if round % 2 == 0 { HD } else { SMALL };
            world.want(ben, &[(camera(ann), size)]);
            let pause_ms = 1_000 + world.chance.below(1_500);
            world.run_ms(pause_ms);
        }
        let received = world.video(ben, 0);
        let frames = received.frames();
        let shown = frames.iter().filter(|frame| frame.is_shown).count();
        assert!(received.shown_layers().len() >= 8, "seed {seed}: {:?}", received.shown_layers());
        // A frame is cut where the next layer begins; all others come whole in the end.
        assert!(frames.len() - shown <= 13 * 2, "seed {seed}: {shown} of {} frames shown", frames.len());
    }
}

#[test]
fn losses_that_are_not_repaired_leave_holes_and_nothing_else() {
    for seed in 0..10 {
        let mut world = World::new(seed);
        world.network = Network { loss_percent: 3, jitter_ms: 0, repair_ms: None };
        let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
        world.show(ann, SourceKind::Camera, SMALL, 1);
        world.run_ms(10_000);
        let received = world.video(ben, 0);
        let percent = received.holes() * 100 / received.count() as u64;
        assert!((1..=6).contains(&percent), "seed {seed}: {percent} %");
        received.frames();
    }
}

#[test]
fn a_slot_goes_on_with_another_person() {
    let mut world = World::new(5);
    let (ann, ben, cleo) = (world.join(1, 2, 1), world.join(2, 2, 1), world.join(3, 2, 1));
    world.show(ann, SourceKind::Camera, SMALL, 1);
    world.show(ben, SourceKind::Camera, SMALL, 1);
    for round in 0..10 {
        world.want(cleo, &[(camera(if round % 2 == 0 { ann } else { ben }), SMALL)]);
        world.run_ms(700);
    }
    let peers: Vec<u8> = world.video(cleo, 0).frames().iter().map(|frame| frame.label.peer).collect();
    let changes = peers.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 9);
}
