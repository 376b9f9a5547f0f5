//! When a sender captured what it sends, on our clock.
//!
//! Sender reports tie media time to the sender's wall clock; the fastest packet of the last seconds ties that clock to
//! ours. Both media of a sender share the second tie, which is what keeps lips and voice together at receivers.

use std::time::{Duration, SystemTime};

use crate::Now;

/// Half of the time for which the fastest packet counts.
const WINDOW: Duration = Duration::from_secs(5);
/// Beyond this a capture time is not believed.
const AGE_MAX: Duration = Duration::from_secs(10);

/// A sender report's tie, and a packet of the same stream.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    /// The sender's wall clock at its report.
    pub(super) report_at: SystemTime,
    /// The media time of that moment.
    pub(super) report_ticks: u32,
    /// The media time of the packet.
    pub(super) packet_ticks: u32,
    /// Ticks in a second.
    pub(super) clock_rate_hz: u32,
}

/// The tie between a sender's wall clock and ours.
#[derive(Default)]
pub(super) struct SenderClock {
    // Ours minus theirs, of the fastest packet, in microseconds: this window and the one before.
    current: Option<i64>,
    previous: Option<i64>,
    since: Now,
}

impl SenderClock {
    /// When a packet that has just come was captured.
    pub(super) fn captured(&mut self, stamp: Stamp, now: Now) -> Option<Now> {
        let theirs_us = wall_us(stamp)?;
        let offset_us = micros(now)?.checked_sub(theirs_us)?;
        if now.saturating_sub(self.since) >= WINDOW {
            self.previous = self.current.take();
            self.since = now;
        }
        let current_us = self.current.map_or(offset_us, |best| best.min(offset_us));
        self.current = Some(current_us);
        let best_us = self.previous.map_or(current_us, |best| best.min(current_us));
        let captured = Now::from_micros(u64::try_from(theirs_us.checked_add(best_us)?).ok()?);
        (captured + AGE_MAX >= now).then_some(captured.min(now))
    }
}

/// The sender's wall clock at the packet's capture.
fn wall_us(stamp: Stamp) -> Option<i64> {
    let report = stamp.report_at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    // Media time wraps; what matters is the nearer way round.
    let ticks = i64::from(stamp.packet_ticks.wrapping_sub(stamp.report_ticks).cast_signed());
    let since_us = ticks.checked_mul(1_000_000)?.checked_div(i64::from(stamp.clock_rate_hz))?;
    micros(report)?.checked_add(since_us)
}

fn micros(time: Duration) -> Option<i64> {
    i64::try_from(time.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(packet_ticks: u32, clock_rate_hz: u32) -> Stamp {
        Stamp {
            report_at: SystemTime::UNIX_EPOCH + Duration::from_hours(495_833),
            report_ticks: 0,
            packet_ticks,
            clock_rate_hz,
        }
    }

    #[test]
    fn jitter_is_taken_out_by_the_fastest_packet() {
        let mut clock = SenderClock::default();
        // The first packet took 30 ms, the second 10 ms, the third 50 ms; they were sent every 20 ms.
        let at = Now::from_millis;
        assert_eq!(clock.captured(stamp(0, 48_000), at(1_030)), Some(at(1_030)));
        assert_eq!(clock.captured(stamp(960, 48_000), at(1_030)), Some(at(1_030)));
        assert_eq!(clock.captured(stamp(1_920, 48_000), at(1_090)), Some(at(1_050)));
    }

    #[test]
    fn both_media_of_a_sender_share_the_tie() {
        let mut clock = SenderClock::default();
        let at = Now::from_millis;
        clock.captured(stamp(0, 48_000), at(1_000));
        assert_eq!(clock.captured(stamp(9_000, 90_000), at(1_140)), Some(at(1_100)));
    }

    #[test]
    fn a_tie_is_forgotten_after_ten_seconds() {
        let mut clock = SenderClock::default();
        let seconds = |seconds: u32| stamp(48_000 * seconds, 48_000);
        clock.captured(seconds(0), Now::from_secs(1));
        // The way got half a second longer.
        let mut last = None;
        for second in 1..12 {
            let now = Now::from_millis(u64::from(second) * 1_000 + 1_500);
            last = clock.captured(seconds(second), now).and_then(|captured| now.checked_sub(captured));
        }
        assert_eq!(last, Some(Duration::ZERO));
    }

    #[test]
    fn media_time_may_wrap_between_report_and_packet() {
        let mut clock = SenderClock::default();
        let early = Stamp { report_ticks: u32::MAX - 479, packet_ticks: u32::MAX - 479, ..stamp(0, 48_000) };
        let late = Stamp { packet_ticks: 480, ..early };
        clock.captured(early, Now::from_millis(500));
        assert_eq!(clock.captured(late, Now::from_millis(540)), Some(Now::from_millis(520)));
    }

    #[test]
    fn nonsense_gives_no_time() {
        let mut clock = SenderClock::default();
        clock.captured(stamp(0, 48_000), Now::from_secs(100));
        assert_eq!(clock.captured(stamp(0x8000_0000, 48_000), Now::from_secs(100)), None, "half a day ago");
        assert_eq!(
            clock.captured(
                Stamp { report_at: SystemTime::UNIX_EPOCH - Duration::from_secs(1), ..stamp(0, 48_000) },
                Now::ZERO
            ),
            None
        );
        assert_eq!(clock.captured(stamp(0, 0), Now::from_secs(100)), None);
    }
}
