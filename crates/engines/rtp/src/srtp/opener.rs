//! What is received.

use super::cipher::{Cipher, Number, Protocol, RTCP_ENCRYPTED, RTCP_HEADER_BYTES, RTCP_NUMBER_BYTES};
use super::window::Window;
use super::{MasterKey, RTP_HEADER_BYTES, SrtpError};

/// Streams whose packet numbers are remembered, of RTP and of RTCP each.
///
/// A participant sends few streams at a time, and each takes 48 bytes. When one more comes, the stream that was silent
/// longest is forgotten, and its old packets could be replayed from then on. Only who has the key gets a stream
/// remembered: its packets are counted after they proved authentic.
pub const STREAMS_MAX: usize = 64;

/// Numbers remembered below the greatest of a stream: twice the 64 that RFC 3711 §3.3.2 asks for.
const WINDOW_NUMBERS: usize = 128;

/// Opens what the other side sent.
///
/// No lock: one thread owns this, as it owns the connection.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    tag_bytes: usize,
    pub(super) rtp_streams: Streams,
    pub(super) rtcp_streams: Streams,
}

impl Opener {
    /// Derives and expands the keys of RTP and RTCP.
    pub fn new(key: &MasterKey) -> Result<Self, SrtpError> {
        let (rtp, rtcp) = (Cipher::derive(key, Protocol::Rtp)?, Cipher::derive(key, Protocol::Rtcp)?);
        Ok(Self::with_ciphers(rtp, rtcp, key.profile.tag_bytes()))
    }

    pub(super) fn with_ciphers(rtp: Cipher, rtcp: Cipher, tag_bytes: usize) -> Self {
        Self { rtp, rtcp, tag_bytes, rtp_streams: Streams::default(), rtcp_streams: Streams::default() }
    }

    /// Opens an RTP packet into `out`, which is cleared first and stays empty after an error.
    ///
    /// The rollover counter is guessed as in RFC 3711 §3.3.1: the first packet of a stream has 0, each later one what
    /// is nearest to the greatest number so far. Replays are refused, and what is 128 or more below the greatest
    /// number.
    pub fn open(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), SrtpError> {
        out.clear();
        let short = SrtpError::Short { bytes: packet.len() };
        let header_bytes = rtp_header_bytes(packet).ok_or(short)?;
        if packet.len() < header_bytes + self.tag_bytes {
            return Err(short);
        }
        let (sequence, stream) = (u16_at(packet, 2), u32_at(packet, 8));
        let index = nearest_index(self.rtp_streams.newest(stream), sequence);
        let number = Number { stream, index: index.ok_or(SrtpError::Forged)? };
        self.rtp_streams.check(number)?;
        out.extend_from_slice(packet);
        let opened = self.rtp.open_rtp(out, header_bytes, number);
        settle(opened.is_ok(), &mut self.rtp_streams, number, out)
    }

    /// Opens a compound RTCP packet into `out`, which is cleared first and stays empty after an error.
    ///
    /// Replays are refused, and what is 128 or more below the greatest number of its stream.
    pub fn open_rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), SrtpError> {
        out.clear();
        if packet.len() < RTCP_HEADER_BYTES + RTCP_NUMBER_BYTES + self.tag_bytes {
            return Err(SrtpError::Short { bytes: packet.len() });
        }
        let word = u32_at(packet, packet.len() - self.rtcp.rtcp_number_from_end_bytes());
        let encrypted = u32::from(RTCP_ENCRYPTED) << 24;
        if word & encrypted == 0 {
            return Err(SrtpError::Clear);
        }
        let number = Number { stream: u32_at(packet, 4), index: (word & !encrypted).into() };
        self.rtcp_streams.check(number)?;
        out.extend_from_slice(packet);
        let opened = self.rtcp.open_rtcp(out, number);
        settle(opened.is_ok(), &mut self.rtcp_streams, number, out)
    }
}

/// Counts an authentic packet; empties `out` for another, whose bytes nobody may look at.
fn settle(
    is_authentic: bool,
    streams: &mut Streams,
    number: Number,
    out: &mut Vec<u8>,
) -> Result<(), SrtpError> {
    if is_authentic {
        streams.take(number);
        return Ok(());
    }
    out.clear();
    Err(SrtpError::Forged)
}

/// Length of header, contributors and extension as the packet claims it (RFC 3550 §5.1, §5.3.1), which may be more than
/// there is; `None` when the packet ends before it says so.
fn rtp_header_bytes(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut header_bytes = RTP_HEADER_BYTES + 4 * usize::from(first & 0x0F);
    if first & 0x10 != 0 {
        let extension = packet.get(header_bytes..)?.first_chunk::<4>()?;
        header_bytes += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
    }
    Some(header_bytes)
}

/// The number with these low 16 bits that is nearest to the newest; `None` when it would lie below zero.
fn nearest_index(newest: Option<u64>, sequence: u16) -> Option<u64> {
    let Some(newest) = newest else { return Some(sequence.into()) };
    let [.., high, low] = newest.to_be_bytes();
    let step = sequence.wrapping_sub(u16::from_be_bytes([high, low])).cast_signed();
    newest.checked_add_signed(step.into())
}

/// The length was checked by the caller.
fn u16_at(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

/// The length was checked by the caller.
fn u32_at(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}

/// The numbers that came of each stream.
#[derive(Default)]
pub(super) struct Streams {
    /// Invariant: at most [`STREAMS_MAX`], each SSRC once. Few enough to look through.
    streams: Vec<Stream>,
    /// Packets counted so far, which tells the order in which streams were last heard.
    packets: u64,
}

struct Stream {
    ssrc: u32,
    heard: u64,
    window: Window<{ WINDOW_NUMBERS / 64 }>,
}

impl Streams {
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.streams.len()
    }

    fn newest(&self, ssrc: u32) -> Option<u64> {
        self.streams.iter().find(|stream| stream.ssrc == ssrc)?.window.newest()
    }

    fn check(&self, Number { stream, index }: Number) -> Result<(), SrtpError> {
        match self.streams.iter().find(|known| known.ssrc == stream) {
            Some(known) if !known.window.is_free(index) => Err(SrtpError::Replayed { stream, index }),
            _ => Ok(()),
        }
    }

    /// Remembers the number of an authentic packet.
    fn take(&mut self, number: Number) {
        self.packets += 1;
        let place = self.place(number.stream);
        let stream = &mut self.streams[place];
        stream.heard = self.packets;
        stream.window.take(number.index);
    }

    /// Where the stream is remembered; the one that was silent longest makes room.
    fn place(&mut self, ssrc: u32) -> usize {
        if let Some(place) = self.streams.iter().position(|stream| stream.ssrc == ssrc) {
            return place;
        }
        let stream = Stream { ssrc, heard: 0, window: Window::default() };
        if self.streams.len() < STREAMS_MAX {
            self.streams.push(stream);
            return self.streams.len() - 1;
        }
        let places = self.streams.iter().enumerate();
        let (place, _) =
            places.min_by_key(|(_, stream)| stream.heard).expect("there are STREAMS_MAX streams");
        self.streams[place] = stream;
        place
    }
}
