//! The header of a media packet with its extensions (RFC 3550 §5.1, RFC 8285 §4.2).

use str0m::Rtc;
use str0m::media::{Media, Mid};
use str0m::rtp::Extension;

use crate::{Marks, Now};

/// The header without extensions.
const FIXED_BYTES: usize = 12;
/// What one-byte headers begin with (RFC 8285 §4.2).
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];
/// All extensions of ours at their longest, and the header.
pub(super) const HEADER_BYTES_MAX: usize = FIXED_BYTES + 4 + 44;

/// The numbers of header extensions on one line; those that were not agreed are not sent.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Extensions {
    level: Option<u8>,
    sent_at: Option<u8>,
    transport: Option<u8>,
    mid: Option<u8>,
    playout_delay: Option<u8>,
    content_type: Option<u8>,
    orientation: Option<u8>,
}

/// What stands in the fixed part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) stream: u32,
    pub(super) has_padding: bool,
}

/// What the extensions carry.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Carried<'a> {
    pub(super) marks: Option<&'a Marks>,
    pub(super) mid: Option<&'a str>,
    /// The transport-wide number.
    pub(super) transport: Option<u16>,
    /// For receivers that estimate by themselves.
    pub(super) sent_at: Option<Now>,
}

impl Extensions {
    /// What was agreed for a line.
    pub(super) fn of(rtc: &Rtc, mid: Mid) -> Self {
        let map = rtc.media(mid).map(Media::remote_extmap);
        // Greater numbers need headers of two bytes, which are not sent.
        let id = |extension| map?.id_of(extension).filter(|id| (1..=14).contains(id));
        Self {
            level: id(Extension::AudioLevel),
            sent_at: id(Extension::AbsoluteSendTime),
            transport: id(Extension::TransportSequenceNumber),
            mid: id(Extension::RtpMid),
            playout_delay: id(Extension::PlayoutDelay),
            content_type: id(Extension::VideoContentType),
            orientation: id(Extension::VideoOrientation),
        }
    }

    pub(super) fn has_transport(&self) -> bool {
        self.transport.is_some()
    }
}

/// Writes a header; answers its length.
pub(super) fn write(out: &mut Vec<u8>, head: Head, extensions: &Extensions, carried: Carried<'_>) -> usize {
    let start = out.len();
    out.push(0x80 | if head.has_padding { 0x20 } else { 0 });
    out.push(head.payload_type & 0x7f | if head.marker { 0x80 } else { 0 });
    out.extend(head.sequence.to_be_bytes());
    out.extend(head.timestamp.to_be_bytes());
    out.extend(head.stream.to_be_bytes());
    out.extend([ONE_BYTE[0], ONE_BYTE[1], 0, 0]);
    let first = out.len();
    elements(out, extensions, carried);
    if out.len() == first {
        out.truncate(start + FIXED_BYTES);
        return FIXED_BYTES;
    }
    while !(out.len() - first).is_multiple_of(4) {
        out.push(0);
    }
    let words = u16::try_from((out.len() - first) / 4).unwrap_or(u16::MAX);
    out[first - 2..first].copy_from_slice(&words.to_be_bytes());
    out[start] |= 0x10;
    out.len() - start
}

fn elements(out: &mut Vec<u8>, ids: &Extensions, carried: Carried<'_>) {
    let marks = carried.marks.copied().unwrap_or_default();
    let level = marks.level_dbov.map(|level| {
        let voice = if marks.has_voice == Some(true) { 0x80 } else { 0 };
        [voice | level.unsigned_abs().min(127)]
    });
    element(out, ids.level, level);
    element(out, ids.transport, carried.transport.map(u16::to_be_bytes));
    element(out, ids.sent_at, carried.sent_at.map(absolute));
    element(out, ids.orientation, marks.orientation.map(|way| [way]));
    element(out, ids.content_type, marks.content_type.map(|kind| [kind]));
    element(out, ids.playout_delay, marks.playout_delay_ms.map(playout_delay));
    element(out, ids.mid, carried.mid);
}

