//! A way through a network: what happens to packets on it, in virtual time, drawn from a seed.
//!
//! Tests of the engine send datagrams over it; the hard-network lab (`tests`) sends the packets of real browsers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Now, Transmission};

/// What a way does to packets.
///
/// ```text
/// send → lost? (bursts, then the rest) → line of waiting packets, drained at the rate → delay + jitter → receive
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkModel {
    /// The least time it takes.
    pub delay: Duration,
    /// What is added at most.
    pub jitter: Duration,
    /// Whether packets arrive in the order in which they were sent; else jitter lets them overtake each other.
    pub is_ordered: bool,
    /// Of a thousand packets so many are lost.
    pub lost_permille: u32,
    /// Times in which more is lost.
    pub bursts: Option<Bursts>,
    /// Bits in a second; 0: any number.
    pub rate_bps: u64,
    /// What would wait for longer than this for its turn at `rate_bps` is lost.
    pub queue: Duration,
}

/// Losses that come together: two states, with a change possible at each packet (Gilbert and Elliott,
/// <https://doi.org/10.1002/j.1538-7305.1963.tb00955.x>).
///
/// A burst lasts `1000 / ends_permille` packets on average, what lies between two `1000 / begins_permille`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    /// Of a thousand packets outside of bursts so many begin one.
    pub begins_permille: u32,
    /// Of a thousand packets in bursts so many end theirs.
    pub ends_permille: u32,
    /// Of a thousand packets in bursts so many are lost.
    pub lost_permille: u32,
}

impl Default for LinkModel {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            is_ordered: false,
            lost_permille: 0,
            bursts: None,
            rate_bps: 0,
            queue: QUEUE,
        }
    }
}

/// How much a slow way keeps, as time: what a home router of the usual kind does.
const QUEUE: Duration = Duration::from_millis(300);

/// What goes over a link. Two implementations: the engine's datagrams and the packets of the lab.
pub trait Load {
    /// How much it takes of the way's rate.
    fn size_bytes(&self) -> usize;
}

impl Load for Transmission {
    fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}

impl Load for Vec<u8> {
    fn size_bytes(&self) -> usize {
        self.len()
    }
}

/// One direction of a way.
pub struct Link<T = Transmission> {
    model: LinkModel,
    random: u64,
    is_in_burst: bool,
    // By the time of arrival and the order of sending.
    waiting: BTreeMap<(Now, u64), T>,
    sent: u64,
    free_at: Now,
    last_arrival: Now,
}

impl<T: Load> Link<T> {
    /// A way that is `model`; the same seed does the same to the same packets.
    #[must_use]
    pub fn new(model: LinkModel, seed: u64) -> Self {
        Self {
            model,
            random: seed | 1,
            is_in_burst: false,
            waiting: BTreeMap::new(),
            sent: 0,
            free_at: Now::ZERO,
            last_arrival: Now::ZERO,
        }
    }

    /// Changes what the way is like, for what is sent from now on.
    pub fn set_model(&mut self, model: LinkModel) {
        self.is_in_burst &= model.bursts.is_some();
        self.model = model;
    }

    /// Takes a packet.
    pub fn send(&mut self, load: T, now: Now) {
        self.sent += 1;
        let (is_lost, late) = (self.is_lost(), self.lateness());
        // What is lost has taken its share of the rate: it is lost behind the narrow place, as by radio.
        let Some(leaves) = self.leave(load.size_bytes(), now) else { return };
        if is_lost {
            return;
        }
        let mut arrives = leaves + self.model.delay + late;
        if self.model.is_ordered {
            arrives = arrives.max(self.last_arrival);
        }
        self.last_arrival = arrives.max(self.last_arrival);
        self.waiting.insert((arrives, self.sent), load);
    }

    /// What has arrived by now, in the order of arrival.
    pub fn receive(&mut self, now: Now) -> Option<T> {
        let entry = self.waiting.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// When the next packet arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Now> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    fn is_lost(&mut self) -> bool {
        let Some(bursts) = self.model.bursts else { return self.is_drawn(self.model.lost_permille) };
        let changes = if self.is_in_burst { bursts.ends_permille } else { bursts.begins_permille };
        self.is_in_burst ^= self.is_drawn(changes);
        self.is_drawn(if self.is_in_burst { bursts.lost_permille } else { self.model.lost_permille })
    }

    fn lateness(&mut self) -> Duration {
        let drawn = self.draw(1_000_000);
        Duration::from_nanos(u64::try_from(self.model.jitter.as_nanos()).unwrap_or(0) / 1_000_000 * drawn)
    }

    /// When a packet has passed the narrow place; nothing when the line before it is full.
    fn leave(&mut self, size_bytes: usize, now: Now) -> Option<Now> {
        let Some(takes_us) = (size_bytes as u64 * 8 * 1_000_000).checked_div(self.model.rate_bps) else {
            return Some(now);
        };
        let leaves = self.free_at.max(now) + Duration::from_micros(takes_us);
        if leaves > now + self.model.queue {
            return None;
        }
        self.free_at = leaves;
        Some(leaves)
    }

    fn is_drawn(&mut self, permille: u32) -> bool {
        self.draw(1_000) < u64::from(permille)
    }

    // xorshift64*: https://doi.org/10.18637/jss.v008.i14 with the multiplier of https://doi.org/10.1145/2845077.
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }
}

#[cfg(test)]
mod tests;
