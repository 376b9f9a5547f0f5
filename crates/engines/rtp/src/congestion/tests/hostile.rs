//! Receivers that tell what is not so.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{Controller, Purpose};
use crate::Now;

fn at(ms: u64) -> Now {
    Now::from_millis(ms)
}

/// A controller that has sent a hundred packets in a second.
fn sent() -> Controller {
    let mut controller = Controller::new(1_000_000);
    controller.set_wanted(2_000_000, 3_000_000);
    for number in 0..100 {
        assert_eq!(controller.sent(1_000, Purpose::Media, at(u64::from(number) * 10)), number);
    }
    controller
}

#[test]
fn what_was_never_sent_does_nothing() {
    let mut controller = sent();
    controller.arrived((100..60_000).map(|number| (number, Some(i64::from(number)))), at(1_000));
    assert_eq!((controller.round_trip(), controller.loss(), controller.acked_bps()), (None, None, None));
    assert_eq!((controller.estimate_bps(), controller.poll_timeout()), (1_000_000, None));
}

#[test]
fn a_long_list_of_what_was_never_sent_is_not_walked() {
    let mut controller = sent();
    for number in 0..50 {
        controller.arrived([(number, Some(i64::from(number) * 10_000))].into_iter(), at(1_000));
    }
    let mut walk = |first: u16, count: u16| {
        let mut walked = 0;
        let numbers = (0..count).map(|index| (first.wrapping_add(index), None));
        controller.arrived(numbers.inspect(|_| walked += 1), at(1_050));
        walked
    };
    assert_eq!(walk(100, 65_000), 1, "behind all");
    assert_eq!(walk(30_000, 20_000), 1, "far from all");
    assert_eq!(walk(40, 65_000), 61, "from before what is kept to the end of it");
    assert!(controller.loss().is_some_and(|loss| loss > 0.4), "those between count");
}

#[test]
fn what_comes_twice_counts_once() {
    let mut controller = sent();
    let told = |number: u16| (number, number.is_multiple_of(2).then_some(i64::from(number) * 10_000));
    controller.arrived((0..100).map(told), at(1_050));
    let once =
        (controller.loss(), controller.acked_bps(), controller.estimate_bps(), controller.round_trip());
    assert_eq!(once.0, Some(0.5));
    for ms in 1_050..1_150 {
        controller.arrived((0..100).map(told), at(ms));
        controller.arrived((0..50).map(|half| (2 * half, None)), at(ms));
    }
    let often =
        (controller.loss(), controller.acked_bps(), controller.estimate_bps(), controller.round_trip());
    assert_eq!(often, once);
}

#[test]
fn what_was_told_lost_and_arrives_after_all_is_not_lost() {
    let mut controller = sent();
    let time = |number: u16| Some(i64::from(number) * 10_000);
    controller
        .arrived((0..100).map(|number| (number, if number == 90 { None } else { time(number) })), at(1_050));
    assert_eq!(controller.loss(), Some(0.01));
    controller.arrived([(90, time(90))].into_iter(), at(1_060));
    assert_eq!(controller.loss(), Some(0.0));
}

#[test]
fn feedback_that_is_lost_is_no_loss_of_media() {
    let mut controller = sent();
    let told = (0..100).filter(|number| !(20..60).contains(number));
    controller.arrived(told.map(|number| (number, Some(i64::from(number) * 10_000))), at(1_050));
    assert_eq!(controller.loss(), Some(0.0));
}

/// What a proptest does.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Send(usize, u8),
    Tell(u16, Vec<Option<i64>>),
    Want(u64, u64),
    Probe,
    Timeout,
}

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![
        4 => (0..2_000_000_i64).prop_map(Some),
        2 => Just(None),
        1 => any::<i64>().prop_map(Some),
        1 => prop::sample::select(&[Some(i64::MIN), Some(i64::MAX), Some(0)]),
    ];
    prop_oneof![
        4 => (0..700_u64).prop_map(Step::Wait),
        1 => any::<u32>().prop_map(|ms| Step::Wait(u64::from(ms))),
        8 => (0..70_000_usize, 0..4_u8).prop_map(|(bytes, purpose)| Step::Send(bytes, purpose)),
        6 => (0..60_u16, prop::collection::vec(time, 0..40)).prop_map(|(first, times)| Step::Tell(first, times)),
        1 => (any::<u64>(), any::<u64>()).prop_map(|(minimum, desired)| Step::Want(minimum, desired)),
        1 => (0..3_000_000_u64, 0..3_000_000_u64).prop_map(|(minimum, desired)| Step::Want(minimum, desired)),
        3 => Just(Step::Probe),
        2 => Just(Step::Timeout),
    ]
}

proptest! {
    #[test]
    fn nothing_panics_spins_or_leaves_its_bounds(start in any::<u64>(), steps in prop::collection::vec(step(), 0..200)) {
        let mut controller = Controller::new(start);
        let mut now = Duration::ZERO;
        let mut cluster = None;
        for step in steps {
            match step {
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Send(bytes, purpose) => {
                    let probe = cluster.map_or(Purpose::Padding, Purpose::Probe);
                    let purpose = [Purpose::Media, Purpose::Repair, Purpose::Padding, probe][usize::from(purpose)];
                    controller.sent(bytes, purpose, now);
                }
                Step::Tell(first, times) => {
                    let told = times.into_iter().zip(0..).map(|(time, index)| (first + index, time));
                    controller.arrived(told, now);
                }
                Step::Want(minimum, desired) => controller.set_wanted(minimum, desired),
                Step::Probe => cluster = controller.poll_probe(now).map(|probe| probe.id).or(cluster),
                Step::Timeout => {
                    controller.handle_timeout(now);
                    cluster = controller.poll_probe(now).map(|probe| probe.id).or(cluster);
                    prop_assert!(controller.poll_timeout().is_none_or(|at| at > now));
                }
            }
            prop_assert!((30_000..=1_000_000_000).contains(&controller.estimate_bps()));
            prop_assert!(controller.loss().is_none_or(|loss| (0.0..=1.0).contains(&loss)));
            prop_assert!(controller.kept_bytes() <= 20 * 1_024);
            let _ = (controller.acked_bps(), controller.is_overused());
        }
    }
}
