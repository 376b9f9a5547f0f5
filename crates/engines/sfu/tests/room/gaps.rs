//! Packets that do not come: a key frame is asked for in their place.

use trunkline_sfu::{Layer, Now, PeerKey, RoomOutput, SourceKind};

use crate::world::{HD, SMALL, World, audio, camera};

/// Ann's camera, watched by Ben and others.
struct Call {
    world: World,
    ann: PeerKey,
}

impl Call {
    fn new(layers: usize, watchers: u64) -> Self {
        let mut world = World::new(layers as u64);
        let ann = world.join(1, 1, 1);
        world.show(ann, SourceKind::Camera, if layers == 1 { SMALL } else { HD }, layers);
        for peer in 0..watchers {
            let key = world.join(2 + peer, 1, 1);
            world.want(key, &[(camera(ann), SMALL)]);
        }
        world.run_ms(2_000);
        world.outputs_like(|_| true);
        Self { world, ann }
    }

    /// The next packets of a layer do not come for now.
    fn lose(&mut self, layer: Layer, count: usize) {
        self.world.held.clear();
        self.world.hold(camera(self.ann), layer, count);
        self.world.run_ms(40 * count as u64);
        assert_eq!(self.world.held.len(), count);
    }

    /// What was held back comes.
    fn fill(&mut self) {
        for packet in std::mem::take(&mut self.world.held) {
            self.world.send(packet);
        }
    }

    /// When key frames were asked for, since the last call.
    fn asked(&mut self) -> Vec<(Now, Layer)> {
        let asked = self.world.outputs_like(|output| matches!(output, RoomOutput::RequestKeyframe { .. }));
        let layer = |(at, output)| match output {
            RoomOutput::RequestKeyframe { source, layer } => {
                assert_eq!(source, camera(self.ann));
                (at, layer)
            }
            _ => unreachable!("filtered"),
        };
        asked.into_iter().map(layer).collect()
    }
}

#[test]
fn what_is_repaired_in_time_costs_no_key_frame() {
    let mut call = Call::new(1, 1);
    call.lose(Layer::Low, 1);
    call.world.run_ms(440);
    call.fill();
    call.world.run_ms(2_000);
    assert_eq!(call.asked(), []);
}

#[test]
fn what_does_not_come_is_replaced_by_a_key_frame() {
    let mut call = Call::new(1, 1);
    let before = call.world.video(PeerKey(2), 0).shown();
    let lost = call.world.now;
    call.lose(Layer::Low, 1);
    call.world.run_ms(2_000);
    let asked = call.asked();
    let [(at, Layer::Low)] = asked[..] else { panic!("{asked:?}") };
    let after = at.saturating_sub(lost).as_millis();
    assert!((500..600).contains(&after), "after {after} ms");
    let frames = call.world.now.saturating_sub(lost).as_millis() / 33;
    let shown = (call.world.video(PeerKey(2), 0).shown() - before) as u128;
    assert!((frames - 20..=frames - 14).contains(&shown), "{shown} of {frames} frames");
}

#[test]
fn a_short_way_is_given_less_time() {
    let mut call = Call::new(1, 1);
    call.world.room.handle_round_trip(call.ann, Now::from_millis(20));
    call.lose(Layer::Low, 1);
    call.world.run_ms(220);
    assert_eq!(call.asked(), []);
    call.world.run_ms(60);
    assert_eq!(call.asked().len(), 1);
}

#[test]
fn a_long_way_is_given_more_time() {
    let mut call = Call::new(1, 1);
    call.world.room.handle_round_trip(call.ann, Now::from_millis(400));
    call.lose(Layer::Low, 1);
    call.world.run_ms(580);
    assert_eq!(call.asked(), []);
    call.world.run_ms(120);
    assert_eq!(call.asked().len(), 1);
}

#[test]
fn a_key_frame_that_comes_by_itself_does() {
    let mut call = Call::new(1, 1);
    call.lose(Layer::Low, 2);
    let ann = call.ann;
    call.world.camera(ann).ask_keyframe(Layer::Low);
    call.world.run_ms(2_000);
    assert_eq!(call.asked(), []);
}

#[test]
fn layers_that_nobody_sees_and_sound_are_left_alone() {
    let mut call = Call::new(3, 1);
    call.world.talk(call.ann, -30);
    call.world.run_ms(100);
    call.lose(Layer::High, 3);
    call.world.hold(audio(call.ann), Layer::Low, 1);
    call.world.run_ms(2_000);
    assert_eq!(call.asked(), []);
    call.lose(Layer::Low, 1);
    call.world.run_ms(2_000);
    assert_eq!(call.asked().len(), 1, "the one that is seen");
}

#[test]
fn while_no_key_frame_comes_it_is_asked_for_three_times() {
    let mut call = Call::new(1, 1);
    call.world.is_deaf = true;
    let lost = call.world.now;
    call.lose(Layer::Low, 1);
    call.world.run_ms(10_000);
    let after: Vec<u128> =
        call.asked().iter().map(|(at, _)| at.saturating_sub(lost).as_millis() / 100).collect();
    assert_eq!(after, [5, 12, 22]);
}

#[test]
fn many_gaps_are_many_requests_only_for_who_is_alone() {
    for (watchers, least, most) in [(1, 10, 20), (20, 5, 10)] {
        let mut call = Call::new(1, watchers);
        for _ in 0..100 {
            call.lose(Layer::Low, 1);
            call.world.run_ms(60);
        }
        let asked = call.asked().len();
        assert!((least..=most).contains(&asked), "{asked} requests in 10 s for {watchers}");
    }
}
