//! Ways that carry a certain rate, from the start on and for ever.

use super::SEEDS;
use super::sender::{LAYERS_BPS, Media};
use super::way::Way;
use super::world::World;

/// The camera at the middle layer and at the lowest.
const MIDDLE_BPS: u64 = 500_000;
const LOW_BPS: u64 = 150_000;

#[test]
fn a_wide_way_is_known_within_a_second() {
    for seed in SEEDS {
        let mut world = World::new(Media::Constant { bps: 800_000, desired_bps: 3_000_000 }, seed);
        let took_ms = world.until_estimate(&Way::WIDE, 3_000_000, 3_000);
        assert!(took_ms < 1_000, "seed {seed}: {took_ms} ms");
        world.run(&Way::WIDE, 30_000);
        assert!(world.least_since(1_000) >= 3_000_000, "seed {seed}");
        assert!(world.sender.probes <= 3, "seed {seed}: what is wanted is there");
        assert_eq!((world.drops, world.timeouts), (0, world.sender.probes), "seed {seed}");
    }
}

#[test]
fn feedback_may_come_seldom() {
    for feedback_ms in [50, 100, 250] {
        for seed in SEEDS {
            let way = Way { feedback_ms, ..Way::WIDE };
            let mut world = World::new(Media::Layers, seed);
            let took_ms = world.until_estimate(&way, 1_400_000, 3_000);
            assert!(took_ms < 1_000, "{feedback_ms} ms, seed {seed}: {took_ms} ms");
            world.run(&way, 10_000);
            assert_eq!((world.sender.layer, world.drops), (Some(2), 0), "{feedback_ms} ms, seed {seed}");
        }
    }
}

#[test]
fn a_way_that_is_too_narrow_from_the_start_is_known_within_a_second() {
    for queue_ms in [400, 2_000] {
        for seed in SEEDS {
            let way = Way { queue_ms, ..Way::NARROW };
            let mut world = World::new(Media::Layers, seed);
            let took_ms = world.until_below(&way, 300_000, 3_000);
            assert!(took_ms <= 1_000, "{queue_ms} ms, seed {seed}: {took_ms} ms");
            assert!(world.link.worst_queue_ms < 1_000, "seed {seed}: {} ms", world.link.worst_queue_ms);
            world.run(&way, 30_000);
            assert_eq!(world.sender.layer, Some(0), "{queue_ms} ms, seed {seed}");
            assert!(world.drops <= 3, "{queue_ms} ms, seed {seed}: {} drops", world.drops);
            assert!(
                world.least_since(2_000) > LOW_BPS,
                "{queue_ms} ms, seed {seed}: what gets through may stay"
            );
        }
    }
}

#[test]
fn clusters_on_a_narrow_way_make_no_long_queue() {
    for rate_bps in [300_000, 400_000, 700_000, 1_000_000, 1_500_000] {
        let way = Way { rate_bps, queue_ms: 2_000, ..Way::WIDE };
        let mut world = World::new(Media::Layers, 1);
        world.run(&way, 20_000);
        world.link.worst_queue_ms = 0;
        let probes = world.sender.probes;
        world.run(&way, 60_000);
        let probes = world.sender.probes - probes;
        assert!((15..=25).contains(&probes), "{rate_bps}: {probes} in a minute");
        // A cluster and a large picture that come together.
        assert!(world.link.worst_queue_ms <= 250, "{rate_bps}: {} ms", world.link.worst_queue_ms);
    }
}

