//! A receiver's side: the reports and feedback that a client writes, for tests of those who read them.

use super::report::Report;
use super::transport::{REFERENCE_TICK_US, TICK_US};
use super::writer::packet;
use super::{format, kind};

/// Who sends feedback, as browsers name themselves that send no media.
const SENDER: u32 = 1;
/// Numbers that one chunk for alike ones can be about.
const RUN_MAX: usize = 0x1fff;
/// Numbers that one chunk for different ones is about.
const VECTOR: usize = 7;

/// Appends a receiver report of no more than 31 blocks.
pub fn write_receiver_report(out: &mut Vec<u8>, stream: u32, reports: &[Report]) {
    let count = u8::try_from(reports.len()).expect("no more than 31");
    packet(out, count, kind::RECEIVER_REPORT, |out| {
        out.extend(stream.to_be_bytes());
        for report in reports {
            let lost = report.packets_lost.to_be_bytes();
            out.extend(report.stream.to_be_bytes());
            out.extend([report.fraction_lost, lost[1], lost[2], lost[3]]);
            let words = [report.highest, report.jitter, report.last_report, report.delay];
            out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        }
    });
}

/// Appends that numbers are missing, which are in ascending order and may wrap.
pub fn write_nack(out: &mut Vec<u8>, media: u32, numbers: &[u16]) {
    let mut entries: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        let ahead = entries.last().map_or(0, |(first, _)| number.wrapping_sub(*first));
        match entries.last_mut() {
            Some((_, mask)) if (1..=16).contains(&ahead) => *mask |= 1 << (ahead - 1),
            _ => entries.push((*number, 0)),
        }
    }
    packet(out, format::NACK, kind::TRANSPORT_FEEDBACK, |out| {
        write_about(out, media);
        for (first, mask) in entries {
            out.extend(first.to_be_bytes());
            out.extend(mask.to_be_bytes());
        }
    });
}

/// Appends that a picture cannot be decoded.
pub fn write_picture_loss(out: &mut Vec<u8>, media: u32) {
    packet(out, format::PICTURE_LOSS, kind::PAYLOAD_FEEDBACK, |out| write_about(out, media));
}

/// What a receiver saw of numbers that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// A stream of the transport.
    pub media: u32,
    /// Counts the feedback.
    pub number: u8,
    /// The first number.
    pub first: u16,
    /// When each arrived on the receiver's clock in microseconds, `None` for one that did not; at least one.
    pub arrivals_us: &'a [Option<i64>],
}

/// Appends transport-wide feedback; times are rounded down to ticks of 250 µs.
///
/// Neighbours may not lie further apart than two bytes of ticks say: 8 s.
pub fn write_transport_feedback(out: &mut Vec<u8>, seen: &Seen<'_>) {
    let start_us = seen.arrivals_us.iter().flatten().next().copied().unwrap_or_default();
    let reference = start_us.div_euclid(REFERENCE_TICK_US);
    let mut at = reference * (REFERENCE_TICK_US / TICK_US);
    let deltas: Vec<Option<i64>> = seen
        .arrivals_us
        .iter()
        .map(|arrival_us| {
            let ticks = (*arrival_us)?.div_euclid(TICK_US);
            Some(ticks - std::mem::replace(&mut at, ticks))
        })
        .collect();
    let count = u16::try_from(deltas.len()).expect("no more than 65,535");
    packet(out, format::TRANSPORT_WIDE, kind::TRANSPORT_FEEDBACK, |out| {
        write_about(out, seen.media);
        out.extend(seen.first.to_be_bytes());
        out.extend(count.to_be_bytes());
        out.extend(&reference.to_be_bytes()[5..]);
        out.push(seen.number);
        write_chunks(out, &deltas);
        for delta in deltas.into_iter().flatten() {
            match u8::try_from(delta) {
                Ok(small) => out.push(small),
                Err(_) => out.extend(i16::try_from(delta).expect("within 8 s").to_be_bytes()),
            }
        }
    });
}

/// Runs where a chunk of them says more than one of different ones would.
fn write_chunks(out: &mut Vec<u8>, deltas: &[Option<i64>]) {
    let statuses: Vec<u16> = deltas
        .iter()
        .map(|delta| delta.map_or(0, |delta| 2 - u16::from(u8::try_from(delta).is_ok())))
        .collect();
    let mut left = statuses.as_slice();
    while let Some(first) = left.first() {
        let alike = left.iter().take(RUN_MAX).take_while(|status| *status == first).count();
        let (chunk, end) = if alike >= VECTOR.min(left.len()) {
            (first << 13 | u16::try_from(alike).expect("no more than 13 bits"), alike)
        } else {
            let end = VECTOR.min(left.len());
            let bits =
                (0..VECTOR).fold(0b11, |bits, at| bits << 2 | left.get(at).copied().unwrap_or_default());
            (bits, end)
        };
        out.extend(chunk.to_be_bytes());
        left = &left[end..];
    }
}

fn write_about(out: &mut Vec<u8>, media: u32) {
    out.extend(SENDER.to_be_bytes());
    out.extend(media.to_be_bytes());
}
