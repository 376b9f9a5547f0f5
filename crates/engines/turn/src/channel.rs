//! `ChannelData` (RFC 8656 §12.4 to §12.6) and the frames of a stream.

use crate::stun::HEADER_BYTES;

/// Channel number and length.
pub const CHANNEL_HEAD_BYTES: usize = 4;
/// The channel numbers that clients may choose. RFC 8656 §12 ends them at 0x4FFF, so that they can share a port with
/// other protocols (RFC 7983); clients of RFC 5766 §11 go up to 0x7FFE, and here they share it with STUN alone.
pub const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7FFE;
/// The longest frame of a stream: what a length field of 16 bits can say, and a header.
pub const FRAME_BYTES_MAX: usize = 65_536 + HEADER_BYTES;

/// Whether bytes start as `ChannelData` does.
pub fn is_channel_data(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| (0x40..=0x7F).contains(first))
}

/// The channel and what was sent over it; `None` when the length leaves the bytes.
///
/// What follows is padding, which streams need and datagrams may have.
pub fn parse(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<CHANNEL_HEAD_BYTES>()?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Some((u16::from_be_bytes([head[0], head[1]]), rest.get(..length)?))
}

/// What stands before `length` bytes sent over `channel`; at most 65,535 of them.
pub fn head(channel: u16, length: usize) -> [u8; CHANNEL_HEAD_BYTES] {
    let length = u16::try_from(length).expect("a datagram is shorter than 64 KiB");
    let (channel, length) = (channel.to_be_bytes(), length.to_be_bytes());
    [channel[0], channel[1], length[0], length[1]]
}

/// What a stream starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// More bytes are needed to tell.
    Incomplete,
    /// A frame of that many bytes, its padding included; there may be fewer of them yet.
    Bytes(usize),
    /// Neither a message nor channel data: the stream cannot be read any further.
    Foreign,
}

/// Tells where the first frame of a TCP or TLS stream ends (RFC 8656 §12.5).
pub fn next_frame(stream: &[u8]) -> Frame {
    let Some(head) = stream.first_chunk::<CHANNEL_HEAD_BYTES>() else { return Frame::Incomplete };
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    match head[0] {
        0..=3 if length.is_multiple_of(4) => Frame::Bytes(HEADER_BYTES + length),
        0x40..=0x7F => Frame::Bytes((CHANNEL_HEAD_BYTES + length).next_multiple_of(4)),
        _ => Frame::Foreign,
    }
}
