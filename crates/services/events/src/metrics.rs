//! What the delivery of events counts.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The counters of the service. Clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) lag_seconds: Gauge<f64, AtomicU64>,
    pub(crate) window_events: Gauge<i64, AtomicI64>,
    pub(crate) pending_rows: Gauge<i64, AtomicI64>,
    pub(crate) sick_subscriptions: Gauge<i64, AtomicI64>,
    pub(crate) delivered: Counter,
    pub(crate) dead_lettered: Counter,
    attempts: Family<OutcomeLabels, Counter>,
    dropped: Family<ReasonLabels, Counter>,
    delivery_seconds: Histogram,
    attempt_seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl Default for Metrics {
    /// Counters that nobody reads: for tests and commands.
    fn default() -> Self {
        Self {
            lag_seconds: Gauge::default(),
            window_events: Gauge::default(),
            pending_rows: Gauge::default(),
            sick_subscriptions: Gauge::default(),
            delivered: Counter::default(),
            dead_lettered: Counter::default(),
            attempts: Family::default(),
            dropped: Family::default(),
            // 1 ms to about 18 h: from a healthy endpoint to the end of the ladder.
            delivery_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 14)),
            // 0.25 ms to about 8 s; the rest is on its way to the 30 s.
            attempt_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
        }
    }
}

impl Metrics {
    /// Registers the counters.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "trunkline_events_lag_seconds",
            "Age of the oldest event that is neither delivered nor parked",
            metrics.lag_seconds.clone(),
        );
        registry.register(
            "trunkline_events_window_events",
            "Events between the durable cursor and the newest one read",
            metrics.window_events.clone(),
        );
        registry.register(
            "trunkline_events_pending_rows",
            "Deliveries that wait for another attempt",
            metrics.pending_rows.clone(),
        );
        registry.register(
            "trunkline_events_sick_subscriptions",
            "Subscriptions whose last ten attempts failed",
            metrics.sick_subscriptions.clone(),
        );
        registry.register("trunkline_events_delivered", "Deliveries acknowledged", metrics.delivered.clone());
        registry.register(
            "trunkline_events_dead_lettered",
            "Deliveries written to a dead-letter blob",
            metrics.dead_lettered.clone(),
        );
        registry.register(
            "trunkline_events_attempts",
            "Requests to endpoints, by outcome",
            metrics.attempts.clone(),
        );
        registry.register(
            "trunkline_events_dropped",
            "Deliveries given up without a dead letter, by reason",
            metrics.dropped.clone(),
        );
        registry.register(
            "trunkline_events_delivery_seconds",
            "Time from publishing to acknowledgement",
            metrics.delivery_seconds.clone(),
        );
        registry.register(
            "trunkline_events_attempt_seconds",
            "Time of one request",
            metrics.attempt_seconds.clone(),
        );
        metrics
    }

    pub(crate) fn count_attempt(&self, outcome: &'static str, took: Duration) {
        self.attempts.get_or_create(&OutcomeLabels { outcome }).inc();
        self.attempt_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn count_delivery(&self, since_published: Duration) {
        self.delivered.inc();
        self.delivery_seconds.observe(since_published.as_secs_f64());
    }

    pub(crate) fn count_dropped(&self, reason: &'static str) {
        self.dropped.get_or_create(&ReasonLabels { reason }).inc();
    }
}
