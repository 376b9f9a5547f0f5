//! Datagrams on their way, in virtual time, with loss and delay drawn from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Now, Transmission};

/// What a way does to datagrams.
#[derive(Clone, Copy, Debug)]
pub struct LinkModel {
    /// The least time it takes.
    pub delay: Duration,
    /// What is added at most; datagrams overtake each other.
    pub jitter: Duration,
    /// Of a thousand datagrams so many are lost.
    pub lost_permille: u32,
    /// Bits in a second; 0: any number. What waits for longer than 300 ms is lost.
    pub rate_bps: u64,
}

impl Default for LinkModel {
    fn default() -> Self {
        Self { delay: Duration::from_millis(10), jitter: Duration::ZERO, lost_permille: 0, rate_bps: 0 }
    }
}

/// How much a slow way keeps, as time.
const QUEUE: Duration = Duration::from_millis(300);

/// One direction of a way.
pub struct Link {
    model: LinkModel,
    random: u64,
    // By the time of arrival and the order of sending.
    waiting: BTreeMap<(Now, u64), Transmission>,
    sent: u64,
    free_at: Now,
}

impl Link {
    /// A way that is `model`; the same seed loses the same datagrams.
    #[must_use]
    pub fn new(model: LinkModel, seed: u64) -> Self {
        Self { model, random: seed | 1, waiting: BTreeMap::new(), sent: 0, free_at: Now::ZERO }
    }

    /// Changes what the way is like, for what is sent from now on.
    pub fn set_model(&mut self, model: LinkModel) {
        self.model = model;
    }

    /// Takes a datagram.
    pub fn send(&mut self, transmission: Transmission, now: Now) {
        self.sent += 1;
        let (is_lost, jitter) =
            (self.draw(1_000) < u64::from(self.model.lost_permille), self.draw(1_000_000));
        let mut leaves = now;
        let bits = transmission.bytes.len() as u64 * 8;
        if let Some(takes_us) = (bits * 1_000_000).checked_div(self.model.rate_bps) {
            leaves = self.free_at.max(now) + Duration::from_micros(takes_us);
            if leaves > now + QUEUE {
                return;
            }
            self.free_at = leaves;
        }
        if !is_lost {
            let late = Duration::from_nanos(
                u64::try_from(self.model.jitter.as_nanos()).unwrap_or(0) / 1_000_000 * jitter,
            );
            self.waiting.insert((leaves + self.model.delay + late, self.sent), transmission);
        }
    }

    /// What has arrived by now, in the order of arrival.
    pub fn receive(&mut self, now: Now) -> Option<Transmission> {
        let entry = self.waiting.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// When the next datagram arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Now> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    // xorshift64*: https://doi.org/10.18637/jss.v008.i14 with the multiplier of https://doi.org/10.1145/2845077.
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }
}
