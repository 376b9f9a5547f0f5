//! What the server saw of a leg's media, as it is kept.

use std::time::Duration;

use trunkline_calling_wire::quality::{MediaPath, ServerRecord, StreamRecord};
use trunkline_media::{Layer, Path, QualityReport, SlotStats, SourceKind, SourceStats};

/// The record of a connection that ended. No address is in it.
pub(super) fn record_of(report: &QualityReport) -> ServerRecord {
    let stats = report.stats.as_ref();
    ServerRecord {
        lasted_ms: millis(report.lasted),
        path: report.path.map(|path| match path {
            Path::Udp => MediaPath::Udp,
            Path::Tcp => MediaPath::Tcp,
        }),
        dropped: report.dropped,
        rtt_ms: stats.and_then(|stats| stats.rtt).map(millis),
        bytes_in: stats.map_or(0, |stats| stats.bytes_in),
        bytes_out: stats.map_or(0, |stats| stats.bytes_out),
        sources: stats.map_or_else(Vec::new, |stats| stats.sources.iter().map(source).collect()),
        slots: stats.map_or_else(Vec::new, |stats| stats.slots.iter().map(slot).collect()),
    }
}

fn source(stats: &SourceStats) -> StreamRecord {
    let kind = match stats.kind {
        SourceKind::Audio => "audio",
        SourceKind::Camera => "camera",
        SourceKind::Screen => "screen",
    };
    let layer = match stats.layer {
        Layer::Low => "q",
        Layer::Middle => "h",
        Layer::High => "f",
    };
    StreamRecord {
        name: format!("{kind}/{layer}"),
        packets: stats.packets,
        bytes: stats.bytes,
        loss_permille: stats.loss.map(permille),
        jitter_ms: millis(stats.jitter),
        repairs: stats.nacks,
        keyframe_requests: stats.keyframe_requests,
    }
}

fn slot(stats: &SlotStats) -> StreamRecord {
    let kind = if stats.slot.is_video { "video" } else { "audio" };
    StreamRecord {
        name: format!("{kind}/{}", stats.slot.index),
        packets: stats.packets,
        bytes: stats.bytes,
        loss_permille: stats.loss.map(permille),
        jitter_ms: millis(stats.jitter),
        repairs: stats.nacks,
        keyframe_requests: stats.keyframe_requests,
    }
}

/// A share from 0 to 1, in thousandths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000, as clamped")]
fn permille(share: f32) -> u32 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u32
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use trunkline_media::{PeerStats, SlotKey};

    use super::*;

    #[test]
    fn a_record_names_streams_and_no_address() {
        let stats = PeerStats {
            rtt: Some(Duration::from_millis(41)),
            bytes_in: 7,
            path: Some(("192.0.2.7:9".parse().unwrap(), true)),
            sources: vec![SourceStats {
                kind: SourceKind::Camera,
                layer: Layer::Middle,
                packets: 3,
                bytes: 300,
                loss: Some(0.0125),
                jitter: Duration::from_millis(4),
                nacks: 1,
                keyframe_requests: 2,
            }],
            slots: vec![SlotStats {
                slot: SlotKey { is_video: true, index: 1 },
                packets: 5,
                bytes: 500,
                loss: None,
                packets_lost: 0,
                jitter: Duration::ZERO,
                nacks: 0,
                keyframe_requests: 0,
            }],
            ..PeerStats::default()
        };
        let lasted = Duration::from_mins(1);
        let record =
            record_of(&QualityReport { lasted, path: Some(Path::Tcp), dropped: 9, stats: Some(stats) });
        assert_eq!((record.lasted_ms, record.path, record.dropped), (60_000, Some(MediaPath::Tcp), 9));
        assert_eq!((record.rtt_ms, record.bytes_in), (Some(41), 7));
        let (sent, got) = (&record.sources[0], &record.slots[0]);
        assert_eq!((&*sent.name, sent.loss_permille, sent.jitter_ms), ("camera/h", Some(13), 4));
        assert_eq!((&*got.name, got.packets, got.loss_permille), ("video/1", 5, None));
        assert!(!serde_json::to_string(&record).unwrap().contains("192.0.2.7"));
    }
}
