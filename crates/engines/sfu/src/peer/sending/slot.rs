//! One stream to the client, with its repairs.

use std::time::Duration;

use str0m::media::Mid;
use str0m::rtp::Ssrc;
use trunkline_rtp::rtcp::{Report, SenderInfo};
use trunkline_rtp::srtp::Once;

use super::cache::{Cache, Kept};
use super::header::Extensions;
use crate::peer::stats::{SlotStats, jitter};
use crate::{Now, SlotKey};

/// Beyond this part of what a slot sends, repairs make congestion worse.
const REPAIR_PERCENT: usize = 25;
/// What may be repaired before anything was sent, and at most after a long time without loss: a key frame.
const CREDIT_BYTES: usize = 64 * 1024;
/// The least time between two repairs of one packet, where the round trip is not known or short.
const AGAIN_MIN: Duration = Duration::from_millis(5);

/// How long a report counts: clients report on what they get each second.
const LATELY: Duration = Duration::from_secs(5);

/// Seconds from 1900 to 1970: times of reports only have to agree with each other, and count from there.
const NTP_BASE_S: u64 = 2_208_988_800;

/// What was sent on a slot, and what the client says of it.
pub(super) struct Slot {
    pub(super) key: SlotKey,
    pub(super) mid: Mid,
    pub(super) media: u32,
    /// The stream of repairs, where the client takes them (RFC 4588).
    pub(super) repair: Option<u32>,
    pub(super) extensions: Extensions,
    pub(super) once: Once,
    pub(super) cache: Cache,
    pub(super) repairs: u64,
    /// The payload type of repairs of what was sent last.
    pub(super) repair_type: Option<u8>,
    credit_bytes: usize,
    packets: u64,
    bytes: u64,
    payload_packets: u32,
    payload_bytes: u32,
    // Media time, when that was captured, ticks in a second; `None` when nothing was sent since the last report.
    pub(super) unreported: Option<(u32, Now, u32)>,
    // With the time when it came.
    remote: Option<(Report, Now)>,
    nacks: u64,
    keyframe_requests: u64,
    /// Something was dropped: nothing else can be decoded.
    pub(super) needs_keyframe: bool,
}

impl Slot {
    pub(super) fn new(key: SlotKey, mid: Mid, media: Ssrc, repair: Option<Ssrc>) -> Self {
        Self {
            key,
            mid,
            media: *media,
            repair: repair.map(|stream| *stream),
            extensions: Extensions::default(),
            once: Once::default(),
            cache: Cache::default(),
            repairs: 0,
            repair_type: None,
            credit_bytes: CREDIT_BYTES,
            packets: 0,
            bytes: 0,
            payload_packets: 0,
            payload_bytes: 0,
            unreported: None,
            remote: None,
            nacks: 0,
            keyframe_requests: 0,
            needs_keyframe: false,
        }
    }

    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Counts a packet on any of its streams.
    pub(super) fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    /// Counts a packet of its medium.
    pub(super) fn count_media(&mut self, payload_bytes: usize) {
        self.payload_packets = self.payload_packets.wrapping_add(1);
        self.payload_bytes =
            self.payload_bytes.wrapping_add(u32::try_from(payload_bytes).unwrap_or(u32::MAX));
        self.credit_bytes = (self.credit_bytes + payload_bytes * REPAIR_PERCENT / 100).min(CREDIT_BYTES);
    }

    /// Counts what the client misses; the packets of it that are to be sent again.
    pub(super) fn missing(
        &mut self,
        numbers: impl Iterator<Item = u16>,
        round_trip: Option<Duration>,
        now: Now,
    ) -> Vec<u64> {
        // The client waits a round trip before it asks again; what is known of that here may be somewhat more.
        let pause = (round_trip.unwrap_or_default() / 2).max(AGAIN_MIN);
        let mut again = Vec::new();
        for number in numbers {
            self.nacks += 1;
            let Some(kept) = self.cache.find(number, now) else { continue };
            let is_on_its_way = kept.repaired.is_some_and(|repaired| repaired + pause > now);
            if !is_on_its_way && kept.payload.len() <= self.credit_bytes {
                self.credit_bytes -= kept.payload.len();
                kept.repaired = Some(now);
                again.push(kept.sequence);
            }
        }
        again
    }

    pub(super) fn count_keyframe_request(&mut self) {
        self.keyframe_requests += 1;
    }

    /// Takes what the client reports; answers the round trip, where it can be told (RFC 3550 §6.4.1).
    pub(super) fn reported(&mut self, report: Report, now: Now) -> Option<Duration> {
        self.remote = Some((report, now));
        let [_, _, a, b, c, d, _, _] = ntp(now).to_be_bytes();
        let passed = u32::from_be_bytes([a, b, c, d]).wrapping_sub(report.last_report);
        let trip = passed.wrapping_sub(report.delay);
        // More than half of all time is a time before the report.
        (report.last_report != 0 && trip < 1 << 31)
            .then(|| Duration::from_micros((u64::from(trip) * 1_000_000) >> 16))
    }