fn element(out: &mut Vec<u8>, id: Option<u8>, value: Option<impl AsRef<[u8]>>) {
    let (Some(id), Some(value)) = (id, value) else { return };
    let value = value.as_ref();
    // One-byte headers hold 1 to 16 bytes.
    if let Ok(length) = u8::try_from(value.len())
        && (1..=16).contains(&length)
    {
        out.push(id << 4 | (length - 1));
        out.extend_from_slice(value);
    }
}

/// 24 bits of 6.18 seconds (`abs-send-time`).
fn absolute(sent_at: Now) -> [u8; 3] {
    let fraction = (u64::from(sent_at.subsec_nanos()) << 18) / 1_000_000_000;
    let [.., high, middle, low] = ((sent_at.as_secs() << 18) | fraction).to_be_bytes();
    [high, middle, low]
}

/// Twice 12 bits in steps of 10 ms.
fn playout_delay((least_ms, most_ms): (u16, u16)) -> [u8; 3] {
    let [least, most] = [least_ms, most_ms].map(|ms| u32::from(ms / 10).min(0xfff));
    let [_, high, middle, low] = (least << 12 | most).to_be_bytes();
    [high, middle, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head {
        payload_type: 96,
        marker: true,
        sequence: 0x1234,
        timestamp: 0x0102_0304,
        stream: 0x0506_0708,
        has_padding: false,
    };

    #[test]
    fn a_header_without_extensions_has_twelve_bytes() {
        let mut out = vec![9];
        assert_eq!(write(&mut out, HEAD, &Extensions::default(), Carried::default()), 12);
        assert_eq!(out, [9, 0x80, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn extensions_stand_under_the_numbers_agreed() {
        let extensions = Extensions {
            level: Some(1),
            transport: Some(3),
            mid: Some(4),
            playout_delay: Some(5),
            ..Extensions::default()
        };
        let marks = Marks {
            level_dbov: Some(-33),
            has_voice: Some(true),
            orientation: Some(3),
            playout_delay_ms: Some((50, 400)),
            ..Marks::default()
        };
        let carried = Carried {
            marks: Some(&marks),
            mid: Some("v0"),
            transport: Some(0xabcd),
            sent_at: Some(Now::ZERO),
        };
        let mut out = Vec::new();
        let length = write(&mut out, Head { has_padding: true, ..HEAD }, &extensions, carried);
        assert_eq!(out[0], 0xb0);
        assert_eq!(
            out[12..],
            [0xbe, 0xde, 0, 3, 0x10, 0xa1, 0x31, 0xab, 0xcd, 0x52, 0x00, 0x50, 0x28, 0x41, b'v', b'0']
        );
        assert_eq!(length, out.len());
    }

    #[test]
    fn the_longest_header_fits_its_bound() {
        let all = Some(14);
        let extensions = Extensions {
            level: all,
            sent_at: all,
            transport: all,
            mid: all,
            playout_delay: all,
            content_type: all,
            orientation: all,
        };
        let marks = Marks {
            level_dbov: Some(0),
            has_voice: None,
            orientation: Some(1),
            content_type: Some(1),
            playout_delay_ms: Some((u16::MAX, 0)),
        };
        let carried = Carried {
            marks: Some(&marks),
            mid: Some("sixteen.letters."),
            transport: Some(1),
            sent_at: Some(Now::from_secs(64)),
        };
        let mut out = Vec::new();
        let length = write(&mut out, HEAD, &extensions, carried);
        assert!(length <= HEADER_BYTES_MAX, "{length}");
        assert!(length.is_multiple_of(4));
    }

    #[test]
    fn send_times_have_six_bits_of_seconds() {
        assert_eq!(absolute(Now::from_millis(1_500)), [0x06, 0, 0]);
        assert_eq!(absolute(Now::from_secs(64)), [0, 0, 0]);
    }
}
