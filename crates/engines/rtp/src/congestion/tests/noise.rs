//! Ways that lose, delay and batch packets without being narrow.

use super::SEEDS;
use super::sender::Media;
use super::way::Way;
use super::world::World;
use crate::Now;
use crate::congestion::{Controller, Purpose};

/// The camera at the highest layer, and with sound.
const CAMERA_BPS: u64 = 1_200_000;
const ALL_BPS: u64 = 1_240_000;

#[test]
fn loss_by_chance_takes_nothing_away() {
    for (lost_permille, percent) in [(20, 100), (50, 100), (100, 70)] {
        for seed in SEEDS {
            let mut world = World::new(Media::Layers, seed);
            world.run(&Way { lost_permille, ..Way::WIDE }, 60_000);
            let least = world.least_since(3_000);
            assert!(least >= CAMERA_BPS / 100 * percent, "{lost_permille}, seed {seed}: {least}");
            assert_eq!(world.sender.layer, Some(2), "{lost_permille}, seed {seed}");
            let loss = world.controller.loss().expect("much is sent") * 1_000.0;
            assert!((loss - lost_permille as f32).abs() < 50.0, "{lost_permille}, seed {seed}: {loss}");
        }
    }
}

#[test]
fn a_way_that_loses_much_whatever_is_sent_is_found_out() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        world.run(&Way { lost_permille: 200, ..Way::WIDE }, 30_000);
        assert!(world.drops > 0, "seed {seed}: it must have been tried");
        assert_eq!(world.sender.layer, Some(2), "seed {seed}");
        assert!(world.controller.estimate_bps() >= CAMERA_BPS, "seed {seed}");
    }
}

#[test]
fn a_burst_of_losses_is_forgotten_within_three_seconds() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        world.run(&Way::WIDE, 10_000);
        world.run(&Way { lost_permille: 300, ..Way::WIDE }, 1_000);
        world.run(&Way::WIDE, 3_000);
        assert_eq!(world.sender.layer, Some(2), "seed {seed}");
        let estimate = world.controller.estimate_bps();
        assert!(estimate >= CAMERA_BPS, "seed {seed}: {estimate}");
    }
}

#[test]
fn a_long_way_with_jitter_is_no_narrow_way() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        let way = Way { delay_ms: 100, jitter_us: 30_000, ..Way::WIDE };
        world.run(&way, 60_000);
        assert_eq!((world.drops, world.sender.layer), (0, Some(2)), "seed {seed}");
        assert!(world.least_since(2_000) >= CAMERA_BPS, "seed {seed}: {}", world.least_since(2_000));
        let round_trip = world.controller.round_trip().expect("there was feedback").as_millis();
        assert!((200..320).contains(&round_trip), "{round_trip} ms");
    }
}

#[test]
fn packets_that_overtake_each_other_are_no_narrow_way() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        world.run(&Way { jitter_us: 30_000, is_reordering: true, ..Way::WIDE }, 30_000);
        assert_eq!((world.drops, world.sender.layer), (0, Some(2)), "seed {seed}");
        // What is overtaken at the moment of feedback is taken for lost, until the next one.
        assert!(world.controller.loss().is_some_and(|loss| loss < 0.03), "seed {seed}");
    }
}

#[test]
fn feedback_may_get_lost() {
    for seed in SEEDS {
        for delay_ms in [20, 300] {
            let way = Way { feedback_lost_permille: 100, delay_ms, ..Way::WIDE };
            let mut world = World::new(Media::Layers, seed);
            world.run(&way, 30_000);
            assert_eq!((world.drops, world.sender.layer), (0, Some(2)), "{delay_ms} ms, seed {seed}");
            let down_ms = world.until_below(&Way { rate_bps: 300_000, ..way }, 300_000, 5_000);
            assert!(down_ms <= 2_000, "{delay_ms} ms, seed {seed}: {down_ms} ms");
        }
    }
}

