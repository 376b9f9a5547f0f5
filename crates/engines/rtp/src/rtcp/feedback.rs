//! What a receiver wishes: packets again, a key frame, no more than so many bits.

use super::{RtcpError, split_word};

/// Packets that are missing (RFC 4585 §6.2.1), at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack<'a> {
    /// The stream they belong to.
    pub media: u32,
    /// A number, and a bit for each of the 16 that follow it.
    entries: &'a [[u8; 4]],
}

impl<'a> Nack<'a> {
    pub(super) fn read(media: u32, said: &'a [u8]) -> Result<Self, RtcpError> {
        Ok(Self { media, entries: entries(said)? })
    }

    /// The numbers, as the receiver listed them; one may be there twice.
    pub fn numbers(self) -> impl Iterator<Item = u16> + 'a {
        self.entries.iter().flat_map(|[high, low, mask @ ..]| {
            let first = u16::from_be_bytes([*high, *low]);
            let mask = u32::from(u16::from_be_bytes(*mask));
            // The first is the lowest bit, and always missing.
            let missing = mask << 1 | 1;
            (0..17).filter(move |bit| missing >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit))
        })
    }
}

/// Key frames that are wished (RFC 5104 §4.3.1), at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullIntra<'a> {
    /// A stream, a number, three reserved bytes.
    entries: &'a [[u8; 8]],
}

impl<'a> FullIntra<'a> {
    pub(super) fn read(said: &'a [u8]) -> Result<Self, RtcpError> {
        Ok(Self { entries: entries(said)? })
    }

    /// Streams, each with the number of the wish: the same number is the same wish, said again.
    pub fn media(self) -> impl Iterator<Item = (u32, u8)> + 'a {
        self.entries
            .iter()
            .map(|[a, b, c, d, sequence, ..]| (u32::from_be_bytes([*a, *b, *c, *d]), *sequence))
    }
}

/// What the receiver guesses that its way carries (draft-alvestrand-rmcat-remb §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remb<'a> {
    /// Of all streams together. What does not fit is the largest number.
    pub bps: u64,
    streams: &'a [[u8; 4]],
}

impl<'a> Remb<'a> {
    /// Stands before what applications made up themselves; others have other names.
    const NAME: [u8; 4] = *b"REMB";

    pub(super) fn is_one(said: &[u8]) -> bool {
        said.starts_with(&Self::NAME)
    }

    /// Behind the name: how many streams, 6 bits of exponent, 18 bits of mantissa, the streams.
    pub(super) fn read(said: &'a [u8]) -> Result<Self, RtcpError> {
        let (_name, said) = split_word(said)?;
        let (word, streams) = split_word(said)?;
        let [count, ..] = word.to_be_bytes();
        let (streams, _) = streams.as_chunks();
        let streams = streams.get(..usize::from(count)).ok_or(RtcpError::Length)?;
        let (exponent, mantissa) = (word >> 18 & 0x3f, u64::from(word & 0x3_ffff));
        let fits = mantissa.leading_zeros() >= exponent;
        Ok(Self { bps: if fits { mantissa << exponent } else { u64::MAX }, streams })
    }

    /// Streams that share it.
    pub fn streams(self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.streams.iter().map(|stream| u32::from_be_bytes(*stream))
    }
}

/// Nothing but entries, and at least one.
fn entries<const BYTES: usize>(said: &[u8]) -> Result<&[[u8; BYTES]], RtcpError> {
    match said.as_chunks() {
        (_, [_, ..]) => Err(RtcpError::Length),
        ([], _) => Err(RtcpError::Empty),
        (entries, []) => Ok(entries),
    }
}
