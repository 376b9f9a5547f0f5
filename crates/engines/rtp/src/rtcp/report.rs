//! What a receiver says of the streams it receives (RFC 3550 §6.4).

use super::{RtcpError, split_word};

/// Of one stream.
const BLOCK_BYTES: usize = 24;
/// Time, packets and bytes of one who sends, behind its number.
const SENDER_INFO_BYTES: usize = 20;

/// What a receiver says of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The stream it is about.
    pub stream: u32,
    /// Of what was sent since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Since the start, of 24 bits. Negative when more arrived than was sent, as with copies.
    pub packets_lost: i32,
    /// Highest number that arrived: how often it wrapped in the upper half, the number in the lower.
    pub highest: u32,
    /// How much the times of arrival vary, in units of the stream's clock.
    pub jitter: u32,
    /// The middle 32 bits of the time in the last sender report that arrived; 0 when none did.
    pub last_report: u32,
    /// Time from that report's arrival to this report, in 65,536ths of a second; 0 when none arrived.
    pub delay: u32,
}

/// The blocks of a report, 0 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reports<'a> {
    blocks: &'a [[u8; BLOCK_BYTES]],
}

impl<'a> Reports<'a> {
    /// In the order of the packet.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Report> + 'a {
        self.blocks.iter().map(read_block)
    }
}

/// Who reports, and about what.
pub(super) fn of_sender(body: &[u8], count: u8) -> Result<(u32, Reports<'_>), RtcpError> {
    let (stream, body) = split_word(body)?;
    let blocks = body.get(SENDER_INFO_BYTES..).ok_or(RtcpError::Length)?;
    Ok((stream, read_blocks(blocks, count)?))
}

/// Who reports, and about what.
pub(super) fn of_receiver(body: &[u8], count: u8) -> Result<(u32, Reports<'_>), RtcpError> {
    let (stream, blocks) = split_word(body)?;
    Ok((stream, read_blocks(blocks, count)?))
}

/// What stands behind the blocks is an extension of a profile.
fn read_blocks(bytes: &[u8], count: u8) -> Result<Reports<'_>, RtcpError> {
    let (blocks, _extension) = bytes.as_chunks();
    let blocks = blocks.get(..usize::from(count)).ok_or(RtcpError::Length)?;
    Ok(Reports { blocks })
}

fn read_block(block: &[u8; BLOCK_BYTES]) -> Report {
    let (words, _) = block.as_chunks();
    let word = |at: usize| u32::from_be_bytes(words[at]);
    let [fraction_lost, ..] = words[1];
    Report {
        stream: word(0),
        fraction_lost,
        // Moved up and down again for the sign of 24 bits.
        packets_lost: (word(1) << 8).cast_signed() >> 8,
        highest: word(2),
        jitter: word(3),
        last_report: word(4),
        delay: word(5),
    }
}
