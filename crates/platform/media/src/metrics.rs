//! What media threads count.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of the media plane. Clones count into the same ones.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(crate) peers: Gauge<i64, AtomicI64>,
    pub(crate) rooms: Gauge<i64, AtomicI64>,
    pub(crate) connections: Gauge<i64, AtomicI64>,
    pub(crate) received: Counter,
    pub(crate) sent: Counter,
    pub(crate) panics: Counter,
    dropped: Family<DropLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DropLabels {
    why: &'static str,
}

impl Metrics {
    /// Registers the counters.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let all = &metrics;
        registry.register("trunkline_media_peers", "Clients with a media transport", all.peers.clone());
        registry.register("trunkline_media_rooms", "Open rooms", all.rooms.clone());
        registry.register(
            "trunkline_media_tcp_connections",
            "Clients that send media over TCP",
            all.connections.clone(),
        );
        registry.register("trunkline_media_received_datagrams", "Datagrams received", all.received.clone());
        registry.register("trunkline_media_sent_datagrams", "Datagrams sent", all.sent.clone());
        registry.register(
            "trunkline_media_dropped_datagrams",
            "Datagrams dropped, received and sent, by reason",
            all.dropped.clone(),
        );
        registry.register(
            "trunkline_media_panics",
            "Bugs that ended a client's transport or a room; each is in the log",
            all.panics.clone(),
        );
        metrics
    }

    pub(crate) fn count_drops(&self, why: &'static str, count: u64) {
        self.dropped.get_or_create(&DropLabels { why }).inc_by(count);
    }

    #[cfg(test)]
    pub(crate) fn drops(&self, why: &'static str) -> u64 {
        self.dropped.get_or_create(&DropLabels { why }).get()
    }
}
