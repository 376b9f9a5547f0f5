//! Numbers of a peer's transport and streams, as the quality record and metrics want them.

use std::net::SocketAddr;
use std::time::Duration;

use str0m::net::Protocol;
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats as WireStats};

use super::lines::MediaLines;
use crate::{Layer, Now, SlotKey, SourceKind};

/// The numbers of one peer at one time. Counts are totals since its beginning.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PeerStats {
    /// When they were taken.
    pub at: Now,
    /// The last round trip.
    pub rtt: Option<Duration>,
    /// How much can be sent, in bits per second.
    pub estimate_bps: Option<u64>,
    /// Lost on the way to the client, 0 to 1, in the last second.
    pub loss_out: Option<f32>,
    /// Bytes received, with everything.
    pub bytes_in: u64,
    /// Bytes sent, with everything.
    pub bytes_out: u64,
    /// The way in use: the client's address and whether it is TCP.
    pub path: Option<(SocketAddr, bool)>,
    /// What the client sends.
    pub sources: Vec<SourceStats>,
    /// What is sent to the client.
    pub slots: Vec<SlotStats>,
}

/// One stream of the client.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SourceStats {
    /// Which of its sources.
    pub kind: SourceKind,
    /// Which encoding of it.
    pub layer: Layer,
    /// Packets received, repairs too.
    pub packets: u64,
    /// Bytes received, repairs too.
    pub bytes: u64,
    /// Lost before repair, 0 to 1, in the last report.
    pub loss: Option<f32>,
    /// Variation of arrival.
    pub jitter: Duration,
    /// Repairs asked for.
    pub nacks: u64,
    /// Key frames asked for.
    pub keyframe_requests: u64,
}

/// One stream to the client.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlotStats {
    /// The line it goes on.
    pub slot: SlotKey,
    /// Packets sent, repairs too.
    pub packets: u64,
    /// Bytes sent, repairs too.
    pub bytes: u64,
    /// Lost before repair, 0 to 1, in the last report.
    pub loss: Option<f32>,
    /// Lost before repair, in total, as the client counts.
    pub packets_lost: u64,
    /// Variation of arrival at the client.
    pub jitter: Duration,
    /// Repairs asked for by the client.
    pub nacks: u64,
    /// Key frames asked for by the client.
    pub keyframe_requests: u64,
}

/// Collects what the library tells piece by piece.
#[derive(Default)]
pub(super) struct StatsInProgress {
    stats: Option<Box<PeerStats>>,
}

impl StatsInProgress {
    /// The numbers of the transport; they come first.
    pub(super) fn begin(&mut self, stats: &WireStats, now: Now) {
        self.stats = Some(Box::new(PeerStats {
            at: now,
            rtt: stats.rtt,
            estimate_bps: stats.bwe_tx.map(|rate| rate.as_u64()),
            loss_out: stats.egress_loss_fraction,
            bytes_in: stats.peer_bytes_rx,
            bytes_out: stats.peer_bytes_tx,
            path: stats
                .selected_candidate_pair
                .as_ref()
                .map(|pair| (pair.remote.addr, pair.protocol == Protocol::Tcp)),
            ..PeerStats::default()
        }));
    }

    /// The numbers of a stream of the client.
    pub(super) fn source(&mut self, lines: &MediaLines, stats: &MediaIngressStats) {
        let (Some(whole), Some((kind, layer))) = (&mut self.stats, lines.source(stats.mid, stats.rid)) else {
            return;
        };
        whole.sources.push(SourceStats {
            kind,
            layer,
            packets: stats.packets,
            bytes: stats.bytes,
            loss: stats.loss,
            jitter: jitter(stats.jitter, kind != SourceKind::Audio),
            nacks: stats.nacks,
            keyframe_requests: stats.plis + stats.firs,
        });
    }

    /// The numbers of a stream to the client.
    pub(super) fn slot(&mut self, lines: &MediaLines, stats: &MediaEgressStats) {
        let (Some(whole), Some(slot)) = (&mut self.stats, lines.slot(stats.mid)) else {
            return;
        };
        let remote = stats.remote.as_ref();
        // Reports of receivers know it where there is no transport-wide feedback.
        whole.rtt = whole.rtt.or(stats.rtt);
        whole.slots.push(SlotStats {
            slot,
            packets: stats.packets,
            bytes: stats.bytes,
            loss: stats.loss,
            packets_lost: remote.map_or(0, |remote| remote.packets_lost),
            jitter: jitter(remote.map_or(0, |remote| remote.jitter), slot.is_video),
            nacks: stats.nacks,
            keyframe_requests: stats.plis + stats.firs,
        });
    }

    /// What was collected, once all of it has come.
    pub(super) fn finish(&mut self) -> Option<Box<PeerStats>> {
        let mut stats = self.stats.take()?;
        stats.sources.sort_by_key(|source| (source.kind, source.layer));
        stats.slots.sort_by_key(|slot| slot.slot);
        Some(stats)
    }
}

/// Variation of arrival in time, from ticks of the medium's clock.
fn jitter(ticks: u32, is_video: bool) -> Duration {
    let ticks_per_ms = if is_video { 90 } else { 48 };
    Duration::from_micros(u64::from(ticks) * 1_000 / ticks_per_ms)
}
