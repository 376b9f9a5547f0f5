//! Numbers of a peer's transport and streams, as the quality record and metrics want them.

use std::net::SocketAddr;
use std::time::Duration;

use str0m::stats::{MediaIngressStats, PeerStats as WireStats};

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
    /// Lost on the way to the client, 0 to 1, in the last second of pictures.
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

/// What is known of what the client sends.
#[derive(Default)]
pub(super) struct Sources {
    round_trip: Option<Duration>,
    // By kind and layer. Invariant: one for each source there is.
    all: Vec<SourceStats>,
}

impl Sources {
    /// Counts a packet that came.
    pub(super) fn count(&mut self, kind: SourceKind, layer: Layer, payload_bytes: usize) {
        let source = self.of(kind, layer);
        source.packets += 1;
        source.bytes += payload_bytes as u64;
    }

    /// Takes what the library tells of the way: how long its last check took.
    pub(super) fn peer(&mut self, stats: &WireStats) {
        let pair = stats.selected_candidate_pair.as_ref();
        self.round_trip = pair.and_then(|pair| pair.current_round_trip_time).or(self.round_trip);
    }

    /// Takes what the library tells of a stream from time to time: it alone sees what is lost and asked for again.
    pub(super) fn stream(&mut self, lines: &MediaLines, stats: &MediaIngressStats) {
        let Some((kind, layer)) = lines.source(stats.mid, stats.rid) else { return };
        let source = self.of(kind, layer);
        source.packets = source.packets.max(stats.packets);
        source.bytes = source.bytes.max(stats.bytes);
        source.loss = stats.loss;
        source.jitter = jitter(stats.jitter, kind != SourceKind::Audio);
        source.nacks = stats.nacks;
        source.keyframe_requests = stats.plis + stats.firs;
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) fn all(&self) -> Vec<SourceStats> {
        self.all.clone()
    }

    fn of(&mut self, kind: SourceKind, layer: Layer) -> &mut SourceStats {
        let place = match self.all.binary_search_by_key(&(kind, layer), |source| (source.kind, source.layer))
        {
            Ok(place) => place,
            Err(place) => {
                self.all.insert(place, SourceStats::new(kind, layer));
                place
            }
        };
        &mut self.all[place]
    }
}

impl SourceStats {
    fn new(kind: SourceKind, layer: Layer) -> Self {
        Self {
            kind,
            layer,
            packets: 0,
            bytes: 0,
            loss: None,
            jitter: Duration::ZERO,
            nacks: 0,
            keyframe_requests: 0,
        }
    }
}

/// Variation of arrival in time, from ticks of the medium's clock.
pub(super) fn jitter(ticks: u32, is_video: bool) -> Duration {
    let ticks_per_ms = if is_video { 90 } else { 48 };
    Duration::from_micros(u64::from(ticks) * 1_000 / ticks_per_ms)
}
