//! What is thrown away before any cipher looks at it.
//!
//! The library maps streams before it has verified a packet, so that whoever can forge a client's address could make it
//! keep any number of them; and a client that floods costs the others of its thread their time.

use std::time::Duration;

use super::{DropReason, PeerLimits};
use crate::Now;

/// Larger than any datagram of a client: the smallest link everybody has carries 1,500 bytes.
const DATAGRAM_BYTES_MAX: usize = 1_500;
/// The span in which streams are counted.
const STREAMS_SPAN: Duration = Duration::from_mins(1);
/// The burst a rate allows.
const BURST: Duration = Duration::from_secs(1);

/// The payload types a client may send.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct PayloadTypes(u128);

impl PayloadTypes {
    pub(super) fn insert(&mut self, payload_type: u8) {
        self.0 |= 1 << (payload_type & 0x7f);
    }

    fn has(self, payload_type: u8) -> bool {
        self.0 & 1 << (payload_type & 0x7f) != 0
    }
}

/// Rates and bounds of one client.
pub(super) struct Filter {
    limits: PeerLimits,
    datagrams: Rate,
    bytes: Rate,
    handshakes: Rate,
    reports: Rate,
    payload_types: PayloadTypes,
    // Invariant: at most `limits.streams_per_minute` entries.
    streams: Vec<u32>,
    streams_since: Now,
}

impl Filter {
    pub(super) fn new(limits: PeerLimits, now: Now) -> Self {
        Self {
            limits,
            datagrams: Rate::new(limits.datagrams_per_s),
            bytes: Rate::new(limits.bytes_per_s),
            handshakes: Rate::new(limits.handshakes_per_s),
            reports: Rate::new(limits.reports_per_s),
            payload_types: PayloadTypes::default(),
            streams: Vec::new(),
            streams_since: now,
        }
    }

    pub(super) fn set_payload_types(&mut self, payload_types: PayloadTypes) {
        self.payload_types = payload_types;
    }

    /// Whether a datagram may go on.
    pub(super) fn check(&mut self, bytes: &[u8], now: Now) -> Result<(), DropReason> {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(DropReason::Form);
        }
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if !self.datagrams.take(1, now) || !self.bytes.take(size, now) {
            return Err(DropReason::Rate);
        }
        match bytes {
            // Handshake records; application data of SCTP has 23.
            [22, ..] => self.handshakes.take(1, now).then_some(()).ok_or(DropReason::Rate),
            // RTCP by RFC 5761 §4 with a whole header and an SSRC: a datagram may tell of thousands of packets.
            [128..=191, 192..=223, _, _, _, _, _, _, ..] => {
                self.reports.take(1, now).then_some(()).ok_or(DropReason::Rate)
            }
            // STUN, and all else of DTLS.
            [0..=3 | 20..=63, ..] => Ok(()),
            [128..=191, kind, _, _, _, _, _, _, s0, s1, s2, s3, ..] if !(192..=223).contains(kind) => {
                if !self.payload_types.has(*kind) {
                    return Err(DropReason::PayloadType);
                }
                self.take_stream(u32::from_be_bytes([*s0, *s1, *s2, *s3]), now)
            }
            _ => Err(DropReason::Form),
        }
    }

    fn take_stream(&mut self, stream: u32, now: Now) -> Result<(), DropReason> {
        if now.saturating_sub(self.streams_since) >= STREAMS_SPAN {
            self.streams.clear();
            self.streams_since = now;
        }
        if self.streams.contains(&stream) {
            return Ok(());
        }
        if self.streams.len() >= self.limits.streams_per_minute {
            return Err(DropReason::Streams);
        }
        self.streams.push(stream);
        Ok(())
    }
}

/// A rate with a burst of one second (the generic cell rate algorithm of ITU-T I.371).
struct Rate {
    cost_ns: u64,
    // When what was taken so far would have been due at an even pace.
    due: Now,
}

impl Rate {
    fn new(per_second: u32) -> Self {
        Self { cost_ns: 1_000_000_000 / u64::from(per_second.max(1)), due: Now::ZERO }
    }

