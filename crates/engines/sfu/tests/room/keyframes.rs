//! Receivers that ask for key frames.

use trunkline_sfu::{Codec, Layer, Lines, PeerKey, RoomOutput, SlotKey, SourceKind};

use crate::world::{SMALL, World, camera};

const FIRST: SlotKey = SlotKey { is_video: true, index: 0 };

fn is_request(output: &RoomOutput) -> bool {
    matches!(output, RoomOutput::RequestKeyframe { .. })
}

#[test]
fn a_receiver_in_trouble_gets_a_key_frame() {
    let mut world = World::new(1);
    let (ann, ben) = (world.join(1, 1, 1), world.join(2, 1, 1));
    world.show(ann, SourceKind::Camera, SMALL, 1);
    world.run_ms(2_000);
    world.outputs_like(|_| true);
    world.room.handle_keyframe_request(ben, FIRST, world.now);
    world.take_outputs();
    let asked: Vec<RoomOutput> =
        world.outputs_like(is_request).into_iter().map(|(_, output)| output).collect();
    assert_eq!(asked, [RoomOutput::RequestKeyframe { source: camera(ann), layer: Layer::Low }]);
}

#[test]
fn a_hundred_receivers_in_trouble_cost_few_key_frames() {
    let mut world = World::new(2);
    let ann = world.join(1, 1, 1);
    world.show(ann, SourceKind::Camera, SMALL, 1);
    let others: Vec<PeerKey> = (2..102).map(|peer| world.join(peer, 1, 1)).collect();
    world.run_ms(2_000);
    world.outputs_like(|_| true);
    for _ in 0..1_000 {
        for other in &others {
            world.room.handle_keyframe_request(*other, FIRST, world.now);
        }
        world.run_ms(10);
    }
    let asked = world.outputs_like(is_request).len();
    assert!((5..=10).contains(&asked), "{asked} requests in 10 s");
}

#[test]
fn requests_for_what_is_not_there_are_ignored() {
    let mut world = World::new(3);
    let ben = world.join_with(2, Lines { audio: 1, video: 1, receives: Codec::ALL.into_iter().collect() });
    world.run_ms(10);
    for slot in [FIRST, SlotKey { is_video: true, index: 9 }, SlotKey { is_video: false, index: 0 }] {
        world.room.handle_keyframe_request(ben, slot, world.now);
        world.room.handle_keyframe_request(PeerKey(99), slot, world.now);
    }
    world.take_outputs();
    assert_eq!(world.outputs_like(is_request), []);
}
