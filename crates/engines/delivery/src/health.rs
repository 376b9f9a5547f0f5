//! Whether an endpoint works: probation after a row of failures, ended by one success.

use std::time::Duration;

use trunkline_kernel::Timestamp;

use crate::steady::Instant;
use crate::types::Outcome;

/// Failed attempts in a row that put a subscription on probation.
const FAILURES_MAX: u32 = 10;

/// The state of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answers, or has not failed often enough.
    Healthy {
        /// Failures since the last success.
        failures: u32,
    },
    /// It gets one request at a time, with pauses; everything else waits as rows.
    Sick {
        /// When it came on probation.
        since: Timestamp,
        /// Not before then.
        probe_at: Instant,
    },
}

impl Health {
    /// Of an endpoint that nothing is known about.
    pub(crate) const NEW: Self = Self::Healthy { failures: 0 };

    /// Whether it is on probation.
    pub(crate) const fn is_sick(self) -> bool {
        matches!(self, Self::Sick { .. })
    }

    /// Takes the end of an attempt.
    pub(crate) fn after(self, outcome: Outcome, now: Timestamp, steady: Instant) -> Self {
        if outcome == Outcome::Delivered {
            return Self::NEW;
        }
        let Some(pause) = pause_after(outcome) else { return self };
        let probe_at = steady.plus(pause);
        match self {
            Self::Sick { since, .. } => Self::Sick { since, probe_at },
            // The endpoint works; it is the event that it does not want.
            Self::Healthy { .. } if is_about_the_event(outcome) => self,
            Self::Healthy { failures } if failures + 1 < FAILURES_MAX => {
                Self::Healthy { failures: failures + 1 }
            }
            Self::Healthy { .. } => Self::Sick { since: now, probe_at },
        }
    }
}

const fn is_about_the_event(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::BadRequest | Outcome::PayloadTooLarge)
}

/// How long a failed probe keeps the next one away; `None` when it says nothing about the endpoint.
const fn pause_after(outcome: Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Busy
        | Outcome::TimedOut
        | Outcome::GenericError
        | Outcome::BadRequest
        | Outcome::PayloadTooLarge => Some(Duration::from_secs(10)),
        Outcome::SocketError => Some(Duration::from_secs(30)),
        Outcome::NotFound | Outcome::ResolutionError | Outcome::Unauthorized | Outcome::Forbidden => {
            Some(Duration::from_mins(5))
        }
        Outcome::Delivered | Outcome::Probation | Outcome::Aborted => None,
    }
}
