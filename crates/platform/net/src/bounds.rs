//! Named bounds of a listener and the counters beside them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Bounds of one [`crate::Server`]. Every default has its reason beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Open connections over all addresses; more are closed at once. 10,000: an idle TLS connection takes
    /// about 35 KB, so 350 MB at most.
    pub connections: usize,
    /// From the accepted connection to the end of the TLS handshake. 10 s: three lost packets on a slow line.
    pub handshake: Duration,
    /// From the first byte of an HTTP/1.1 request to the end of its headers. 15 s: they fit in a few packets.
    pub header_read: Duration,
    /// Without a request. 120 s: above the 60 s after which clients of .NET drop an idle connection, so
    /// that seldom a client sends into a connection that the server just closes.
    pub idle: Duration,
    /// Without progress of an answer that the client does not take. 60 s, as a proxy would wait.
    pub write_stall: Duration,
    /// Bytes of a request's line and headers. 32 KiB: four times the largest access token with its headers.
    /// HTTP/1.1 needs at least 8 KiB; smaller values are raised to that.
    pub header_bytes: usize,
    /// Headers of a request. 100: SDKs send about twenty.
    pub header_count: usize,
    /// Requests at a time on one HTTP/2 connection. 200: what servers commonly announce.
    pub http2_streams: u32,
    /// How often a silent HTTP/2 client is asked whether it is still there; it has 20 s to answer. 60 s
    /// keeps address translators from forgetting the connection.
    pub http2_ping: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(15),
            idle: Duration::from_mins(2),
            write_stall: Duration::from_mins(1),
            header_bytes: 32 * 1024,
            header_count: 100,
            http2_streams: 200,
            http2_ping: Duration::from_mins(1),
        }
    }
}

/// What a [`crate::Server`] has counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterSnapshot {
    /// Connections open now, upgraded ones (WebSocket) included.
    pub connections_open: usize,
    /// Connections accepted.
    pub connections_accepted: u64,
    /// Connections closed at once because [`Bounds::connections`] were open.
    pub connections_refused: u64,
    /// Connections cut off because the client was slow: headers, or taking an answer.
    pub connections_cut_off: u64,
    /// TLS handshakes that failed or took too long, plain HTTP on a TLS port included.
    pub handshakes_failed: u64,
    /// Requests begun.
    pub requests: u64,
}

/// The living counters. Relaxed: they order nothing.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) open: AtomicUsize,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) cut_off: AtomicU64,
    pub(crate) handshakes_failed: AtomicU64,
    pub(crate) requests: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> CounterSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CounterSnapshot {
            connections_open: self.open.load(Ordering::Relaxed),
            connections_accepted: read(&self.accepted),
            connections_refused: read(&self.refused),
            connections_cut_off: read(&self.cut_off),
            handshakes_failed: read(&self.handshakes_failed),
            requests: read(&self.requests),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
