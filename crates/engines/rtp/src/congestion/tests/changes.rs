//! Ways that become narrow and wide again, long and short, silent and heard.

use super::SEEDS;
use super::sender::Media;
use super::way::Way;
use super::world::World;

#[test]
fn a_way_that_becomes_narrow_and_wide_again_is_followed_down_and_up() {
    for feedback_ms in [50, 100, 250] {
        let wide = Way { feedback_ms, ..Way::WIDE };
        let narrow = Way { feedback_ms, ..Way::NARROW };
        for seed in SEEDS {
            let mut world = World::new(Media::Layers, seed);
            world.run(&wide, 10_000);
            let down_ms = world.until_below(&narrow, 300_000, 5_000);
            // Two feedbacks, each of a quarter of a second, and the queue between.
            let most_ms = if feedback_ms == 250 { 1_500 } else { 1_000 };
            assert!(down_ms <= most_ms, "{feedback_ms} ms, seed {seed}: {down_ms} ms down");
            // At another moment between two clusters each time.
            world.run(&narrow, 15_000 + 700 * seed);
            assert!(world.drops <= 4, "{feedback_ms} ms, seed {seed}: {} drops", world.drops);
            let up_ms = world.until_estimate(&wide, 1_400_000, 10_000);
            assert!(up_ms <= 4_000, "{feedback_ms} ms, seed {seed}: {up_ms} ms up");
            world.run(&wide, 3_000);
            assert_eq!(world.sender.layer, Some(2), "{feedback_ms} ms, seed {seed}");
        }
    }
}

#[test]
fn silence_teaches_nothing() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        world.run(&Way::WIDE, 5_000);
        let before = world.controller.estimate_bps();
        world.sender.media = Media::Nothing;
        world.run(&Way::WIDE, 3_000);
        let timeouts = world.timeouts;
        assert_eq!(world.controller.poll_timeout(), None, "seed {seed}");
        world.run(&Way::WIDE, 30_000);
        assert_eq!((world.controller.estimate_bps(), world.timeouts), (before, timeouts), "seed {seed}");
        world.sender.media = Media::Layers;
        world.run(&Way::WIDE, 5_000);
        assert!(world.least_since(5_000) >= before, "seed {seed}");
        assert_eq!(world.sender.layer, Some(2), "seed {seed}");
    }
}

#[test]
fn a_way_that_has_become_longer_is_no_narrow_way() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        world.run(&Way::WIDE, 5_000);
        world.run(&Way { delay_ms: 120, ..Way::WIDE }, 10_000);
        world.run(&Way::WIDE, 5_000);
        assert_eq!((world.drops, world.sender.layer), (0, Some(2)), "seed {seed}");
        assert!(!world.controller.is_overused(), "seed {seed}");
    }
}

#[test]
fn moments_in_which_nothing_gets_through_are_no_narrow_way() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        for _ in 0..15 {
            world.run(&Way::WIDE, 1_850);
            world.run(&Way { rate_bps: 1_000, queue_ms: 1_000_000, ..Way::WIDE }, 150);
        }
        assert_eq!((world.drops, world.sender.layer), (0, Some(2)), "seed {seed}");
    }
}

#[test]
fn missing_feedback_halves_once_and_never_below_what_arrived() {
    let mut world = World::new(Media::Layers, 1);
    world.run(&Way::WIDE, 5_000);
    let before = world.controller.estimate_bps();
    // A camera of 1.2 Mbit/s is sent until then.
    let least = world.controller.acked_bps().expect("much is sent").max(before / 2);
    world.is_deaf = true;
    let took_ms = world.until_below(&Way::WIDE, before, 5_000);
    assert!((500..1_500).contains(&took_ms), "{took_ms} ms");
    let lowered = world.controller.estimate_bps();
    assert!(lowered < before && lowered.abs_diff(least) < least / 10, "{before}, {lowered}, {least}");
    world.run(&Way::WIDE, 10_000);
    assert_eq!(world.controller.estimate_bps(), lowered);
    world.is_deaf = false;
    let took_ms = world.until_estimate(&Way::WIDE, 1_400_000, 5_000);
    assert!(took_ms <= 2_000, "{took_ms} ms");
}

