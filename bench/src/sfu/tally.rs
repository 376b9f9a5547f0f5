//! What arrived at the clients: how many packets, and how long they took.

use std::time::Duration;

/// Width of a step of the histogram.
const STEP_US: u64 = 20;
/// Steps: up to 200 ms; the last one holds all that took longer.
const STEPS: usize = 10_000;
/// The end of every payload: when it was sent, in nanoseconds of the machine's clock.
const STAMP_BYTES: usize = 8;

/// Packets that arrived, by the time they took.
pub(super) struct Tally {
    pub(super) packets: u64,
    steps: Vec<u32>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { packets: 0, steps: vec![0; STEPS] }
    }

    pub(super) fn clear(&mut self) {
        self.packets = 0;
        self.steps.fill(0);
    }

    /// Counts a payload that came at `now` of the machine's clock; padding is too short to have been sent by us.
    pub(super) fn count(&mut self, payload: &[u8], now: Duration) {
        let Some(stamp) = payload.last_chunk::<STAMP_BYTES>() else { return };
        let took = now.saturating_sub(Duration::from_nanos(u64::from_be_bytes(*stamp)));
        let step = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / STEP_US;
        self.packets += 1;
        self.steps[usize::try_from(step).unwrap_or(STEPS).min(STEPS - 1)] += 1;
    }

    /// The time within which this many of a thousand packets arrived, in milliseconds.
    pub(super) fn permille_ms(&self, permille: u64) -> f64 {
        let wanted = self.packets * permille / 1_000;
        let mut seen = 0;
        let step = self.steps.iter().position(|count| {
            seen += u64::from(*count);
            seen > wanted
        });
        (step.unwrap_or(STEPS) as u64 * STEP_US) as f64 / 1e3
    }
}

/// Writes the time of sending into a payload.
pub(super) fn stamp(payload: &mut [u8], now: Duration) {
    if let Some(stamp) = payload.last_chunk_mut::<STAMP_BYTES>() {
        *stamp = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).to_be_bytes();
    }
}
