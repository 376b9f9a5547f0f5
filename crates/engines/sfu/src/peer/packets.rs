//! Media packets in and out.

use std::collections::HashMap;

use str0m::media::{Frequency, MediaTime};
use str0m::rtp::{ExtensionValues, RtpPacket, Ssrc};

use super::Peer;
use super::clock::Stamp;
use crate::{Codec, Forward, Layer, Marks, Now, Packet, SourceKey, SourceKind};

/// Streams of a client that are remembered: three layers, screen and audio, and as many again after a new offer, thrice.
const STREAMS_MAX: usize = 32;

/// What each stream of the client is, found when it is first heard.
#[derive(Default)]
pub(super) struct Streams {
    // By the SSRC of the medium, which repaired packets have as well. Invariant: at most STREAMS_MAX entries.
    known: HashMap<Ssrc, (SourceKind, Layer)>,
}

impl Peer {
    /// Queues a packet on a slot; it leaves with the next `drain`.
    ///
    /// Nothing happens when the client has no such slot or cannot decode it: a new offer may just have changed both.
    pub fn write(&mut self, forward: Forward) {
        self.sending.write(forward);
    }

    /// A packet of the library as one of ours; `None` when it belongs to nothing the client may send.
    pub(super) fn packet(&mut self, packet: RtpPacket, now: Now) -> Option<Packet> {
        let (kind, layer) = self.source(packet.header.ssrc)?;
        let codec = self.lines.codec(*packet.header.payload_type)?;
        self.sources.count(kind, layer, packet.payload.len());
        let captured = stamp(&packet, codec).and_then(|stamp| self.clock.captured(stamp, now));
        Some(Packet {
            source: SourceKey { peer: self.key, kind },
            layer,
            codec,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            arrived: now,
            captured,
            marks: marks(&packet.header.ext_vals),
            payload: packet.payload,
        })
    }

    fn source(&mut self, ssrc: Ssrc) -> Option<(SourceKind, Layer)> {
        if let Some(known) = self.streams.known.get(&ssrc) {
            return Some(*known);
        }
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_rx(&ssrc)?;
        let source = self.lines.source(stream.mid(), stream.rid())?;
        if self.streams.known.len() >= STREAMS_MAX {
            self.streams.known.clear();
        }
        self.streams.known.insert(ssrc, source);
        Some(source)
    }
}

fn stamp(packet: &RtpPacket, codec: Codec) -> Option<Stamp> {
    let report = packet.last_sender_info.as_ref()?;
    Some(Stamp {
        report_at: report.ntp_time,
        report_ticks: ticks(report.rtp_time),
        packet_ticks: packet.header.timestamp,
        clock_rate_hz: match codec {
            Codec::Opus | Codec::Red => 48_000,
            Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => 90_000,
        },
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what stands in RTP headers")]
fn ticks(time: MediaTime) -> u32 {
    time.numer() as u32
}

fn marks(values: &ExtensionValues) -> Marks {
    Marks {
        level_dbov: values.audio_level,
        has_voice: values.voice_activity,
        orientation: values.video_orientation.map(|way| way as u8),
        content_type: values.video_content_type,
        playout_delay_ms: values.play_delay_min.and_then(millis).zip(values.play_delay_max.and_then(millis)),
    }
}

/// The wire has steps of 10 ms in 12 bits.
fn millis(time: MediaTime) -> Option<u16> {
    let hundredths = time.rebase(Frequency::HUNDREDTHS).numer();
    u16::try_from(hundredths.checked_mul(10)?).ok()
}
