//! The bounds of the machine, each with the reason for its value.

use std::time::Duration;

/// Events in the window: one second of deliveries at 8,000 a second.
pub const WINDOW_EVENTS_MAX: usize = 8_192;
/// Bytes of the events in the window: a tenth of what a node may use while it catches up.
pub const WINDOW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Deliveries in memory: 1,000 subscriptions times the window would be eight million.
pub const DELIVERIES_OPEN_MAX: usize = 262_144;
/// How long one delivery may hold the cursor: twice the window's drain time at the rated speed.
pub const HOLD_MAX: Duration = Duration::from_secs(2);
/// Requests at once to one subscription: some 250 deliveries a second each on a fast network.
pub const LANES_MAX: usize = 32;
/// Requests at once of the node: sockets; the queue of answers is as long, so that sending one never waits.
pub const IN_FLIGHT_MAX: usize = 1_024;
/// Requests at once to a subscription on probation: one tells as much as many.
pub const PROBE_LANES: usize = 1;
/// Requests of one subscription that may stay open past their time-out: half of its lanes.
pub const LATE_ANSWERS_MAX: usize = 16;
/// How long something may wait to be stored: 50 commits a second at most.
pub const FLUSH_DELAY: Duration = Duration::from_millis(20);
/// Rows of one transaction: 20 ms of the one writer.
pub const FLUSH_ITEMS_MAX: usize = 2_000;
/// Log lines that wait to be stored before sending stops: eight seconds of a stuck disk at the rated speed.
pub const UNSAVED_ATTEMPTS_MAX: usize = 65_536;
/// Rows in memory of one subscription in arrears: a read of some milliseconds.
pub const LOAD_ROWS: usize = 500;
/// The same on probation, where one request at a time needs few and a thousand subscriptions may be waiting.
pub const LOAD_ROWS_SICK: usize = 16;
/// Reads of due rows at once: they share the store's readers with every other service.
pub const LOADS_MAX: usize = 4;
/// Bytes of all loaded rows, as far as reads are sized by it.
pub const LOADED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Files of dead letters written at once: each may hold [`LOAD_ROWS`] events.
pub const DEAD_LETTERS_MAX: usize = 4;
/// Room is never reported smaller than this while nothing is open, so that a reader with a minimum goes on.
pub const ROOM_EVENTS_MIN: usize = 256;
/// Waiting rows of one subscription.
pub const PENDING_MAX: u64 = 5_000_000;

/// The head of an answer has to come within this time (published).
pub const ANSWER_MAX: Duration = Duration::from_secs(30);
/// After the time-out an answer still counts for this long, counted from the start of the request.
pub const LATE_ANSWER_MAX: Duration = Duration::from_mins(3);

/// The bounds that tests and settings change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// [`WINDOW_EVENTS_MAX`].
    pub window_events_max: usize,
    /// [`WINDOW_BYTES_MAX`].
    pub window_bytes_max: usize,
    /// [`DELIVERIES_OPEN_MAX`].
    pub deliveries_open_max: usize,
    /// [`HOLD_MAX`].
    pub hold_max: Duration,
    /// [`LANES_MAX`].
    pub lanes_max: usize,
    /// [`IN_FLIGHT_MAX`].
    pub in_flight_max: usize,
    /// [`FLUSH_DELAY`].
    pub flush_delay: Duration,
    /// [`FLUSH_ITEMS_MAX`].
    pub flush_items_max: usize,
    /// [`LOAD_ROWS`].
    pub load_rows: usize,
    /// [`LOADED_BYTES_MAX`].
    pub loaded_bytes_max: usize,
    /// [`PENDING_MAX`].
    pub pending_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window_events_max: WINDOW_EVENTS_MAX,
            window_bytes_max: WINDOW_BYTES_MAX,
            deliveries_open_max: DELIVERIES_OPEN_MAX,
            hold_max: HOLD_MAX,
            lanes_max: LANES_MAX,
            in_flight_max: IN_FLIGHT_MAX,
            flush_delay: FLUSH_DELAY,
            flush_items_max: FLUSH_ITEMS_MAX,
            load_rows: LOAD_ROWS,
            loaded_bytes_max: LOADED_BYTES_MAX,
            pending_max: PENDING_MAX,
        }
    }
}