#[test]
fn each_rate_gets_the_layer_that_fits() {
    let expect = [(200_000, 0), (400_000, 0), (700_000, 1), (1_000_000, 1), (1_500_000, 1), (2_000_000, 2)];
    for (rate_bps, layer) in expect {
        for seed in SEEDS {
            let way = Way { rate_bps, ..Way::WIDE };
            let mut world = World::new(Media::Layers, seed);
            world.run(&way, 60_000);
            let needs = LAYERS_BPS[layer] * 85 / 100;
            assert_eq!(world.sender.layer, Some(layer), "{rate_bps}, seed {seed}");
            assert!(
                world.least_since(10_000) >= needs,
                "{rate_bps}, seed {seed}: {}",
                world.least_since(10_000)
            );
            assert!(world.drops <= 12, "{rate_bps}, seed {seed}: {} drops", world.drops);
        }
    }
}

#[test]
fn a_way_that_drops_instead_of_queueing_is_found_by_loss() {
    for seed in SEEDS {
        let way = Way { queue_ms: 20, ..Way::NARROW };
        let mut world = World::new(Media::Layers, seed);
        let took_ms = world.until_below(&way, MIDDLE_BPS * 9 / 10, 5_000);
        assert!(took_ms < 2_500, "seed {seed}: {took_ms} ms");
        world.run(&way, 30_000);
        assert_eq!(world.sender.layer, Some(0), "seed {seed}");
        assert!(world.least_since(5_000) >= LAYERS_BPS[0], "seed {seed}: {}", world.least_since(5_000));
    }
}

#[test]
fn what_is_slightly_too_much_is_found_too() {
    for seed in SEEDS {
        let way = Way { rate_bps: 950_000, queue_ms: 1_000, ..Way::WIDE };
        let mut world = World::new(Media::Constant { bps: 1_000_000, desired_bps: 1_000_000 }, seed);
        let took_ms = world.until_below(&way, 900_000, 5_000);
        assert!(took_ms < 4_000, "seed {seed}: {took_ms} ms");
        assert!(
            world.controller.estimate_bps() > 700_000,
            "seed {seed}: {}",
            world.controller.estimate_bps()
        );
    }
}

#[test]
fn little_is_kept() {
    let mut world = World::new(Media::Constant { bps: 2_500_000, desired_bps: 5_000_000 }, 1);
    world.run(&Way { lost_permille: 50, feedback_ms: 250, ..Way::WIDE }, 10_000);
    let bytes = world.controller.kept_bytes();
    assert!(bytes < 12 * 1_024, "{bytes} bytes");
}

#[test]
fn bursts_of_a_screen_do_not_let_the_estimate_swing() {
    for (bytes, every_ms) in [(50_000, 700), (60_000, 800), (60_000, 1_000), (40_000, 900)] {
        let mut world = World::new(Media::Bursts { bytes, every_ms }, 1);
        let way = Way { rate_bps: 1_000_000, queue_ms: 2_000, ..Way::WIDE };
        world.run(&way, 30_000);
        let least = world.least_since(0);
        assert!(least >= 800_000, "{bytes} bytes each {every_ms} ms: {least}");
        let most = *world.estimates.iter().max().expect("it ran");
        assert!(most <= 1_400_000, "{bytes} bytes each {every_ms} ms: {most}");
        assert!(world.drops <= 6, "{bytes} bytes each {every_ms} ms: {} drops", world.drops);
    }
}

#[test]
fn bursts_on_a_way_that_is_too_narrow_are_seen() {
    // A packet takes 59 ms at the last one: the second burst stands behind all of the first.
    for (rate_bps, every_ms, most_ms) in
        [(300_000, 700, 2_500), (400_000, 500, 2_500), (150_000, 1_000, 5_000)]
    {
        let mut world = World::new(Media::Bursts { bytes: 30_000, every_ms }, 1);
        let way = Way { rate_bps, queue_ms: 3_000, ..Way::WIDE };
        let took_ms = world.until_below(&way, rate_bps, 10_000);
        assert!(took_ms <= most_ms, "{rate_bps}: {took_ms} ms");
        world.run(&way, 10_000);
        let estimate = world.controller.estimate_bps();
        assert!((rate_bps / 2..rate_bps * 12 / 10).contains(&estimate), "{rate_bps}: {estimate}");
    }
}
