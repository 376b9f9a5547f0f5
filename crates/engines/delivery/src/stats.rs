//! Numbers to look at: gauges of the node and the state of each subscription.

use trunkline_kernel::Timestamp;

use crate::types::SubscriptionKey;

/// The machine at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The stored cursor: everything up to this sequence number is delivered, given up or a row.
    pub cursor: u64,
    /// The last sequence number that was handed in.
    pub read_through: u64,
    /// Events read and not yet passed by the cursor.
    pub window_events: usize,
    /// Their encoded bytes that the caller still has to keep.
    pub window_bytes: usize,
    /// Encoded bytes of loaded rows that the caller has to keep.
    pub loaded_bytes: usize,
    /// Deliveries in memory: queued, under way, or not yet stored.
    pub deliveries_open: usize,
    /// Requests under way, those past their time-out not counted.
    pub in_flight: usize,
    /// Changes and log lines that are not stored.
    pub unsaved: usize,
    /// Waiting rows of all subscriptions.
    pub pending_rows: u64,
    /// Subscriptions that are on probation.
    pub sick_subscriptions: usize,
    /// When the event was published that holds the cursor; `None` when nothing does.
    pub low_water_published: Option<Timestamp>,
}

/// One subscription at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionStats {
    /// Which.
    pub key: SubscriptionKey,
    /// On probation since then; `None` while healthy.
    pub sick_since: Option<Timestamp>,
    /// Deliveries in memory.
    pub in_memory: usize,
    /// Requests under way.
    pub in_flight: usize,
    /// Waiting rows.
    pub rows: u64,
    /// When the earliest row that is not in memory is due.
    pub next_due: Option<Timestamp>,
}
