//! What chat counts.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::realtime::Transport;

/// The counters of chat. Clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics {
    connections: Family<TransportLabels, Gauge<i64, AtomicI64>>,
    pub(crate) endpoints: Gauge<i64, AtomicI64>,
    pub(crate) rooms: Gauge<i64, AtomicI64>,
    deliveries: Family<ResultLabels, Counter>,
    delivery_seconds: Histogram,
    ack_seconds: Histogram,
    erasure_seconds: Histogram,
    pub(crate) queue_behind: Counter,
    pub(crate) resumed: Counter,
    pub(crate) resume_changes: Counter,
    pub(crate) gap_reads: Counter,
    pub(crate) wrong_acks: Counter,
    pub(crate) broken_frames: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabels {
    transport: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

impl Default for Metrics {
    /// Counters that nobody reads: for tests and commands.
    fn default() -> Self {
        // 0.25 ms to about 8 s: from a local delivery to a client that answers as late as it may.
        let seconds = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        Self {
            connections: Family::default(),
            endpoints: Gauge::default(),
            rooms: Gauge::default(),
            deliveries: Family::default(),
            delivery_seconds: seconds(),
            ack_seconds: seconds(),
            // 0.1 s to about 14 minutes: a minute is the goal, and a backup can hold the log.
            erasure_seconds: Histogram::new(exponential_buckets(0.1, 2.0, 14)),
            queue_behind: Counter::default(),
            resumed: Counter::default(),
            resume_changes: Counter::default(),
            gap_reads: Counter::default(),
            wrong_acks: Counter::default(),
            broken_frames: Counter::default(),
        }
    }
}

impl Metrics {
    /// Registers the counters.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let all = &metrics;
        registry.register("trunkline_chat_connections", "Connected clients", all.connections.clone());
        registry.register(
            "trunkline_chat_endpoints",
            "Clients that are told what happens: a client that moves has two connections for a while",
            all.endpoints.clone(),
        );
        registry.register(
            "trunkline_chat_erasure_seconds",
            "Time from the request to erase something until nothing is left of it",
            all.erasure_seconds.clone(),
        );
        registry.register("trunkline_chat_rooms", "Threads with activity on this node", all.rooms.clone());
        registry.register("trunkline_chat_deliveries", "Notifications to clients", all.deliveries.clone());
        registry.register(
            "trunkline_chat_delivery_seconds",
            "Time from the change to its first write to a client",
            all.delivery_seconds.clone(),
        );
        registry.register(
            "trunkline_chat_ack_seconds",
            "Time from the write to the client's acknowledgement",
            all.ack_seconds.clone(),
        );
        registry.register(
            "trunkline_chat_queue_behind",
            "Clients whose queue was full and is read from the store instead",
            all.queue_behind.clone(),
        );
        registry.register("trunkline_chat_resumed", "Clients that came back", all.resumed.clone());
        registry.register(
            "trunkline_chat_resume_changes",
            "Changes told to clients that came back",
            all.resume_changes.clone(),
        );
        registry.register(
            "trunkline_chat_gap_reads",
            "Times changes were read from the store because their notification did not come",
            all.gap_reads.clone(),
        );
        registry.register(
            "trunkline_chat_wrong_acks",
            "Acknowledgements for nothing that was sent",
            all.wrong_acks.clone(),
        );
        registry.register(
            "trunkline_chat_broken_frames",
            "Frames of clients that could not be read",
            all.broken_frames.clone(),
        );
        metrics
    }

    pub(crate) fn connected(&self, transport: Transport, change: i64) {
        self.connections.get_or_create(&TransportLabels { transport: transport.name() }).inc_by(change);
    }

    /// Notifications that were queued for a client, or were not.
    pub(crate) fn delivered(&self, result: &'static str, count: u64) {
        self.deliveries.get_or_create(&ResultLabels { result }).inc_by(count);
    }

    pub(crate) fn told_after(&self, duration: Duration) {
        self.delivery_seconds.observe(duration.as_secs_f64());
    }

    pub(crate) fn erased_after(&self, duration: Duration) {
        self.erasure_seconds.observe(duration.as_secs_f64());
    }

    pub(crate) fn acknowledged_after(&self, duration: Duration) {
        self.ack_seconds.observe(duration.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_can_be_read_by_their_names() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.endpoints.set(3);
        metrics.connected(Transport::Polls, 4);
        metrics.erased_after(Duration::from_secs(2));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "trunkline_chat_endpoints 3",
            "trunkline_chat_connections{transport=\"polling\"} 4",
            "trunkline_chat_erasure_seconds_sum 2.0",
            "trunkline_chat_erasure_seconds_count 1",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
    }
}
