//! Whether packets queue: the least time on the way, now against before.
//!
//! ```text
//! packets ─► buckets of 50 ms or more: the least delay of each ─► the lower of the last two, above the base: what stands
//! stands above 20 ms and jitter ─► more than when it was noted: rises │ less: falls │ neither: flat; after 3 s the base
//! ```
//!
//! Draft-ietf-rmcat-gcc-02 §5.4 fits a line through delays, in which a busy server, a radio link and a receiver that
//! reads in batches look like a queue. The least delay of many packets has none of that: what is left stands in a queue
//! (<https://doi.org/10.1145/2208917.2209336>).

/// A bucket lasts at least so long, and as long as the jitter is, and has at least so many packets: the least of five
/// is near to the least of all.
const BUCKET_US: u64 = 50_000;
const BUCKET_PACKETS: u32 = 5;
/// A bucket that is not full after so long says nothing: few packets neither make a queue nor find one.
const BUCKET_MAX_US: u64 = 1_000_000;
/// Packets that are sent so far apart leave a queue the time to drain: the second one tells whether it has.
pub(super) const PAUSE_US: u64 = 100_000;
/// After so many, a quarter of a second, a way that is much too narrow from the start has shown it; after so long, one
/// that few packets pass.
const KNOWN_BUCKETS: u8 = 5;
const KNOWN_US: u64 = 1_000_000;
/// What may stand in any case: what a busy machine holds back, and clocks that count coarsely.
const STANDING_US: i64 = 20_000;
/// Jitter counts up to this; more of it is a queue.
const JITTER_MAX_US: i64 = 40_000;
/// Weight of a bucket in the jitter: one in eight, about the last half second.
const JITTER_WEIGHT: i64 = 8;
/// Less change than this is flat. A rate of 2 % too much reaches it within half a second.
const CHANGE_US: i64 = 10_000;
/// What stands flat for so long is no queue of ours, for that would grow or drain: the way has become longer.
const FLAT_US: u64 = 3_000_000;
/// The base is the least of one to two of these: long enough to see the way without queue, short enough for clocks that
/// drift by 100 millionths, 2 ms.
const BASE_US: u64 = 10_000_000;
/// No queue changes so much from one packet to the next: the receiver's clock was set.
const JUMP_US: i64 = 5_000_000;

/// What the delays say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Queue {
    /// None to speak of.
    #[default]
    Clear,
    /// It drains.
    Falls,
    /// It stands, or was just noted.
    Flat,
    /// It grows: more is sent than gets through.
    Rises,
}

/// Delays on the way to the receiver, by two clocks, so that only differences count.
#[derive(Debug, Default)]
pub(super) struct Delays {
    bucket: Option<Bucket>,
    // The least delay of the last bucket.
    last_us: Option<i64>,
    buckets: u8,
    // When the first packet was sent, and for how long more of them have been.
    first_sent_us: Option<u64>,
    lasts_us: u64,
    newest_us: Option<i64>,
    base: Option<Base>,
    jitter_us: i64,
    noted: Option<Noted>,
    queue: Queue,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    since_us: u64,
    until_us: u64,
    least_us: i64,
    first_us: i64,
    // Of what lies above the first delay, which keeps it small.
    sum_us: i64,
    packets: u32,
}

/// Microseconds, like all delays.
#[derive(Clone, Copy, Debug)]
struct Base {
    since_us: u64,
    least: i64,
    least_before: i64,
}

/// What stood at some moment; changes are told from there.
#[derive(Clone, Copy, Debug)]
struct Noted {
    since_us: u64,
    standing_us: i64,
}

impl Delays {
    /// What the packets until now say.
    pub(super) fn queue(&self) -> Queue {
        self.queue
    }

    /// What packets differ by that were sent together, in microseconds.
    pub(super) fn jitter_us(&self) -> u64 {
        self.jitter_us.unsigned_abs()
    }

    /// Whether enough is known to see a queue.
    pub(super) fn is_known(&self) -> bool {
        self.buckets >= KNOWN_BUCKETS || self.lasts_us >= KNOWN_US
    }

    /// Takes the delay of any packet, which shows how little it can be; answers whether the clock is still the same.
    pub(super) fn see(&mut self, sent_us: u64, delay_us: i64) -> bool {
        let is_far = |newest: i64| newest.saturating_sub(delay_us).saturating_abs() > JUMP_US;
        let is_jump = self.newest_us.is_some_and(is_far);
        if is_jump {
            *self = Self { jitter_us: self.jitter_us, ..Self::default() };
        }
        self.newest_us = Some(delay_us);
        self.lasts_us = sent_us.saturating_sub(*self.first_sent_us.get_or_insert(sent_us));
        Base::learn(&mut self.base, delay_us, sent_us);
        !is_jump
    }

