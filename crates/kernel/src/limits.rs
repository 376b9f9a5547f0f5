//! Limits: named sets, and the published ones of ACS.
//!
//! A limit of requests is a token bucket: `requests` may come at once, and they grow back evenly over
//! `per`. ACS publishes its limits in the same two numbers (`service-limits`, read 2026-11).

use std::time::Duration;

/// Which set of limits applies where the configuration names no value of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LimitSet {
    /// Generous values that protect the machine, not a price list.
    #[default]
    Generous,
    /// The published limits of ACS, for finding out before a move whether an application fits them.
    Acs,
}

/// How many requests in what time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestRate {
    /// How many may come at once; at least 1.
    pub requests: u32,
    /// In what time that many grow back; more than zero.
    pub per: Duration,
}

impl RequestRate {
    /// `requests` in `seconds`.
    pub const fn per_seconds(requests: u32, seconds: u64) -> Self {
        Self { requests, per: Duration::from_secs(seconds) }
    }
}

/// The limits of one thing in both sets; `None` means no limit of its own in that set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NamedLimit<T> {
    /// The value in [`LimitSet::Generous`].
    pub generous: Option<T>,
    /// The value in [`LimitSet::Acs`].
    pub acs: Option<T>,
}

impl<T: Copy> NamedLimit<T> {
    /// The value in `set`.
    pub const fn in_set(self, set: LimitSet) -> Option<T> {
        match set {
            LimitSet::Generous => self.generous,
            LimitSet::Acs => self.acs,
        }
    }
}
