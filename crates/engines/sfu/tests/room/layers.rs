//! Which layer goes out, and which are asked of the sender.

use trunkline_sfu::{Codec, Now, RoomOutput, Size, SourceKind};

use crate::camera::label;
use crate::world::{HD, SMALL, World, camera};

fn pair(seed: u64) -> (World, trunkline_sfu::PeerKey, trunkline_sfu::PeerKey) {
    let mut world = World::new(seed);
    let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
    world.show(ann, SourceKind::Camera, HD, 3);
    world.room.handle_estimate(ben, 5_000_000, world.now);
    (world, ann, ben)
}

#[test]
fn the_lowest_layer_that_fills_the_tile_goes_out() {
    let check = |tile: Size, layer: u8| {
        let (mut world, ann, ben) = pair(1);
        world.want(ben, &[(camera(ann), tile)]);
        world.run_ms(4_000);
        assert_eq!(world.video(ben, 0).shown_layers().last(), Some(&layer), "{tile:?}");
    };
    check(SMALL, 0);
    check(Size { width: 400, height: 240 }, 0);
    check(Size { width: 640, height: 360 }, 1);
    check(Size { width: 1280, height: 720 }, 2);
    check(Size { width: 3840, height: 2160 }, 2);
}

#[test]
fn a_larger_tile_is_served_without_a_pause_in_the_picture() {
    let (mut world, ann, ben) = pair(2);
    world.want(ben, &[(camera(ann), SMALL)]);
    world.run_ms(3_000);
    world.want(ben, &[(camera(ann), HD)]);
    world.run_ms(3_000);
    let frames = world.video(ben, 0).frames();
    let longest = frames.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp)).max();
    assert_eq!(world.video(ben, 0).shown_layers(), [0, 2]);
    assert!(longest <= Some(2 * 3_000), "{longest:?} ticks between two frames");
}

#[test]
fn pictures_run_on_over_layers_and_people_whatever_their_codecs() {
    let mut world = World::new(8);
    let [ann, ben, cat] = [1, 2, 3].map(|peer| world.join(peer, 1, 1));
    world.show(ann, SourceKind::Camera, HD, 3);
    world.camera(ann).codec = Codec::Vp9;
    world.show(cat, SourceKind::Camera, HD, 3);
    world.room.handle_estimate(ben, 5_000_000, world.now);
    for (source, tile) in [(ann, SMALL), (ann, HD), (cat, SMALL), (ann, HD)] {
        world.want(ben, &[(camera(source), tile)]);
        world.run_ms(3_000);
    }
    let frames = world.video(ben, 0).frames();
    let mut shown: Vec<_> = frames.iter().filter(|frame| frame.is_shown).map(|frame| frame.label).collect();
    shown.dedup_by_key(|label| (label.peer, label.layer));
    let shown: Vec<_> = shown.iter().map(|label| (label.peer, label.layer)).collect();
    assert_eq!(shown, [(1, 0), (1, 2), (3, 0), (1, 2)]);
    let mut codecs: Vec<_> = world.video(ben, 0).packets().map(|packet| packet.codec).collect();
    codecs.dedup();
    assert_eq!(codecs, [Codec::Vp9, Codec::Vp8, Codec::Vp9]);
}

#[test]
fn a_layer_of_av1_begins_with_its_sequence() {
    let (mut world, ann, ben) = pair(9);
    world.camera(ann).codec = Codec::Av1;
    for tile in [SMALL, HD] {
        world.want(ben, &[(camera(ann), tile)]);
        world.run_ms(3_000);
    }
    assert!(world.video(ben, 0).packets().all(|packet| packet.patch.is_none()));
    assert_eq!(world.video(ben, 0).holes(), 0);
    let mut labels: Vec<_> = world.video(ben, 0).packets().map(|packet| label(&packet.payload)).collect();
    labels.dedup_by_key(|label| label.layer);
    let begins: Vec<_> = labels.iter().map(|label| (label.layer, label.is_key, label.part)).collect();
    assert_eq!(begins, [(0, true, 0), (2, true, 0)]);
}

#[test]
fn a_layer_that_ends_is_replaced_by_the_next_lower_one() {
    let (mut world, ann, ben) = pair(3);
    world.want(ben, &[(camera(ann), HD)]);
    world.run_ms(3_000);
    world.camera(ann).turn(0b011);
    world.run_ms(1_500);
    assert_eq!(world.video(ben, 0).shown_layers().last(), Some(&1));
    world.camera(ann).turn(0b111);
    world.run_ms(3_000);
    assert_eq!(world.video(ben, 0).shown_layers().last(), Some(&2));
}

#[test]
fn a_sender_without_layers_is_shown_in_every_tile() {
    for tile in [SMALL, HD] {
        let mut world = World::new(4);
        let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
        world.show(ann, SourceKind::Camera, HD, 1);
        world.want(ben, &[(camera(ann), tile)]);
        world.run_ms(10_000);
        assert!(world.video(ben, 0).shown() >= 295, "{tile:?}: {}", world.video(ben, 0).shown());
    }
}

#[test]
fn an_obedient_sender_sends_what_is_wanted_and_no_more() {
    let (mut world, ann, ben) = pair(5);
    world.camera(ann).is_obedient = true;
    world.want(ben, &[(camera(ann), HD)]);
    world.run_ms(12_000);
    assert_eq!(world.layers[&ann], (0b100, false));
    world.outputs_like(|_| true);

    world.want(ben, &[(camera(ann), SMALL)]);
    world.run_ms(12_000);
    let told = world.outputs_like(|output| matches!(output, RoomOutput::Layers { .. }));
    let told: Vec<_> = told.iter().map(|(at, output)| (at.as_millis() - 12_000, output)).collect();
    let [(up, RoomOutput::Layers { camera: 0b101, .. }), (down, RoomOutput::Layers { camera: 0b001, .. })] =
        told[..]
    else {
        panic!("{told:?}")
    };
    assert!(up <= 2, "up at once");
    assert!((5_000..6_000).contains(&down), "down after five seconds: {down}");
    assert_eq!(world.video(ben, 0).shown_layers().last(), Some(&0));
    // The picture never stood still for longer than the key frame took.
    let frames = world.video(ben, 0).frames();
    let longest = frames.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp)).max();
    assert!(longest <= Some(90 * 200), "{longest:?} ticks between two frames");
}

#[test]
fn nobody_watches_nothing_is_wanted() {
    let (mut world, ann, ben) = pair(6);
    world.want(ben, &[(camera(ann), HD)]);
    world.run_ms(2_000);
    world.want(ben, &[]);
    world.run_ms(6_000);
    assert_eq!(world.layers[&ann], (0, false));
    world.want(ben, &[(camera(ann), SMALL)]);
    world.run_ms(2);
    assert_ne!(world.layers[&ann].0, 0, "wanted again at once");
}

#[test]
fn a_room_in_which_nothing_comes_falls_asleep() {
    let (mut world, ann, _) = pair(7);
    world.run_ms(2_000);
    world.hide(ann, SourceKind::Camera);
    world.run_ms(10_000);
    assert_eq!(world.room.poll_timeout(), None);
    assert!(world.now > Now::from_secs(10));
}
