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

impl Numbers {
    /// Totals since the start.
    fn counters(&self) -> [(&'static str, &'static str, u64); 12] {
        let (store, net) = (self.store.metrics(), (self.connections)());
        [
            ("trunkline_store_writes", "Transactions committed", store.writes_committed),
            ("trunkline_store_rollbacks", "Transactions rolled back", store.writes_rolled_back),
            ("trunkline_store_commits", "Commits; on SQLite one serves a batch", store.commits),
            ("trunkline_store_commits_failed", "Commits that failed, or may have", store.commits_failed),
            ("trunkline_store_reads", "Read transactions", store.reads),
            ("trunkline_store_reruns", "Transactions run again", store.reruns),
            ("trunkline_store_refused", "Transactions refused because a queue was full", store.refused_busy),
            ("trunkline_store_checkpoints", "Copies of the log into the database", store.checkpoints),
            ("trunkline_connections_accepted", "Connections accepted", net.connections_accepted),
            ("trunkline_connections_refused", "Connections refused at the limit", net.connections_refused),
            ("trunkline_connections_cut_off", "Connections cut off for being slow", net.connections_cut_off),
            ("trunkline_tls_handshakes_failed", "TLS handshakes that failed", net.handshakes_failed),
        ]
    }

    /// How it is now.
    fn gauges(&self) -> [(&'static str, &'static str, u64); 6] {
        let (store, net) = (self.store.metrics(), (self.connections)());
        let is_healthy = self.store.health() == Health::Healthy;
        [
            ("trunkline_store_healthy", "1 while the store accepts writes", u64::from(is_healthy)),
            ("trunkline_store_writes_queued", "Transactions waiting to write", store.writes_queued),
            ("trunkline_store_reads_queued", "Transactions waiting to read", store.reads_queued),
            ("trunkline_store_wal_frames", "Frames of 4 KiB in the write-ahead log", store.wal_frames),
            ("trunkline_connections_open", "Connections open", net.connections_open as u64),
            ("process_resident_memory_bytes", "Memory in use", resident_bytes()),
        ]
    }
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in self.counters() {
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        for (name, help, value) in self.gauges() {
            let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        Ok(())
    }
}

/// The process's resident memory; 0 where the system does not tell (proc(5), `/proc/self/statm`).
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}
