//! The link does to packets what its model says.

use std::time::Duration;

use proptest::prelude::*;

use super::{Bursts, Link, LinkModel};
use crate::Now;

const SIZE_BYTES: usize = 100;
const PACE: Duration = Duration::from_millis(10);

/// Sends numbered packets at a steady pace; what arrived, when, in this order.
fn pass(model: LinkModel, seed: u64, count: u32) -> Vec<(Now, u32)> {
    let mut link = Link::new(model, seed);
    for number in 0..count {
        let mut packet = vec![0; SIZE_BYTES];
        packet[..4].copy_from_slice(&number.to_be_bytes());
        link.send(packet, PACE * number);
    }
    let mut arrived = Vec::new();
    while let Some(now) = link.poll_timeout() {
        let before = now.saturating_sub(Duration::from_nanos(1));
        assert!(now.is_zero() || link.receive(before).is_none(), "nothing is early");
        let packet = link.receive(now).expect("due");
        arrived.push((now, u32::from_be_bytes(packet[..4].try_into().unwrap())));
    }
    arrived
}

fn permille_lost(arrived: &[(Now, u32)], count: u32) -> u32 {
    1_000 - u32::try_from(arrived.len()).unwrap() * 1_000 / count
}

/// Losses that follow one after the other, the longest such run.
fn longest_gap(arrived: &[(Now, u32)]) -> u32 {
    arrived.windows(2).map(|pair| pair[1].1 - pair[0].1 - 1).max().unwrap_or(0)
}

#[test]
fn a_plain_way_delays_and_does_nothing_else() {
    let arrived = pass(LinkModel::default(), 1, 100);
    let wanted: Vec<_> = (0..100).map(|number| (PACE * number + Duration::from_millis(10), number)).collect();
    assert_eq!(arrived, wanted);
}

#[test]
fn what_is_lost_is_the_share_that_was_said() {
    for lost_permille in [0, 50, 300, 1_000] {
        let model = LinkModel { lost_permille, ..LinkModel::default() };
        let lost = permille_lost(&pass(model, 7, 20_000), 20_000);
        assert!(lost.abs_diff(lost_permille) <= 10, "{lost} of {lost_permille}");
    }
}

#[test]
fn bursts_lose_as_much_as_the_chain_says_and_together() {
    // One packet in five is in a burst, of which three in ten are lost.
    let bursts = Bursts { begins_permille: 5, ends_permille: 20, lost_permille: 300 };
    let model = LinkModel { bursts: Some(bursts), ..LinkModel::default() };
    let lost = permille_lost(&pass(model, 7, 50_000), 50_000);
    assert!(lost.abs_diff(60) <= 10, "{lost}");

    let outages = Bursts { begins_permille: 2, ends_permille: 100, lost_permille: 1_000 };
    let model = LinkModel { bursts: Some(outages), ..LinkModel::default() };
    let arrived = pass(model, 7, 20_000);
    assert!(longest_gap(&arrived) >= 10, "{}", longest_gap(&arrived));
    let even = LinkModel { lost_permille: permille_lost(&arrived, 20_000), ..LinkModel::default() };
    assert!(longest_gap(&pass(even, 7, 20_000)) < 10);
}

#[test]
fn a_burst_ends_when_the_way_has_none_any_more() {
    let always = Bursts { begins_permille: 1_000, ends_permille: 0, lost_permille: 1_000 };
    let mut link = Link::new(LinkModel { bursts: Some(always), ..LinkModel::default() }, 1);
    link.send(vec![0; SIZE_BYTES], Now::ZERO);
    assert_eq!(link.poll_timeout(), None);
    link.set_model(LinkModel::default());
    link.send(vec![0; SIZE_BYTES], Now::ZERO);
    assert!(link.poll_timeout().is_some());
}

#[test]
fn a_narrow_way_lets_through_its_rate_and_keeps_no_more_than_its_queue() {
    // 800 bits each 10 ms are twice of what passes: half waits until the queue is full.
    let queue = Duration::from_millis(200);
    let model = LinkModel { delay: Duration::ZERO, rate_bps: 40_000, queue, ..LinkModel::default() };
    let arrived = pass(model, 1, 1_000);
    let (end, _) = *arrived.last().unwrap();
    let bits = arrived.len() as u64 * SIZE_BYTES as u64 * 8;
    assert_eq!(bits * 1_000 / u64::try_from(end.as_millis()).unwrap(), 40_000);
    assert!(end <= PACE * 1_000 + queue, "{end:?}");
    assert!(arrived.iter().all(|(at, number)| *at <= PACE * *number + queue));
}

#[test]
fn jitter_lets_packets_overtake_each_other_unless_they_keep_their_order() {
    let model = LinkModel { jitter: Duration::from_millis(50), ..LinkModel::default() };
    let is_sorted = |arrived: &[(Now, u32)]| arrived.is_sorted_by_key(|(_, number)| *number);
    assert!(!is_sorted(&pass(model, 3, 1_000)));
    assert!(is_sorted(&pass(LinkModel { is_ordered: true, ..model }, 3, 1_000)));
}

proptest! {
    #[test]
    fn every_packet_arrives_once_or_never_and_in_its_time(
        seed: u64, lost_permille in 0..500_u32, jitter_ms in 0..80_u64, is_ordered: bool, burst in 0..200_u32,
    ) {
        let bursts = Some(Bursts { begins_permille: burst, ends_permille: 50, lost_permille: 500 });
        let jitter = Duration::from_millis(jitter_ms);
        let model = LinkModel { jitter, is_ordered, lost_permille, bursts, ..LinkModel::default() };
        let arrived = pass(model, seed, 300);
        let mut numbers: Vec<_> = arrived.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        prop_assert_eq!(numbers.len(), arrived.len());
        for (at, number) in &arrived {
            let took = at.saturating_sub(PACE * *number);
            prop_assert!(took >= model.delay && took <= model.delay + jitter, "{:?}", took);
        }
        prop_assert_eq!(pass(model, seed, 300), arrived, "the same seed does the same");
    }
}
