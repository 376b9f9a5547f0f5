//! Packets of slots, made and sealed.

use trunkline_rtp::congestion::Purpose;
use trunkline_rtp::srtp::TRAILER_BYTES_MAX;

use super::cache::Kept;
use super::header::{self, Carried, HEADER_BYTES_MAX, Head};
use super::slot::Slot;
use super::{Ciphers, Sending};
use crate::codec::{self, Places};
use crate::peer::events::{PeerSink, Transmission};
use crate::peer::lines::MediaLines;
use crate::{Codec, Forward, Now, PictureNumbers, SlotKey};

/// Packets of a stream that name their line, for clients that map streams by it; after these they know.
const NAMED_PACKETS: u64 = 64;
/// What congestion control counts beside payload: header, extensions and tag.
const OVERHEAD_BYTES: usize = 40;
/// The padding of a packet without payload (RFC 3550 §5.1: its length is in its last byte).
const PADDING_BYTES: u8 = 224;
/// The original sequence number before the payload of a repair (RFC 4588 §4).
const ORIGINAL_BYTES: usize = 2;

impl Sending {
    /// Sends a packet on its slot. Nothing happens where there is no such slot, or the client cannot decode it: a new
    /// offer may just have changed both.
    pub(super) fn send(&mut self, forward: &Forward, lines: &MediaLines, now: Now, out: &mut dyn PeerSink) {
        let Some(types) = lines.outgoing(forward.slot, forward.codec) else { return };
        let patch = match forward.patch {
            None => None,
            Some(numbers) => match codec::places(forward.codec, &forward.payload, numbers) {
                Some(places) => Some((places, numbers)),
                None => return,
            },
        };
        let has_feedback = self.control.has_feedback();
        let Some(slot) = self.slot(forward.slot) else { return };
        if !slot.once.take(forward.sequence) {
            return;
        }
        let has_number = forward.slot.is_video && has_feedback && slot.extensions.has_transport();
        let size = forward.payload.len() + OVERHEAD_BYTES;
        let number = has_number.then(|| self.control.count(size, Purpose::Media, now));
        let Some(slot) = self.slot(forward.slot) else { return };
        let name = slot.mid;
        let carried = Carried {
            marks: Some(&forward.marks),
            mid: (slot.packets() < NAMED_PACKETS).then_some(&*name),
            transport: number,
            sent_at: (!has_feedback).then_some(now),
        };
        let head = Head {
            payload_type: types.media,
            marker: forward.marker,
            sequence: low(forward.sequence),
            timestamp: forward.timestamp,
            stream: slot.media,
            has_padding: false,
        };
        let mut packet = buffer(forward.payload.len());
        let header_bytes = header::write(&mut packet, head, &slot.extensions, carried);
        packet.extend_from_slice(&forward.payload);
        if let Some((places, numbers)) = patch {
            places.put(&mut packet[header_bytes..], numbers);
        }
        note(slot, forward, patch, types.repair, now);
        if forward.slot.is_video {
            self.pacer.count(packet.len());
        } else {
            self.sound.count(packet.len() + OVERHEAD_BYTES, now);
        }
        self.seal(packet, header_bytes, forward.slot, (head.stream, forward.sequence), out);
    }

    /// Sends a packet of a video slot once more, on the stream of its repairs.
    pub(super) fn send_again(&mut self, index: u8, sequence: u64, now: Now, out: &mut dyn PeerSink) {
        let Some(slot) = self.video.get_mut(index) else { return };
        if let Some(kept) = slot.cache.find(low(sequence), now) {
            let kept = kept.clone();
            self.repair(index, Some(&kept), Purpose::Repair, now, out);
        }
    }