    /// Takes the delay of a packet, after [`Self::see`], that nothing but media can have held up.
    ///
    /// Answers whether it is now that a queue has been seen to grow.
    pub(super) fn add(&mut self, sent_us: u64, delay_us: i64) -> bool {
        let is_later = self.bucket.is_some_and(|bucket| sent_us > bucket.until_us + PAUSE_US);
        let has_risen = self.fill(sent_us, delay_us);
        if is_later {
            self.drained(delay_us);
        }
        has_risen
    }

    /// Puts a packet into its bucket; answers whether the one before has shown a queue that grows.
    fn fill(&mut self, sent_us: u64, delay_us: i64) -> bool {
        match self.bucket {
            Some(bucket)
                if sent_us >= bucket.since_us + BUCKET_US + self.jitter_us()
                    && bucket.packets >= BUCKET_PACKETS =>
            {
                self.take(bucket);
                self.bucket = Some(Bucket::new(sent_us, delay_us));
                return self.queue == Queue::Rises;
            }
            Some(bucket) if sent_us > bucket.since_us + BUCKET_MAX_US => {
                (self.last_us, self.noted, self.queue) = (None, None, Queue::Clear);
                self.bucket = Some(Bucket::new(sent_us, delay_us));
            }
            Some(ref mut bucket) => bucket.add(sent_us, delay_us),
            None => self.bucket = Some(Bucket::new(sent_us, delay_us)),
        }
        false
    }

    /// Drops the bucket that is being filled: something else than media has filled the queue.
    pub(super) fn disturb(&mut self) {
        self.bucket = None;
    }

    fn take(&mut self, bucket: Bucket) {
        let at_us = bucket.since_us;
        self.buckets = self.buckets.saturating_add(1);
        if self.queue == Queue::Clear {
            let mean_us = bucket.first_us + bucket.sum_us / i64::from(bucket.packets);
            let apart_us = (mean_us - bucket.least_us).min(JITTER_MAX_US);
            self.jitter_us += (apart_us - self.jitter_us) / JITTER_WEIGHT;
        }
        let Some(last_us) = self.last_us.replace(bucket.least_us) else { return };
        let Some(base) = self.base else { return };
        let standing_us = last_us.min(bucket.least_us) - base.least.min(base.least_before);
        self.queue = self.judge(standing_us, bucket.least_us - last_us, at_us);
    }

    /// After a pause a packet tells whether what stood before has drained meanwhile.
    fn drained(&mut self, delay_us: i64) {
        let Some(base) = self.base else { return };
        let standing_us = delay_us.saturating_sub(base.least.min(base.least_before));
        if standing_us <= STANDING_US + self.jitter_us {
            (self.last_us, self.noted, self.queue) = (Some(delay_us), None, Queue::Clear);
        }
    }

    fn judge(&mut self, standing_us: i64, step_us: i64, at_us: u64) -> Queue {
        let change_us = CHANGE_US + self.jitter_us / 2;
        if standing_us <= STANDING_US + self.jitter_us {
            self.noted = None;
            return Queue::Clear;
        }
        let here = Noted { since_us: at_us, standing_us };
        let Some(noted) = self.noted else {
            self.noted = Some(here);
            // A way that has become longer does so once; where both buckets stand and the second higher, it grows.
            return if step_us >= change_us { Queue::Rises } else { Queue::Flat };
        };
        let grown_us = standing_us - noted.standing_us;
        if grown_us.abs() >= change_us {
            self.noted = Some(here);
            return if grown_us > 0 { Queue::Rises } else { Queue::Falls };
        }
        if at_us >= noted.since_us + FLAT_US {
            self.base = None;
            self.noted = None;
            return Queue::Clear;
        }
        Queue::Flat
    }
}

impl Bucket {
    fn new(since_us: u64, delay_us: i64) -> Self {
        Self { since_us, until_us: since_us, least_us: delay_us, first_us: delay_us, sum_us: 0, packets: 1 }
    }

    fn add(&mut self, sent_us: u64, delay_us: i64) {
        self.until_us = self.until_us.max(sent_us);
        self.least_us = self.least_us.min(delay_us);
        self.sum_us = self.sum_us.saturating_add(delay_us - self.first_us);
        self.packets = self.packets.saturating_add(1);
    }
}

