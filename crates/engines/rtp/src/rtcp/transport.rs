//! What arrived of everything that was sent, and when (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
//!
//! ```text
//! first number │ count │ reference time │ number of the feedback
//! chunks: a status for each number ── 0 lost │ 1 one byte of time │ 2 two bytes of time │ 3 reserved
//! times:  since the one before that arrived, in ticks of 250 µs
//! ```

use super::RtcpError;

/// What the draft counts times of arrival in.
pub(super) const TICK_US: i64 = 250;
/// What it counts the reference time in.
pub(super) const REFERENCE_TICK_US: i64 = 64_000;
/// Status for which nothing is defined.
const RESERVED: u16 = 3;

/// What arrived of the packets of a transport.
///
/// The reading is as strict as that of browsers: a count of 0 is refused as [`RtcpError::Empty`], and so is a reserved
/// status within the count, whereas runs that are empty or reach beyond it are taken. Feedback without times, which
/// browsers take when nobody estimates by it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    /// A stream of the transport; which says nothing, for the numbers are those of all.
    pub media: u32,
    /// Counts the feedback; a gap means that some was lost.
    pub number: u8,
    /// The first transport-wide number it is about.
    pub first: u16,
    /// How many it is about, at least one.
    pub count: u16,
    /// Signed, of 24 bits.
    reference: i32,
    // Invariant: statuses for `count` numbers, none of them reserved, none behind them.
    chunks: &'a [[u8; 2]],
    // Invariant: at least the bytes that the statuses ask for.
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn read(media: u32, said: &'a [u8]) -> Result<Self, RtcpError> {
        let ([f0, f1, c0, c1, r0, r1, r2, number], behind) =
            said.split_first_chunk::<8>().ok_or(RtcpError::Length)?;
        let count = u16::from_be_bytes([*c0, *c1]);
        let (chunks, deltas) = split(behind, count)?;
        Ok(Self {
            media,
            number: *number,
            first: u16::from_be_bytes([*f0, *f1]),
            count,
            // Read into the upper bytes for the sign of 24 bits.
            reference: i32::from_be_bytes([*r0, *r1, *r2, 0]) >> 8,
            chunks,
            deltas,
        })
    }

    /// What times of arrival count from, on the receiver's clock, in microseconds.
    ///
    /// It has 24 bits of 64 ms and a sign: from -6 to 6 days, then from the start again. A receiver may also set it
    /// as it likes.
    pub fn reference_us(&self) -> i64 {
        i64::from(self.reference) * REFERENCE_TICK_US
    }

    /// Each number from `first` on, and when it arrived: microseconds on the receiver's clock, `None` when it did not.
    ///
    /// They are `count` in number, which may be 65,535 in a packet of 40 bytes: whoever walks them looks first whether
    /// so much was sent. Times may lie before the reference time and before each other, by up to 8 s from one to the
    /// next.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            number: self.first,
            left: self.count,
            at_us: self.reference_us(),
            chunk: Chunk::default(),
            chunks: self.chunks,
            deltas: self.deltas,
        }
    }
}

/// Where the chunks for that many numbers end, and that all times are there.
fn split(bytes: &[u8], count: u16) -> Result<(&[[u8; 2]], &[u8]), RtcpError> {
    if count == 0 {
        return Err(RtcpError::Empty);
    }
    let (pairs, _) = bytes.as_chunks();
    let (mut used, mut left, mut deltas_bytes) = (0, count, 0);
    while left > 0 {
        let pair = pairs.get(used).ok_or(RtcpError::Length)?;
        let chunk = Chunk::new(*pair, left);
        deltas_bytes += chunk.deltas_bytes()?;
        left -= chunk.left;
        used += 1;
    }
    let (chunks, deltas) = (&pairs[..used], &bytes[used * 2..]);
    if deltas.len() < deltas_bytes {
        return Err(RtcpError::Length);
    }
    Ok((chunks, deltas))
}

/// What a chunk still says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Chunk {
    /// Statuses, the next one in the highest bits.
    statuses: u16,
    /// Bits of one: a vector is 14 of one bit or 7 of two; a run has a single one, of two.
    status_bits: u32,
    is_run: bool,
    /// Numbers it is still about.
    left: u16,
}

impl Chunk {
    /// No more than `end` numbers of it count (§3.1.3, §3.1.4).
    fn new(bytes: [u8; 2], end: u16) -> Self {
        let bits = u16::from_be_bytes(bytes);
        let (is_vector, is_wide) = (bits & 0x8000 != 0, bits & 0x4000 != 0);
        let (statuses, status_bits, left) = match (is_vector, is_wide) {
            (false, _) => (bits << 1, 2, bits & 0x1fff),
            (true, false) => (bits << 2, 1, 14),
            (true, true) => (bits << 2, 2, 7),
        };
        Self { statuses, status_bits, is_run: !is_vector, left: left.min(end) }
    }

    /// Bytes of time that it asks for: a status is the number of its bytes.
    fn deltas_bytes(self) -> Result<usize, RtcpError> {
        if self.is_run {
            let status = self.status();
            let is_reserved = status == RESERVED && self.left > 0;
            return if is_reserved {
                Err(RtcpError::ReservedStatus)
            } else {
                Ok(usize::from(status) * usize::from(self.left))
            };
        }
        // At most 14 bits, the rest of them is not counted.
        let counted = self.statuses & !(u16::MAX >> (u32::from(self.left) * self.status_bits));
        if self.status_bits == 1 {
            return Ok(counted.count_ones() as usize);
        }
        let (twos, ones) = (counted >> 1 & 0x5555, counted & 0x5555);
        if twos & ones != 0 {
            return Err(RtcpError::ReservedStatus);
        }
        Ok((twos.count_ones() * 2 + ones.count_ones()) as usize)
    }

    /// Of the next number.
    fn status(self) -> u16 {
        self.statuses >> (u16::BITS - self.status_bits)
    }

    /// The status of the next number, which is then done.
    fn take(&mut self) -> u16 {
        let status = self.status();
        self.left -= 1;
        if !self.is_run {
            self.statuses <<= self.status_bits;
        }
        status
    }
}

/// Numbers and when they arrived, made by [`TransportFeedback::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    /// The next one.
    number: u16,
    /// How many there still are.
    left: u16,
    /// When the last one arrived.
    at_us: i64,
    chunk: Chunk,
    /// Behind `chunk`.
    chunks: &'a [[u8; 2]],
    /// Of those that are left.
    deltas: &'a [u8],
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.chunk.left == 0 {
            let (next, rest) = self.chunks.split_first()?;
            self.chunk = Chunk::new(*next, self.left);
            self.chunks = rest;
        }
        let delta = match self.chunk.take() {
            0 => None,
            1 => {
                let (delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                Some(i64::from(*delta))
            }
            _ => {
                let (delta, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                Some(i64::from(i16::from_be_bytes(*delta)))
            }
        };
        let arrived_us = delta.map(|ticks| {
            self.at_us += ticks * TICK_US;
            self.at_us
        });
        let number = self.number;
        self.number = number.wrapping_add(1);
        self.left -= 1;
        Some((number, arrived_us))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

// What was checked when it was read has an item for each number.
impl ExactSizeIterator for Arrivals<'_> {}
