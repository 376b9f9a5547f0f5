//! What the relay counts.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use trunkline_turn::{Statistics, Why};

/// The counters of the relay. Clones count into the same ones.
#[derive(Clone, Debug, Default)]
pub struct RelayMetrics {
    pub(super) streams: Gauge<i64, AtomicI64>,
    pub(super) panics: Counter,
    allocations: Gauge<i64, AtomicI64>,
    connections: Gauge<i64, AtomicI64>,
    made: Counter,
    datagrams: Family<ToLabels, Counter>,
    bytes: Family<ToLabels, Counter>,
    handed_over: Family<ToLabels, Counter>,
    refused: Family<WhyLabels, Counter>,
    refused_streams: Family<WhyLabels, Counter>,
    dropped: Family<WhyLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToLabels {
    to: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WhyLabels {
    why: &'static str,
}

/// What the thread itself counts, beside the engine's [`Statistics`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Passed {
    /// Given to media threads without a socket.
    pub(super) to_media: u64,
    /// Given to another relay of ours.
    pub(super) to_relays: u64,
    /// Came from media threads.
    pub(super) from_media: u64,
    /// Did not fit where a media thread takes them.
    pub(super) media_full: u64,
    /// The system or a slow stream did not take them, or no way leads there.
    pub(super) not_sent: u64,
}

impl RelayMetrics {
    /// Registers the counters.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.register_in(registry);
        metrics
    }

    pub(crate) fn register_in(&self, registry: &mut Registry) {
        let all = self;
        registry.register("trunkline_relay_allocations", "Relays there are", all.allocations.clone());
        registry.register(
            "trunkline_relay_connections",
            "TCP connections with peers (RFC 6062)",
            all.connections.clone(),
        );
        registry.register("trunkline_relay_streams", "Clients over TCP and TLS", all.streams.clone());
        registry.register("trunkline_relay_made", "Relays made", all.made.clone());
        registry.register(
            "trunkline_relay_datagrams",
            "Datagrams passed on, by who got them",
            all.datagrams.clone(),
        );
        registry.register(
            "trunkline_relay_bytes",
            "Bytes passed on, by who got them, those of TCP connections included",
            all.bytes.clone(),
        );
        registry.register(
            "trunkline_relay_handed_over_datagrams",
            "Datagrams that needed no socket, by who got them",
            all.handed_over.clone(),
        );
        registry.register(
            "trunkline_relay_refused_requests",
            "Requests refused, by reason; each new client is refused once for no_credential",
            all.refused.clone(),
        );
        registry.register(
            "trunkline_relay_refused_streams",
            "Connections of clients that were closed for a bound, by reason",
            all.refused_streams.clone(),
        );
        registry.register(
            "trunkline_relay_dropped_datagrams",
            "Datagrams dropped, by reason",
            all.dropped.clone(),
        );
        registry.register(
            "trunkline_relay_panics",
            "Bugs that ended the relay; each is in the log",
            all.panics.clone(),
        );
    }

    /// Adds what came to the counts since `old`.
    pub(super) fn count(&self, old: &(Statistics, Passed), new: &(Statistics, Passed)) {
        if old == new {
            return;
        }
        let ((engine, passed), (engine_before, passed_before)) = (new, old);
        self.allocations.set(i64::try_from(engine.allocations).unwrap_or(i64::MAX));
        self.connections.set(i64::try_from(engine.connections).unwrap_or(i64::MAX));
        self.made.inc_by(engine.made - engine_before.made);
        for (to, datagrams, bytes) in [
            (
                "peer",
                engine.to_peers - engine_before.to_peers,
                engine.to_peers_bytes - engine_before.to_peers_bytes,
            ),
            (
                "client",
                engine.to_clients - engine_before.to_clients,
                engine.to_clients_bytes - engine_before.to_clients_bytes,
            ),
        ] {
            if datagrams > 0 {
                self.datagrams.get_or_create(&ToLabels { to }).inc_by(datagrams);
                self.count_bytes(to, bytes);
            }
        }
        for (to, count) in [
            ("media", passed.to_media - passed_before.to_media),
            ("relay", passed.to_relays - passed_before.to_relays),
            ("client", passed.from_media - passed_before.from_media),
        ] {
            if count > 0 {
                self.handed_over.get_or_create(&ToLabels { to }).inc_by(count);
            }
        }
        for why in Why::ALL {
            let count = engine.refused_for(why) - engine_before.refused_for(why);
            if count > 0 {
                self.refused.get_or_create(&WhyLabels { why: why.name() }).inc_by(count);
            }
        }
        for (why, count) in [
            ("over_rate", engine.over_rate - engine_before.over_rate),
            ("not_permitted", engine.not_permitted - engine_before.not_permitted),
            ("malformed", engine.malformed - engine_before.malformed),
            ("media_full", passed.media_full - passed_before.media_full),
            ("not_sent", passed.not_sent - passed_before.not_sent),
        ] {
            if count > 0 {
                self.dropped.get_or_create(&WhyLabels { why }).inc_by(count);
            }
        }
    }

    pub(super) fn count_bytes(&self, to: &'static str, bytes: u64) {
        self.bytes.get_or_create(&ToLabels { to }).inc_by(bytes);
    }

    pub(super) fn count_refused_stream(&self, why: &'static str) {
        self.refused_streams.get_or_create(&WhyLabels { why }).inc();
    }

    /// Nothing is left when the thread has ended.
    pub(super) fn clear(&self) {
        self.allocations.set(0);
        self.connections.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_to_the_counts_is_added_by_reason() {
        let mut registry = Registry::default();
        let metrics = RelayMetrics::register(&mut registry);
        let mut refused = [0; Why::ALL.len()];
        refused[Why::UserQuota as usize] = 3;
        let first = Statistics {
            allocations: 2,
            made: 5,
            refused,
            to_peers: 7,
            to_peers_bytes: 700,
            over_rate: 1,
            ..Statistics::default()
        };
        let passed = Passed { to_media: 6, from_media: 4, media_full: 2, ..Passed::default() };
        let nothing = (Statistics::default(), Passed::default());
        metrics.count(&nothing, &(first, passed));
        let more = Statistics { allocations: 1, to_clients: 1, to_clients_bytes: 10, ..first };
        metrics.count(&(first, passed), &(more, passed));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("it is text");
        for line in [
            "trunkline_relay_allocations 1",
            "trunkline_relay_made_total 5",
            "trunkline_relay_datagrams_total{to=\"peer\"} 7",
            "trunkline_relay_bytes_total{to=\"peer\"} 700",
            "trunkline_relay_bytes_total{to=\"client\"} 10",
            "trunkline_relay_handed_over_datagrams_total{to=\"media\"} 6",
            "trunkline_relay_handed_over_datagrams_total{to=\"client\"} 4",
            "trunkline_relay_refused_requests_total{why=\"user_quota\"} 3",
            "trunkline_relay_dropped_datagrams_total{why=\"over_rate\"} 1",
            "trunkline_relay_dropped_datagrams_total{why=\"media_full\"} 2",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
    }
}