impl Base {
    fn learn(base: &mut Option<Self>, delay_us: i64, at_us: u64) {
        let base = base.get_or_insert(Self { since_us: at_us, least: delay_us, least_before: delay_us });
        let age_us = at_us.saturating_sub(base.since_us);
        if age_us >= BASE_US {
            let is_stale = age_us >= 2 * BASE_US;
            let least_before = if is_stale { delay_us } else { base.least };
            *base = Self { since_us: at_us, least: delay_us, least_before };
        }
        base.least = base.least.min(delay_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets each 10 ms for so long, the delay in milliseconds by the time since the first; answers what was said.
    fn run(delays: &mut Delays, from_ms: u64, lasts_ms: u64, delay_ms: impl Fn(i64) -> i64) -> Vec<Queue> {
        let mut said = Vec::new();
        for ms in (0..lasts_ms).step_by(10) {
            let sent_us = (from_ms + ms) * 1_000;
            let delay_us = delay_ms(i64::try_from(ms).unwrap()) * 1_000;
            assert!(delays.see(sent_us, delay_us));
            delays.add(sent_us, delay_us);
            if said.last() != Some(&delays.queue()) {
                said.push(delays.queue());
            }
        }
        said
    }

    #[test]
    fn a_queue_that_grows_and_drains_is_told() {
        let mut delays = Delays::default();
        assert_eq!(run(&mut delays, 0, 200, |_| 40), [Queue::Clear]);
        assert!(!delays.is_known());
        assert_eq!(run(&mut delays, 200, 1_000, |_| 40), [Queue::Clear]);
        assert!(delays.is_known());
        let grows = run(&mut delays, 1_200, 500, |ms| 40 + ms / 2);
        assert_eq!(grows, [Queue::Clear, Queue::Rises]);
        let drains = run(&mut delays, 1_700, 1_000, |ms| (290 - ms / 2).max(40));
        assert!(drains.ends_with(&[Queue::Falls, Queue::Clear]), "{drains:?}");
        assert_eq!(drains.iter().filter(|queue| **queue == Queue::Rises).count(), 1, "{drains:?}");
    }

    #[test]
    fn a_queue_that_grows_slowly_is_told() {
        let mut delays = Delays::default();
        run(&mut delays, 0, 1_000, |_| 40);
        // A rate that is too high by 2 %.
        let said = run(&mut delays, 1_000, 3_000, |ms| 40 + ms / 50);
        assert!(said.contains(&Queue::Rises) && !said.contains(&Queue::Falls), "{said:?}");
    }

    #[test]
    fn a_longer_way_is_no_queue_and_becomes_the_base() {
        let mut delays = Delays::default();
        run(&mut delays, 0, 1_000, |_| 40);
        assert_eq!(run(&mut delays, 1_000, 5_000, |_| 140), [Queue::Clear, Queue::Flat, Queue::Clear]);
        assert_eq!(run(&mut delays, 6_000, 500, |ms| 140 + ms / 2), [Queue::Clear, Queue::Rises]);
    }

    #[test]
    fn jitter_is_no_queue() {
        let mut delays = Delays::default();
        let said = run(&mut delays, 0, 20_000, |ms| 40 + ms * 7 % 31);
        assert_eq!(said, [Queue::Clear]);
        assert!((5_000..25_000).contains(&delays.jitter_us()), "{}", delays.jitter_us());
    }

    #[test]
    fn few_packets_say_nothing() {
        let mut delays = Delays::default();
        for round in 0..50_u64 {
            let delay_us = i64::try_from(round).unwrap() * 20_000;
            delays.see(round * 300_000, delay_us);
            assert!(!delays.add(round * 300_000, delay_us));
            assert_eq!(delays.is_known(), round >= 4, "a second is enough to try more");
        }
        assert_eq!(delays.queue(), Queue::Clear);
    }

    #[test]
    fn a_pause_in_which_a_queue_drained_ends_it_and_one_in_which_it_stayed_does_not() {
        let mut delays = Delays::default();
        run(&mut delays, 0, 1_000, |_| 40);
        let burst = run(&mut delays, 1_000, 200, |ms| 40 + ms);
        assert!(burst.contains(&Queue::Rises), "{burst:?}");
        delays.see(2_000_000, 40_000);
        delays.add(2_000_000, 40_000);
        assert_eq!(delays.queue(), Queue::Clear);
        let burst = run(&mut delays, 2_010, 400, |ms| 40 + ms);
        assert!(burst.contains(&Queue::Rises), "{burst:?}");
        delays.see(2_600_000, 440_000);
        delays.add(2_600_000, 440_000);
        assert_ne!(delays.queue(), Queue::Clear);
    }

    #[test]
    fn a_clock_that_drifts_is_no_queue() {
        let mut delays = Delays::default();
        // A thousandth, ten times what clocks do: 10 to 20 ms above the base.
        let said = run(&mut delays, 0, 60_000, |ms| 40 + ms / 1_000);
        assert_eq!(said, [Queue::Clear]);
    }

    #[test]
    fn a_clock_that_was_set_starts_anew() {
        let mut delays = Delays::default();
        run(&mut delays, 0, 1_000, |_| 40);
        assert!(!delays.see(1_000_000, 3_600_000_000));
        delays.add(1_000_000, 3_600_000_000);
        assert!(!delays.is_known());
        assert_eq!(run(&mut delays, 1_010, 2_000, |_| 3_600_000), [Queue::Clear]);
        for strange in [i64::MAX, i64::MIN, 0] {
            assert!(!delays.see(4_000_000, strange));
            delays.add(4_000_000, strange);
        }
    }
}