    /// What a report tells of it; `None` when nothing was sent since the last one.
    pub(super) fn take_report(&mut self, now: Now) -> Option<SenderInfo> {
        let (timestamp, captured, clock_rate_hz) = self.unreported.take()?;
        let since = now.saturating_sub(captured).as_micros() * u128::from(clock_rate_hz) / 1_000_000;
        Some(SenderInfo {
            stream: self.media,
            ntp: ntp(now),
            #[expect(clippy::cast_possible_truncation, reason = "media time wraps")]
            rtp_time: timestamp.wrapping_add(since as u32),
            packets: self.payload_packets,
            bytes: self.payload_bytes,
        })
    }

    pub(super) fn stats(&self) -> SlotStats {
        let remote = self.remote.map(|(report, _)| report);
        SlotStats {
            slot: self.key,
            packets: self.packets,
            bytes: self.bytes,
            loss: remote.map(loss),
            packets_lost: remote.map_or(0, |remote| u64::try_from(remote.packets_lost).unwrap_or(0)),
            jitter: jitter(remote.map_or(0, |remote| remote.jitter), self.key.is_video),
            nacks: self.nacks,
            keyframe_requests: self.keyframe_requests,
        }
    }

    /// Lost before repair, 0 to 1, as the client said lately.
    pub(super) fn loss(&self, now: Now) -> Option<f32> {
        let (report, at) = self.remote?;
        (at + LATELY >= now).then(|| loss(report))
    }

    /// What fills a probe.
    pub(super) fn filler(&self) -> Option<Kept> {
        self.cache.filler().cloned()
    }
}

fn loss(report: Report) -> f32 {
    f32::from(report.fraction_lost) / 256.0
}

/// A time as reports have it: 32 bits of seconds, 32 of their parts.
fn ntp(now: Now) -> u64 {
    let parts = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    (NTP_BASE_S + now.as_secs()) << 32 | parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        let key = SlotKey { is_video: true, index: 0 };
        Slot::new(key, "v0".into(), 7.into(), Some(8.into()))
    }

    fn keep(slot: &mut Slot, sequence: u64, bytes: usize) {
        slot.cache.put(Kept {
            sequence,
            timestamp: 0,
            marker: false,
            payload_type: 97,
            payload: vec![0; bytes].into(),
            patch: None,
            marks: crate::Marks::default(),
            sent: Now::ZERO,
            repaired: None,
        });
    }

    const REPORT: Report = Report {
        stream: 7,
        fraction_lost: 0,
        packets_lost: 0,
        highest: 0,
        jitter: 0,
        last_report: 0,
        delay: 0,
    };

    #[test]
    fn a_missing_packet_is_not_sent_again_while_it_is_on_its_way() {
        let mut slot = slot();
        keep(&mut slot, 5, 1_000);
        let trip = Some(Duration::from_millis(200));
        let mut ask = |ms| slot.missing([5, 6].into_iter(), trip, Now::from_millis(ms));
        assert_eq!(ask(10), [5]);
        assert_eq!(ask(109), [0; 0]);
        assert_eq!(ask(110), [5]);
        assert_eq!(slot.stats().nacks, 6);
    }

    #[test]
    fn repairs_are_a_part_of_what_is_sent() {
        let mut slot = slot();
        for sequence in 0..100 {
            keep(&mut slot, sequence, 1_024);
        }
        assert_eq!(slot.missing(0..100, None, Now::ZERO).len(), 64);
        slot.count_media(8 * 1_024);
        assert_eq!(slot.missing(64..100, None, Now::ZERO), [64, 65]);
    }

    #[test]
    fn the_round_trip_is_what_the_client_did_not_wait() {
        let mut slot = slot();
        slot.unreported = Some((0, Now::ZERO, 90_000));
        let info = slot.take_report(Now::from_secs(10)).expect("something was sent");
        let middle = u32::try_from(info.ntp >> 16 & 0xffff_ffff).expect("32 bits");
        let report = Report { last_report: middle, delay: 65_536, ..REPORT };
        assert_eq!(slot.reported(report, Now::from_millis(11_250)), Some(Duration::from_millis(250)));
        assert_eq!(slot.reported(report, Now::from_millis(10_900)), None, "before it was answered");
        assert_eq!(slot.reported(Report { last_report: 0, ..report }, Now::from_secs(12)), None);
    }

    #[test]
    fn a_report_tells_the_media_time_of_its_moment() {
        let mut slot = slot();
        slot.count_media(100);
        slot.unreported = Some((u32::MAX, Now::from_millis(900), 90_000));
        let info = slot.take_report(Now::from_secs(1)).expect("something was sent");
        assert_eq!((info.stream, info.rtp_time, info.packets, info.bytes), (7, 8_999, 1, 100));
        assert_eq!(info.ntp, (NTP_BASE_S + 1) << 32);
        assert!(slot.take_report(Now::from_secs(2)).is_none());
    }

    #[test]
    fn what_the_client_reports_is_told() {
        let mut slot = slot();
        let report = Report { fraction_lost: 64, packets_lost: -3, jitter: 900, ..REPORT };
        slot.reported(report, Now::ZERO);
        let stats = slot.stats();
        assert_eq!(
            (stats.loss, stats.packets_lost, stats.jitter),
            (Some(0.25), 0, Duration::from_millis(10))
        );
    }
}
