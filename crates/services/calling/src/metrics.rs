//! What calling counts.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of calling. Clones count into the same ones.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(crate) sessions: Gauge<i64, AtomicI64>,
    pub(crate) sockets: Gauge<i64, AtomicI64>,
    pub(crate) calls: Gauge<i64, AtomicI64>,
    pub(crate) resumed: Counter,
    closed: Family<CodeLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    message: &'static str,
    result: &'static str,
}

impl Metrics {
    /// Counters that `registry` shows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let calling = registry.sub_registry_with_prefix("trunkline_calling");
        calling.register(
            "sessions",
            "Sessions of clients, with a socket or waiting for one",
            metrics.sessions.clone(),
        );
        calling.register("sockets", "Open signalling sockets", metrics.sockets.clone());
        calling.register("calls", "Running calls of this node", metrics.calls.clone());
        calling.register("resumed", "Sessions that went on over another socket", metrics.resumed.clone());
        calling.register("closed", "Sockets closed by the server, by code", metrics.closed.clone());
        calling.register("requests", "Messages of clients, by type and result", metrics.requests.clone());
        metrics
    }

    pub(crate) fn closed(&self, code: u16) {
        self.closed.get_or_create(&CodeLabels { code: u32::from(code) }).inc();
    }

    pub(crate) fn request(&self, message: &'static str, result: &'static str) {
        self.requests.get_or_create(&RequestLabels { message, result }).inc();
    }
}
