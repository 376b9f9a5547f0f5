//! One cluster on its way, and how fast it got through.
//!
//! ```text
//! delay │             ·  x      x: the least delayed packet of the last third
//!       │  ·    ·  ·  ╱─┘       between the two the way carried so many bytes in so much time
//!       │ x──╱──╱──╱            x: the least delayed packet of the first third
//!       └───────────────── sent
//! ```
//!
//! First and last packet alone would do on a quiet way; a busy machine, a radio link and a receiver that reads in
//! batches hold single packets back, and seldom a third of all.

use std::time::Duration;

use super::history::micros;
use super::{Probe, ProbeId};
use crate::Now;

/// Fewer packets that arrive say nothing.
const LEAST_ARRIVED: usize = 4;
/// And so do fewer than this part of what was sent.
const ARRIVED_PERCENT: usize = 80;
/// A rate of this part of the one it was sent with is the same: what is measured in milliseconds is not finer.
const SAME_PERCENT: u64 = 90;
/// Of the rate of a cluster that was slowed down so much is taken: the queue that it made must drain.
const SLOWED_PERCENT: u64 = 95;
/// What is remembered of one, where a sender sends smaller packets than the largest cluster needs; the rest of it goes
/// unmeasured.
const MOST_PACKETS: usize = 96;

/// What a cluster showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carried {
    /// It got through as fast as it was sent.
    All(u64),
    /// It came slower than it was sent, this fast.
    Part(u64),
    /// Too much of it was lost.
    Nothing,
    /// It was not sent as it should, or no feedback told of it.
    Unseen,
}

/// A cluster on its way.
#[derive(Debug)]
pub(super) struct Cluster {
    probe: Probe,
    started: Now,
    last_sent: Now,
    sent_bytes: u64,
    packets: Vec<Packet>,
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    number: u16,
    // Of the cluster, this packet among them.
    bytes_until: u64,
    sent_us: i64,
    arrived_us: Option<i64>,
}

impl Packet {
    fn delay_us(&self) -> Option<i64> {
        Some(self.arrived_us? - self.sent_us)
    }
}

impl Cluster {
    pub(super) fn new(probe: Probe, now: Now) -> Self {
        Self { probe, started: now, last_sent: now, sent_bytes: 0, packets: Vec::new() }
    }

    pub(super) fn id(&self) -> ProbeId {
        self.probe.id
    }

    pub(super) fn sent(&mut self, number: u16, bytes: usize, now: Now) {
        self.last_sent = now;
        self.sent_bytes += bytes as u64;
        if self.packets.len() < MOST_PACKETS {
            let sent_us = i64::try_from(micros(now)).unwrap_or(i64::MAX);
            self.packets.push(Packet { number, bytes_until: self.sent_bytes, sent_us, arrived_us: None });
        }
    }

    pub(super) fn arrived(&mut self, number: u16, arrived_us: i64) {
        if let Some(packet) = self.packets.iter_mut().find(|packet| packet.number == number) {
            packet.arrived_us = Some(arrived_us);
        }
    }

    /// Whether feedback that reaches to `number` tells of all of it.
    pub(super) fn is_told(&self, number: u16) -> bool {
        let is_behind = |packet: &Packet| number.wrapping_sub(packet.number) <= u16::MAX / 2;
        self.is_sent() && self.packets.last().is_some_and(is_behind)
    }

    /// When nothing more is to be expected: of its sender, or of feedback.
    pub(super) fn ends_at(&self, sent_within: Duration, grace: Duration) -> Now {
        if self.is_sent() { self.last_sent + grace } else { self.started + sent_within }
    }

    /// What has been shown until now.
    pub(super) fn carried(&self) -> Carried {
        let arrived = self.packets.iter().filter(|packet| packet.arrived_us.is_some()).count();
        if !self.is_sent() || self.packets.len() < LEAST_ARRIVED || arrived == 0 {
            return Carried::Unseen;
        }
        let is_much_lost = arrived < LEAST_ARRIVED || arrived * 100 < self.packets.len() * ARRIVED_PERCENT;
        if is_much_lost { Carried::Nothing } else { self.measured().unwrap_or(Carried::Nothing) }
    }

    fn is_sent(&self) -> bool {
        self.sent_bytes >= u64::from(self.probe.bytes)
    }

    /// None when all of a third is lost.
    fn measured(&self) -> Option<Carried> {
        let third = (self.packets.len() / 3).max(2);
        let (first, last) = (&self.packets[..third], &self.packets[self.packets.len() - third..]);
        let (first, last) = (least_delayed(first)?, least_delayed(last)?);
        let sent_bps = rate(first, last, last.sent_us - first.sent_us).min(self.probe.bps);
        let arrived_bps = rate(first, last, last.arrived_us? - first.arrived_us?);
        if arrived_bps < sent_bps / 100 * SAME_PERCENT {
            return Some(Carried::Part(arrived_bps / 100 * SLOWED_PERCENT));
        }
        // Between two packets of a few the rate is uneven; that of all is what nothing piled up at.
        let (first, last) = (self.packets.first()?, self.packets.last()?);
        Some(Carried::All(rate(first, last, last.sent_us - first.sent_us).min(self.probe.bps)))
    }
}

