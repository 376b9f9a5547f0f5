//! What the service is configured with.

use std::time::Duration;

/// What happens to running calls when the token of their session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTokenEnd {
    /// They end.
    End,
    /// They go on; whatever needs a token is refused.
    Keep,
}

/// The configuration of calling.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a call rings.
    pub ring: Duration,
    /// How long somebody whose connection is lost may come back into a call.
    pub rejoin: Duration,
    /// People in a call.
    pub participants_max: usize,
    /// Sessions on one node.
    pub sessions_max: usize,
    /// Sessions of one user on one node.
    pub sessions_per_user: usize,
    /// Calls one user is in at the same time.
    pub calls_per_user: usize,
    /// What happens to running calls when the token of their session ends.
    pub on_token_end: OnTokenEnd,
    /// How long ended calls are kept.
    pub history: Duration,
    /// The origin of this node, which clients are sent to from others (`https://node2.example`).
    pub node_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ring: Duration::from_secs(85),
            rejoin: Duration::from_mins(2),
            participants_max: 350,
            sessions_max: 20_000,
            sessions_per_user: 10,
            calls_per_user: 10,
            on_token_end: OnTokenEnd::End,
            history: Duration::from_hours(24 * 30),
            node_url: String::new(),
        }
    }
}
