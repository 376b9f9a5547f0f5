//! How much comes of one layer.

use crate::Now;

/// The parts of the sliding second.
const PARTS: usize = 8;
/// 125 ms.
const PART_NANOSECONDS: u32 = 125_000_000;
/// Seconds of which the peak is kept: key frames, the largest bursts, are seldom further apart while somebody joins.
const PEAKS: usize = 3;
/// RTP with extensions, SRTP tag, UDP and IP, which the estimates of bandwidth count.
const OVERHEAD_BYTES: u64 = 60;

/// Counts bytes; answers bits per second.
#[derive(Clone, Debug, Default)]
pub(super) struct RateMeter {
    /// Number of the newest part since time 0.
    part: u64,
    bytes: [u64; PARTS],
    /// The highest rate in each of the last seconds, by second modulo `PEAKS`.
    peaks: [u64; PEAKS],
}

impl RateMeter {
    /// A packet came.
    pub(super) fn add(&mut self, payload_bytes: usize, now: Now) {
        self.advance(now);
        self.bytes[index(self.part, PARTS)] += payload_bytes as u64 + OVERHEAD_BYTES;
    }

    /// The highest rate of any second in the last three.
    pub(super) fn peak_bps(&mut self, now: Now) -> u64 {
        self.advance(now);
        let present = self.bytes.iter().sum::<u64>() * 8;
        self.peaks.iter().copied().fold(present, u64::max)
    }

    /// The rate of the last second but for the part that is not over.
    pub(super) fn present_bps(&mut self, now: Now) -> u64 {
        self.advance(now);
        let whole = self.bytes.iter().sum::<u64>() - self.bytes[index(self.part, PARTS)];
        whole * 8 * PARTS as u64 / (PARTS - 1) as u64
    }

    fn advance(&mut self, now: Now) {
        let part = now.as_secs() * PARTS as u64 + u64::from(now.subsec_nanos() / PART_NANOSECONDS);
        if part <= self.part {
            return;
        }
        if part - self.part > (PARTS * PEAKS) as u64 {
            *self = Self { part, ..Self::default() };
            return;
        }
        while self.part < part {
            self.close_part();
        }
    }

    fn close_part(&mut self) {
        let rate = self.bytes.iter().sum::<u64>() * 8;
        let second = self.part / PARTS as u64;
        let peak = &mut self.peaks[index(second, PEAKS)];
        *peak = (*peak).max(rate);
        self.part += 1;
        self.bytes[index(self.part, PARTS)] = 0;
        if self.part.is_multiple_of(PARTS as u64) {
            self.peaks[index(second + 1, PEAKS)] = 0;
        }
    }
}

fn index(number: u64, modulus: usize) -> usize {
    usize::try_from(number % modulus as u64).expect("below the modulus")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate() {
        let mut meter = RateMeter::default();
        for packet in 0..400 {
            meter.add(940, Now::from_millis(10 * packet));
        }
        let rate = meter.peak_bps(Now::from_secs(4));
        assert!((790_000..=810_000).contains(&rate), "{rate}");
        let present = meter.present_bps(Now::from_millis(4_060));
        assert!((780_000..=820_000).contains(&present), "{present}");
    }

    #[test]
    fn a_burst_is_remembered_for_two_to_three_seconds() {
        let mut meter = RateMeter::default();
        meter.add(124_940, Now::from_millis(100));
        assert_eq!(meter.peak_bps(Now::from_millis(200)), 1_000_000);
        assert_eq!(meter.peak_bps(Now::from_millis(2_900)), 1_000_000);
        assert_eq!(meter.peak_bps(Now::from_millis(4_100)), 0);
    }
}
