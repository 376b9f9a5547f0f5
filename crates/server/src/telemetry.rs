//! Numbers of the store, the listeners and the process, read when somebody asks for the metrics.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use trunkline_net::Server;
use trunkline_store::{Health, Store};

/// Registers the numbers of `store`, of the API's listener and of this process.
pub(crate) fn register(registry: &mut Registry, store: &Store, api: &Server) {
    registry.register_collector(Box::new(Numbers {
        store: store.clone(),
        connections: Box::new(api.counter_reader()),
    }));
}

struct Numbers {
    store: Store,
    connections: Box<dyn Fn() -> trunkline_net::CounterSnapshot + Send + Sync>,
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Numbers").finish_non_exhaustive()
    }
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut counter = |name: &str, help: &str, value: u64| {
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        let store = self.store.metrics();
        counter("trunkline_store_writes", "Transactions committed", store.writes_committed)?;
        counter("trunkline_store_rollbacks", "Transactions rolled back", store.writes_rolled_back)?;
        counter(
            "trunkline_store_commits",
            "Commits; one serves a batch of transactions on SQLite",
            store.commits,
        )?;
        counter(
            "trunkline_store_commits_failed",
            "Commits that failed or whose outcome is unknown",
            store.commits_failed,
        )?;
        counter("trunkline_store_reads", "Read transactions", store.reads)?;
        counter("trunkline_store_reruns", "Transactions run again", store.reruns)?;
        counter(
            "trunkline_store_refused",
            "Transactions refused because a queue was full",
            store.refused_busy,
        )?;
        counter(
            "trunkline_store_checkpoints",
            "Copies of the write-ahead log into the database",
            store.checkpoints,
        )?;
        let connections = (self.connections)();
        counter("trunkline_connections_accepted", "Connections accepted", connections.connections_accepted)?;
        counter(
            "trunkline_connections_refused",
            "Connections refused at the limit",
            connections.connections_refused,
        )?;
        counter(
            "trunkline_connections_cut_off",
            "Connections cut off for being slow",
            connections.connections_cut_off,
        )?;
        counter(
            "trunkline_tls_handshakes_failed",
            "TLS handshakes that failed",
            connections.handshakes_failed,
        )?;

        let mut gauge = |name: &str, help: &str, value: i64| {
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
        };
        let as_gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        gauge(
            "trunkline_store_healthy",
            "1 while the store accepts writes",
            i64::from(self.store.health() == Health::Healthy),
        )?;
        gauge(
            "trunkline_store_writes_queued",
            "Transactions waiting to write",
            as_gauge(store.writes_queued),
        )?;
        gauge("trunkline_store_reads_queued", "Transactions waiting to read", as_gauge(store.reads_queued))?;
        gauge(
            "trunkline_store_wal_frames",
            "Frames of 4 KiB in the write-ahead log",
            as_gauge(store.wal_frames),
        )?;
        gauge(
            "trunkline_connections_open",
            "Connections open",
            as_gauge(connections.connections_open as u64),
        )?;
        gauge("process_resident_memory_bytes", "Memory in use", as_gauge(resident_bytes()))
    }
}

/// The process's resident memory; 0 where the system does not tell (proc(5), `/proc/self/statm`).
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}