    fn take(&mut self, amount: u32, now: Now) -> bool {
        let cost = Duration::from_nanos(self.cost_ns.saturating_mul(u64::from(amount)));
        let due = self.due.max(now) + cost;
        if due > now + BURST {
            return false;
        }
        self.due = due;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter() -> Filter {
        let limits = PeerLimits {
            datagrams_per_s: 10,
            bytes_per_s: 20_000,
            handshakes_per_s: 3,
            reports_per_s: 4,
            streams_per_minute: 2,
        };
        let mut filter = Filter::new(limits, Now::ZERO);
        let mut known = PayloadTypes::default();
        known.insert(111);
        filter.set_payload_types(known);
        filter
    }

    fn rtp(payload_type: u8, stream: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, payload_type, 0, 1, 0, 0, 0, 0];
        bytes.extend(stream.to_be_bytes());
        bytes
    }

    #[test]
    fn forms_that_are_none_of_ours_are_dropped() {
        let mut filter = filter();
        let cases: &[&[u8]] = &[
            &[],
            &[4],
            &[19],
            &[64, 0, 0, 0],
            &[127],
            &[192, 0],
            &[128],
            &rtp(111, 1)[..11],
            &[128, 200, 0, 0],
            &[0; 1_501],
        ];
        for bytes in cases {
            assert_eq!(filter.check(bytes, Now::from_secs(1)), Err(DropReason::Form), "{bytes:?}");
        }
    }

    #[test]
    fn agreed_payload_types_pass_with_and_without_marker() {
        let mut filter = filter();
        assert_eq!(filter.check(&rtp(111, 1), Now::ZERO), Ok(()));
        assert_eq!(filter.check(&rtp(0xef, 1), Now::ZERO), Ok(()));
        assert_eq!(filter.check(&rtp(112, 1), Now::ZERO), Err(DropReason::PayloadType));
        assert_eq!(filter.check(&[128, 200, 0, 1, 0, 0, 0, 9], Now::ZERO), Ok(()), "RTCP");
    }

    #[test]
    fn streams_are_counted_by_the_minute() {
        let mut filter = filter();
        for stream in [1, 2, 1] {
            assert_eq!(filter.check(&rtp(111, stream), Now::ZERO), Ok(()));
        }
        assert_eq!(filter.check(&rtp(111, 3), Now::from_secs(59)), Err(DropReason::Streams));
        assert_eq!(filter.check(&rtp(111, 3), Now::from_mins(1)), Ok(()));
    }

    #[test]
    fn reports_are_bounded() {
        let mut filter = filter();
        let report = [128, 200, 0, 1, 0, 0, 0, 9];
        let taken = (0..9).filter(|_| filter.check(&report, Now::ZERO).is_ok()).count();
        assert_eq!(taken, 4);
        assert_eq!(filter.check(&report, Now::from_millis(250)), Ok(()));
    }

    #[test]
    fn handshakes_are_bounded_and_application_data_is_not() {
        let mut filter = filter();
        let taken = (0..5).filter(|_| filter.check(&[22, 254, 253], Now::ZERO).is_ok()).count();
        assert_eq!(taken, 3);
        assert_eq!(filter.check(&[23, 254, 253], Now::ZERO), Ok(()));
    }

    #[test]
    fn a_second_of_datagrams_may_come_at_once_and_then_at_their_pace() {
        let mut filter = filter();
        let burst = (0..20).filter(|_| filter.check(&[0; 20], Now::ZERO).is_ok()).count();
        assert_eq!(burst, 10);
        assert_eq!(filter.check(&[0; 20], Now::from_millis(99)), Err(DropReason::Rate));
        assert_eq!(filter.check(&[0; 20], Now::from_millis(100)), Ok(()));
        assert_eq!(filter.check(&[0; 20], Now::from_millis(100)), Err(DropReason::Rate));
    }

    #[test]
    fn bytes_have_a_rate_of_their_own() {
        let mut filter = Filter::new(PeerLimits { bytes_per_s: 3_000, ..PeerLimits::default() }, Now::ZERO);
        let taken = (0..5).filter(|_| filter.check(&[0; 1_000], Now::ZERO).is_ok()).count();
        assert_eq!(taken, 3);
    }
}
