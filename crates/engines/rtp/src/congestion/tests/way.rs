//! A model of all that lies between a server and a receiver, in steps of a millisecond.

use std::collections::VecDeque;

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `most`, both included.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.next() % (most + 1)
    }

    pub(super) fn happens(&mut self, permille: u64) -> bool {
        self.next() % 1_000 < permille
    }
}

/// What the way does from some moment on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) rate_bps: u64,
    /// What would wait for longer is lost.
    pub(super) queue_ms: u64,
    /// There, and as much back.
    pub(super) delay_ms: u64,
    /// Added at most; packets stay in order, or overtake each other.
    pub(super) jitter_us: u64,
    pub(super) is_reordering: bool,
    pub(super) lost_permille: u64,
    /// Added at most before the way, on a busy server; packets of a picture stay in order.
    pub(super) busy_us: u64,
    /// The receiver takes packets in batches of so long.
    pub(super) batch_us: u64,
    /// Between two feedbacks.
    pub(super) feedback_ms: u64,
    pub(super) feedback_lost_permille: u64,
}

impl Way {
    pub(super) const WIDE: Self = Self {
        rate_bps: 10_000_000,
        queue_ms: 400,
        delay_ms: 20,
        jitter_us: 0,
        is_reordering: false,
        lost_permille: 0,
        busy_us: 0,
        batch_us: 0,
        feedback_ms: 100,
        feedback_lost_permille: 0,
    };

    pub(super) const NARROW: Self = Self { rate_bps: 300_000, ..Self::WIDE };
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    /// Sound has none.
    pub(super) number: Option<u16>,
    pub(super) bytes: u64,
}

/// Packets on their way.
#[derive(Debug)]
pub(super) struct Link {
    // Before the link, by when they come to it.
    held: Vec<(u64, Packet)>,
    // In the queue, with the bits that are left of the first one.
    queue: VecDeque<Packet>,
    queued_bits: u64,
    credit_bits: u64,
    // Behind it, in the order in which they arrive.
    flying: VecDeque<(u64, Packet)>,
    last_arrival_us: u64,
    chance: Chance,
    pub(super) worst_queue_ms: u64,
}

impl Link {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            held: Vec::new(),
            queue: VecDeque::new(),
            queued_bits: 0,
            credit_bits: 0,
            flying: VecDeque::new(),
            last_arrival_us: 0,
            chance: Chance(seed),
            worst_queue_ms: 0,
        }
    }

    /// Sends packets that belong together.
    pub(super) fn send(&mut self, packets: &[Packet], way: &Way, now_us: u64) {
        let mut out_us = now_us;
        for packet in packets {
            out_us = out_us.max(now_us + self.chance.up_to(way.busy_us));
            self.held.push((out_us, *packet));
        }
    }

    /// Passes a millisecond; answers what arrives, and when.
    pub(super) fn step(&mut self, way: &Way, now_us: u64) -> Vec<(u64, Packet)> {
        let (ready, held) = self.held.drain(..).partition(|(at_us, _)| *at_us <= now_us);
        self.held = held;
        let mut ready: Vec<(u64, Packet)> = ready;
        ready.sort_by_key(|(at_us, _)| *at_us);
        for (_, packet) in ready {
            let wait_ms = self.queued_bits * 1_000 / way.rate_bps;
            if wait_ms <= way.queue_ms && !self.chance.happens(way.lost_permille) {
                self.worst_queue_ms = self.worst_queue_ms.max(wait_ms);
                self.queued_bits += packet.bytes * 8;
                self.queue.push_back(packet);
            }
        }
        self.credit_bits += way.rate_bps / 1_000;
        while let Some(packet) = self.queue.front() {
            let bits = packet.bytes * 8;
            if bits > self.credit_bits {
                break;
            }
            self.credit_bits -= bits;
            self.queued_bits -= bits;
            let arrives_us = now_us + way.delay_ms * 1_000 + self.chance.up_to(way.jitter_us);
            self.last_arrival_us = self.last_arrival_us.max(arrives_us);
            let arrives_us = if way.is_reordering { arrives_us } else { self.last_arrival_us };
            let place = self.flying.partition_point(|(at_us, _)| *at_us <= arrives_us);
            self.flying.insert(place, (arrives_us, *packet));
            self.queue.pop_front();
        }
        if self.queue.is_empty() {
            self.credit_bits = 0;
        }
        let mut arrived = Vec::new();
        while let Some(packet) = self.flying.pop_front_if(|(at_us, _)| *at_us <= now_us) {
            arrived.push(packet);
        }
        arrived
    }
}
