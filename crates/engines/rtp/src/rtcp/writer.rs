//! What a sender tells: its clock, its name, its end (RFC 3550 §6.4.1, §6.5, §6.6).

use super::{HEAD_BYTES, VERSION, kind};

/// A packet has five bits for how many streams it is about.
const STREAMS_MAX: usize = 31;
/// An item has a byte for its length.
const NAME_BYTES_MAX: usize = 255;
/// The item that every description has (RFC 3550 §6.5.1).
const CANONICAL_NAME: u8 = 1;

/// What a sender tells of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// The stream.
    pub stream: u32,
    /// Time of the report, seconds in the upper half and their fraction in the lower. A receiver compares it with those
    /// of other streams and sends its middle back, so any clock does that is the same for all streams.
    pub ntp: u64,
    /// The same time in units of the stream's clock.
    pub rtp_time: u32,
    /// Sent since the start, modulo 2³².
    pub packets: u32,
    /// Payload of these without headers and padding, modulo 2³².
    pub bytes: u32,
}

/// Appends a sender report without blocks about what is received.
pub fn write_sender_report(out: &mut Vec<u8>, info: &SenderInfo) {
    packet(out, 0, kind::SENDER_REPORT, |out| {
        out.extend(info.stream.to_be_bytes());
        out.extend(info.ntp.to_be_bytes());
        out.extend(info.rtp_time.to_be_bytes());
        out.extend(info.packets.to_be_bytes());
        out.extend(info.bytes.to_be_bytes());
    });
}

/// Appends the name by which receivers know streams of one sender as such.
///
/// No more than 255 bytes of it are sent, whole characters.
pub fn write_description(out: &mut Vec<u8>, stream: u32, cname: &str) {
    let name = &cname[..cname.floor_char_boundary(NAME_BYTES_MAX)];
    let length = u8::try_from(name.len()).expect("cut at 255");
    packet(out, 1, kind::DESCRIPTION, |out| {
        out.extend(stream.to_be_bytes());
        out.extend([CANONICAL_NAME, length]);
        out.extend(name.as_bytes());
        // Ends the list; what fills the word comes on top.
        out.push(0);
    });
}

/// Appends that streams end, in as many packets as they need; nothing when there are none.
pub fn write_goodbye(out: &mut Vec<u8>, streams: &[u32]) {
    for some in streams.chunks(STREAMS_MAX) {
        let count = u8::try_from(some.len()).expect("no more than 31");
        packet(out, count, kind::GOODBYE, |out| {
            out.extend(some.iter().flat_map(|stream| stream.to_be_bytes()));
        });
    }
}

/// Appends a packet, filled up to whole words with zeros; its length is known once the body is written.
pub(super) fn packet(out: &mut Vec<u8>, count: u8, kind: u8, write_body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([VERSION << 6 | count, kind, 0, 0]);
    write_body(out);
    let body_bytes = (out.len() - start - HEAD_BYTES).next_multiple_of(4);
    out.resize(start + HEAD_BYTES + body_bytes, 0);
    let words = u16::try_from(body_bytes / 4).expect("packets of a sender are below 256 KiB");
    out[start + 2..start + HEAD_BYTES].copy_from_slice(&words.to_be_bytes());
}