#[test]
fn a_receiver_that_never_tells_anything_costs_nothing() {
    let mut world = World::new(Media::Layers, 1);
    world.is_deaf = true;
    world.run(&Way::WIDE, 30_000);
    assert_eq!((world.timeouts, world.sender.probes), (0, 0));
    assert_eq!(world.controller.estimate_bps(), 1_000_000);
    assert_eq!((world.controller.round_trip(), world.controller.loss()), (None, None));
}

#[test]
fn a_receivers_clock_may_be_set() {
    for jump_us in [3_600_000_000, -7_200_000_000, 6_000_000, -1_100_000_000_000] {
        let mut world = World::new(Media::Layers, 1);
        world.run(&Way::WIDE, 5_000);
        world.clock_us += jump_us;
        world.run(&Way::WIDE, 5_000);
        assert_eq!((world.drops, world.sender.layer), (0, Some(2)), "{jump_us}");
        assert!(world.controller.acked_bps().is_some_and(|bps| bps > 1_000_000), "{jump_us}");
        // Queues are still seen.
        let down_ms = world.until_below(&Way::NARROW, 300_000, 5_000);
        assert!(down_ms <= 1_000, "{jump_us}: {down_ms} ms");
    }
}

#[test]
fn feedback_that_mostly_gets_lost_takes_nothing_away() {
    for keep in [2, 4, 8, 12, 20] {
        let camera = Media::Constant { bps: 840_000, desired_bps: 840_000 };
        let mut world = World::new(camera, keep);
        world.feedback_kept_each = keep;
        world.run(&Way { rate_bps: 5_000_000, delay_ms: 30, ..Way::WIDE }, 30_000);
        let (least, drops) = (world.least_since(0), world.drops);
        assert!(least >= 800_000 && drops <= 1, "one in {keep}: {least}, {drops} drops");
        // What arrived is not overrated for what is not known between.
        let estimate = world.controller.estimate_bps();
        assert!(estimate <= 1_300_000, "one in {keep}: {estimate}");
        let acked = world.controller.acked_bps().expect("something is told");
        assert!((600_000..1_000_000).contains(&acked), "one in {keep}: {acked}");
    }
}

#[test]
fn silence_again_and_again_lowers_once() {
    let mut world = World::new(Media::Constant { bps: 440_000, desired_bps: 440_000 }, 1);
    world.run(&Way::WIDE, 5_000);
    assert!(world.controller.estimate_bps() >= 1_000_000);
    for round in 0..10 {
        world.is_deaf = true;
        world.run(&Way::WIDE, 1_500);
        world.is_deaf = false;
        world.run(&Way::WIDE, 1_000);
        assert!(world.drops <= 1, "round {round}: {} drops", world.drops);
        assert!(world.least_since(0) >= 400_000, "round {round}: {}", world.least_since(0));
    }
    assert_eq!(world.drops, 1);
    world.run(&Way::WIDE, 5_000);
    world.is_deaf = true;
    let before = world.controller.estimate_bps();
    world.until_below(&Way::WIDE, before, 3_000);
    assert!(world.controller.estimate_bps() < before, "feedback had come for long enough");
}

#[test]
fn a_camera_that_pauses_and_comes_again_keeps_its_estimate() {
    for seed in SEEDS {
        let camera = Media::Constant { bps: 840_000, desired_bps: 840_000 };
        let mut world = World::new(camera, seed);
        let way = Way { rate_bps: 1_500_000, ..Way::WIDE };
        world.run(&way, 5_000);
        for pause_ms in [90, 200, 400, 800, 1_500, 4_000, 12_000] {
            world.sender.media = Media::Nothing;
            world.run(&way, pause_ms);
            world.sender.media = camera;
            world.run(&way, 3_000);
            assert_eq!(world.drops, 0, "{pause_ms} ms, seed {seed}");
        }
        assert!(world.least_since(1_000) >= 800_000, "seed {seed}: {}", world.least_since(1_000));
        // And what has become narrow meanwhile is seen.
        world.sender.media = Media::Nothing;
        world.run(&way, 800);
        world.sender.media = camera;
        let down_ms = world.until_below(&Way::NARROW, 400_000, 5_000);
        assert!(down_ms <= 1_500, "seed {seed}: {down_ms} ms");
    }
}