#[test]
fn a_busy_server_is_no_narrow_way() {
    for media in [
        Media::Layers,
        Media::Constant { bps: ALL_BPS, desired_bps: ALL_BPS },
        Media::Constant { bps: ALL_BPS, desired_bps: 2_500_000 },
    ] {
        for (seed, busy_us) in SEEDS.into_iter().zip([20_000, 20_000, 20_000, 40_000, 60_000]) {
            let mut world = World::new(media, seed);
            let way = Way { busy_us, batch_us: 10_000, ..Way::WIDE };
            let took_ms = world.until_estimate(&way, CAMERA_BPS, 2_000);
            assert!(took_ms < 2_000, "{media:?}, seed {seed}: {took_ms} ms");
            world.run(&way, 60_000);
            assert_eq!(world.drops, 0, "{media:?}, seed {seed}");
            assert!(world.least_since(2_000) >= CAMERA_BPS, "{media:?}, seed {seed}");
        }
    }
}

#[test]
fn a_busy_server_before_a_narrow_way_sees_that_it_is_narrow() {
    for seed in SEEDS {
        let mut world = World::new(Media::Layers, seed);
        let way = Way { busy_us: 20_000, batch_us: 10_000, ..Way::NARROW };
        let took_ms = world.until_below(&way, 300_000, 5_000);
        assert!(took_ms <= 1_500, "seed {seed}: {took_ms} ms");
        world.run(&way, 20_000);
        assert!(world.drops <= 4, "seed {seed}: {} drops", world.drops);
        assert_eq!(world.sender.layer, Some(0), "seed {seed}");
    }
}

/// A camera of one layer, 800 kbit/s, which is sent whatever the estimate says; with sound.
const SINGLE: Media = Media::Constant { bps: 840_000, desired_bps: 840_000 };

#[test]
fn what_arrives_beside_losses_is_believed_at_once() {
    for lost_permille in [0, 40, 80, 120, 140] {
        for seed in SEEDS {
            let mut world = World::new(SINGLE, seed);
            world.controller = Controller::new(100_000);
            let way = Way { lost_permille, ..Way::WIDE };
            let expect = 800_000 * (1_000 - lost_permille) / 1_000 * 85 / 100;
            let took_ms = world.until_estimate(&way, expect, 10_000);
            assert!(took_ms < 2_000, "{lost_permille}, seed {seed}: {took_ms} ms");
        }
    }
}

#[test]
fn loss_of_what_cannot_become_less_is_found_to_be_the_ways_own() {
    for lost_permille in [180, 200, 300] {
        for seed in SEEDS {
            let mut world = World::new(SINGLE, seed);
            let way = Way { lost_permille, ..Way::WIDE };
            world.run(&way, 3_000);
            let took_ms = world.until_estimate(&way, 800_000, 30_000);
            assert!(took_ms < 20_000, "{lost_permille}, seed {seed}: {took_ms} ms");
        }
    }
}

#[test]
fn a_full_queue_is_not_taken_for_the_ways_own_loss() {
    for seed in SEEDS {
        let mut world = World::new(SINGLE, seed);
        world.run(&Way { rate_bps: 500_000, queue_ms: 300, ..Way::WIDE }, 15_000);
        let estimate = world.controller.estimate_bps();
        assert!(estimate < 550_000, "seed {seed}: {estimate}");
    }
}

#[test]
fn heavy_loss_of_few_packets_is_seen() {
    // A packet a picture, and of each two one is lost.
    let mut controller = Controller::new(1_000_000);
    controller.set_wanted(2_000_000, 3_000_000);
    let mut probes = 0;
    for number in 0..100_u16 {
        let at_ms = u64::from(number) * 70;
        let now = Now::from_millis(at_ms);
        controller.sent(200, Purpose::Media, now);
        let time = i64::try_from(at_ms).unwrap() * 1_000;
        controller.arrived([(number, number.is_multiple_of(2).then_some(time))].into_iter(), now);
        probes += u32::from((2_000..5_000).contains(&at_ms) && controller.poll_probe(now).is_some());
        controller.handle_timeout(now);
    }
    assert!(controller.loss().is_some_and(|loss| (0.4..0.6).contains(&loss)), "{:?}", controller.loss());
    assert_eq!(probes, 0, "more would be lost");
}