    /// Sends something on the stream of repairs: a packet once more, or nothing but padding.
    pub(super) fn repair(
        &mut self,
        index: u8,
        kept: Option<&Kept>,
        purpose: Purpose,
        now: Now,
        out: &mut dyn PeerSink,
    ) {
        let has_feedback = self.control.has_feedback();
        let Some(slot) = self.video.get_mut(index) else { return };
        let (Some(stream), Some(payload_type)) =
            (slot.repair, kept.map(|kept| kept.payload_type).or(slot.repair_type))
        else {
            return;
        };
        let (key, number_in_stream, name) = (slot.key, slot.repairs, slot.mid);
        slot.repairs += 1;
        let payload_bytes =
            kept.map_or(usize::from(PADDING_BYTES), |kept| kept.payload.len() + ORIGINAL_BYTES);
        let has_number = has_feedback && slot.extensions.has_transport();
        let number = has_number.then(|| self.control.count(payload_bytes + OVERHEAD_BYTES, purpose, now));
        let Some(slot) = self.video.get_mut(index) else { return };
        let carried = Carried {
            marks: kept.map(|kept| &kept.marks),
            mid: (number_in_stream < NAMED_PACKETS).then_some(&*name),
            transport: number,
            sent_at: (!has_feedback).then_some(now),
        };
        let head = Head {
            payload_type,
            marker: kept.is_some_and(|kept| kept.marker),
            sequence: low(number_in_stream),
            timestamp: kept.map_or(0, |kept| kept.timestamp),
            stream,
            has_padding: kept.is_none(),
        };
        let mut packet = buffer(payload_bytes);
        let header_bytes = header::write(&mut packet, head, &slot.extensions, carried);
        if let Some(kept) = kept {
            again(&mut packet, kept);
        } else {
            packet.resize(packet.len() + usize::from(PADDING_BYTES) - 1, 0);
            packet.push(PADDING_BYTES);
        }
        self.pacer.count(packet.len());
        self.seal(packet, header_bytes, key, (stream, number_in_stream), out);
    }

    fn seal(
        &mut self,
        mut packet: Vec<u8>,
        header_bytes: usize,
        key: SlotKey,
        (stream, index): (u32, u64),
        out: &mut dyn PeerSink,
    ) {
        let (Some(Ciphers { sealer, .. }), Some(way)) = (&mut self.ciphers, self.way) else { return };
        // What cannot be sealed is lost, as on the way.
        if sealer.seal(&mut packet, header_bytes, stream, index).is_err() {
            return;
        }
        self.bytes += packet.len() as u64;
        if let Some(slot) = self.slot(key) {
            slot.count(packet.len());
        }
        out.transmit(Transmission {
            is_tcp: way.is_tcp,
            source: way.source,
            destination: way.destination,
            bytes: packet,
        });
    }
}

/// The payload of a repair.
fn again(packet: &mut Vec<u8>, kept: &Kept) {
    packet.extend(low(kept.sequence).to_be_bytes());
    let start = packet.len();
    packet.extend_from_slice(&kept.payload);
    if let Some((places, numbers)) = kept.patch {
        places.put(&mut packet[start..], numbers);
    }
}

/// Remembers what a packet means for reports and repairs.
fn note(
    slot: &mut Slot,
    forward: &Forward,
    patch: Option<(Places, PictureNumbers)>,
    repair_type: Option<u8>,
    now: Now,
) {
    slot.count_media(forward.payload.len());
    let clock_rate_hz = if matches!(forward.codec, Codec::Opus | Codec::Red) { 48_000 } else { 90_000 };
    slot.unreported = Some((forward.timestamp, forward.captured, clock_rate_hz));
    let Some(payload_type) = repair_type.filter(|_| forward.is_repairable && slot.repair.is_some()) else {
        return;
    };
    slot.repair_type = Some(payload_type);
    slot.cache.put(Kept {
        sequence: forward.sequence,
        timestamp: forward.timestamp,
        marker: forward.marker,
        payload_type,
        payload: forward.payload.clone(),
        patch,
        marks: forward.marks,
        sent: now,
        repaired: None,
    });
}

/// Room for a packet, so that nothing is moved while it is made.
fn buffer(payload_bytes: usize) -> Vec<u8> {
    Vec::with_capacity(HEADER_BYTES_MAX + payload_bytes + ORIGINAL_BYTES + TRAILER_BYTES_MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "the low 16 bits are what stands in headers")]
fn low(number: u64) -> u16 {
    number as u16
}