/// What lies between two packets in so much time, in bits per second; as fast as can be when the time is none.
fn rate(first: &Packet, last: &Packet, us: i64) -> u64 {
    let bits = (last.bytes_until - first.bytes_until) * 8;
    (bits * 1_000_000).checked_div(us.max(0).unsigned_abs()).unwrap_or(u64::MAX)
}

fn least_delayed(packets: &[Packet]) -> Option<&Packet> {
    let arrived = packets.iter().filter_map(|packet| Some((packet.delay_us()?, packet)));
    Some(arrived.min_by_key(|(delay_us, _)| *delay_us)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: Probe = Probe { id: ProbeId(7), bps: 800_000, bytes: 10_000 };

    /// Ten packets of a kilobyte, one each 10 ms, each held up by so many milliseconds or lost.
    fn cluster(delays_ms: [Option<i64>; 10]) -> Cluster {
        let mut cluster = Cluster::new(PROBE, Now::ZERO);
        for (index, delay_ms) in (0..).zip(delays_ms) {
            cluster.sent(65_530_u16.wrapping_add(index), 1_000, Now::from_millis(u64::from(index) * 10));
            if let Some(delay_ms) = delay_ms {
                cluster.arrived(65_530_u16.wrapping_add(index), (i64::from(index) * 10 + delay_ms) * 1_000);
            }
        }
        cluster
    }

    fn check(delays_ms: [i64; 10], expect: Carried) {
        assert_eq!(cluster(delays_ms.map(Some)).carried(), expect, "{delays_ms:?}");
    }

    #[test]
    fn what_comes_as_it_was_sent_is_carried() {
        check([40; 10], Carried::All(800_000));
        check([-40; 10], Carried::All(800_000));
        check([40, 45, 52, 40, 55, 48, 41, 49, 40, 57], Carried::All(800_000));
        check([50, 40, 52, 40, 55, 48, 41, 40, 40, 40], Carried::All(800_000));
    }

    #[test]
    fn what_piles_up_shows_the_rate_of_the_way() {
        // Each packet waits 10 ms longer than the one before: half of the rate.
        check([0, 10, 20, 30, 40, 50, 60, 70, 80, 90], Carried::Part(380_000));
        // The same, seen through noise.
        check([0, 25, 20, 44, 40, 61, 60, 70, 99, 90], Carried::Part(380_000));
    }

    #[test]
    fn all_at_once_is_as_fast_as_it_arrives() {
        let mut cluster = Cluster::new(PROBE, Now::ZERO);
        for number in 0..10 {
            cluster.sent(number, 1_000, Now::ZERO);
            cluster.arrived(number, i64::from(number) * 1_000);
        }
        assert_eq!(cluster.carried(), Carried::All(800_000), "no more than was asked for");
        assert_eq!(cluster.ends_at(Duration::from_secs(1), Duration::from_secs(2)), Now::from_secs(2));
    }

    #[test]
    fn losing_some_is_nothing_and_losing_much_is_failure() {
        let mut delays = [Some(40); 10];
        delays[3] = None;
        delays[9] = None;
        assert_eq!(cluster(delays).carried(), Carried::All(800_000));
        delays[0] = None;
        assert_eq!(cluster(delays).carried(), Carried::Nothing);
        assert_eq!(cluster([None; 10]).carried(), Carried::Unseen);
    }

    #[test]
    fn it_is_over_when_its_last_packet_was_told_of() {
        let cluster = cluster([Some(0); 10]);
        assert!(!cluster.is_told(2) && cluster.is_told(3) && cluster.is_told(4));
        let mut unsent = Cluster::new(PROBE, Now::ZERO);
        assert_eq!(unsent.ends_at(Duration::from_secs(1), Duration::from_secs(2)), Now::from_secs(1));
        unsent.sent(1, 9_000, Now::ZERO);
        assert!(!unsent.is_told(1));
        assert_eq!(unsent.carried(), Carried::Unseen);
        unsent.sent(2, 60_000, Now::ZERO);
        assert!(unsent.is_told(2));
        assert_eq!(unsent.carried(), Carried::Unseen, "two packets");
    }

    #[test]
    fn more_packets_than_are_remembered_are_no_harm() {
        let mut cluster = Cluster::new(Probe { bytes: 100_000, ..PROBE }, Now::ZERO);
        for number in 0..1_000 {
            cluster.sent(number, 100, Now::from_millis(u64::from(number)));
            cluster.arrived(number, i64::from(number) * 1_000);
        }
        assert_eq!(cluster.packets.len(), MOST_PACKETS);
        assert!(matches!(cluster.carried(), Carried::All(_)));
    }
}
