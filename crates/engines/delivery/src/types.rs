//! What goes into the machine: keys, facts about events, policies, due rows and answers.

use std::time::Duration;

use trunkline_kernel::Timestamp;

/// Where an event stands in the order of all events.
///
/// **Shape**: the sequence number of the outbox row, and which of the events that one row became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The sequence number of the outbox row; the first is 1.
    pub sequence: u64,
    /// Counts the events of one outbox row from 0.
    pub ordinal: u32,
}

impl Position {
    /// Behind every real position: the open end of a range.
    pub const MAX: Self = Self { sequence: u64::MAX, ordinal: u32::MAX };
}

/// A subscription, by its number in the store. Numbers are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionKey(pub i64);

/// One event on its way to one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// Who gets it.
    pub subscription: SubscriptionKey,
    /// What they get.
    pub position: Position,
}

/// What the machine knows of an event; the payload stays with the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventFacts {
    /// Which event.
    pub position: Position,
    /// Size of the encoded event, in bytes: what counts towards a batch and the memory bound.
    pub size_bytes: u32,
    /// When it was published.
    pub published: Timestamp,
}

/// How a subscription wants to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts in all, the first included: 1 to 30.
    pub attempts_max: u32,
    /// How long after [`DueRow::base`] another attempt may start.
    pub time_to_live: Duration,
    /// Most events of one request: 1 to 5,000.
    pub batch_events: u32,
    /// Most bytes of one request; a larger event travels alone.
    pub batch_bytes: u32,
    /// Whether what cannot be delivered is kept; else it is dropped.
    pub has_dead_letter: bool,
    /// The handshake is done and the subscription has not expired. While it is not, rows wait.
    pub is_active: bool,
}

/// A delivery that waits in the store. It names its event and carries no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRow {
    /// The event.
    pub event: EventFacts,
    /// Where the time to live counts from; in [`Phase::DeadLetter`], when the row was first due.
    pub base: Timestamp,
    /// Attempts that have been made.
    pub attempts: u32,
    /// When the next step may be taken.
    pub due: Timestamp,
    /// How the last attempt ended; `None` before the first.
    pub last: Option<LastAttempt>,
    /// What the row waits for.
    pub phase: Phase,
}

/// What a due row waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The next attempt.
    Waiting,
    /// The place for dead letters.
    DeadLetter {
        /// Why it was given up.
        reason: DeadLetterReason,
    },
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastAttempt {
    /// When the answer came, or was no longer waited for.
    pub at: Timestamp,
    /// What it was.
    pub outcome: Outcome,
    /// The HTTP status, when there was one.
    pub status: Option<u16>,
}

/// The kinds of answers, in the published words of `lastDeliveryOutcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 200 to 204.
    Delivered,
    /// 400: never retried.
    BadRequest,
    /// 401: never retried.
    Unauthorized,
    /// 403: never retried.
    Forbidden,
    /// 404.
    NotFound,
    /// 408, or no answer within 30 seconds.
    TimedOut,
    /// 413: never retried.
    PayloadTooLarge,
    /// 429 or 503.
    Busy,
    /// Any other status, redirects and other 2xx included.
    GenericError,
    /// The connection failed, or what came over it was no HTTP.
    SocketError,
    /// The name has no address, or none that may be used.
    ResolutionError,
    /// Never tried, because the endpoint was failing all the time.
    Probation,
    /// Our side gave up: the task that carried the request ended.
    Aborted,
}

impl Outcome {
    /// Every outcome, for tables and parsers.
    pub const ALL: [Self; 13] = [
        Self::Delivered,
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::TimedOut,
        Self::PayloadTooLarge,
        Self::Busy,
        Self::GenericError,
        Self::SocketError,
        Self::ResolutionError,
        Self::Probation,
        Self::Aborted,
    ];

    /// What an HTTP status means.
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=204 => Self::Delivered,
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            408 => Self::TimedOut,
            413 => Self::PayloadTooLarge,
            429 | 503 => Self::Busy,
            _ => Self::GenericError,
        }
    }

    /// The word of `lastDeliveryOutcome`; also how the store keeps it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "Delivered",
            Self::BadRequest => "BadRequest",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::TimedOut => "TimedOut",
            Self::PayloadTooLarge => "PayloadTooLarge",
            Self::Busy => "Busy",
            Self::GenericError => "GenericError",
            Self::SocketError => "SocketError",
            Self::ResolutionError => "ResolutionError",
            Self::Probation => "Probation",
            Self::Aborted => "Aborted",
        }
    }

    /// Reads what [`Self::name`] wrote; `None` for anything else.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Why such an answer ends a delivery at once; `None` when it is retried or was a success.
    pub const fn final_reason(self) -> Option<DeadLetterReason> {
        match self {
            Self::BadRequest => Some(DeadLetterReason::UndeliverableDueToHttpBadRequest),
            Self::Unauthorized => Some(DeadLetterReason::UndeliverableDueToHttpUnauthorized),
            Self::Forbidden => Some(DeadLetterReason::UndeliverableDueToHttpForbidden),
            Self::PayloadTooLarge => Some(DeadLetterReason::UndeliverableDueToHttpRequestEntityTooLarge),
            _ => None,
        }
    }
}

/// Why a delivery was given up, in the published words of `deadLetterReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadLetterReason {
    /// The last of the allowed attempts failed.
    MaxDeliveryAttemptsExceeded,
    /// The next attempt would have started after the time to live.
    TimeToLiveExceeded,
    /// 400.
    UndeliverableDueToHttpBadRequest,
    /// 401.
    UndeliverableDueToHttpUnauthorized,
    /// 403.
    UndeliverableDueToHttpForbidden,
    /// 413.
    UndeliverableDueToHttpRequestEntityTooLarge,
    /// The subscription has as many waiting rows as the node keeps. Our own, not a published word.
    PendingLimitExceeded,
}

impl DeadLetterReason {
    /// Every reason, for tables and parsers.
    pub const ALL: [Self; 7] = [
        Self::MaxDeliveryAttemptsExceeded,
        Self::TimeToLiveExceeded,
        Self::UndeliverableDueToHttpBadRequest,
        Self::UndeliverableDueToHttpUnauthorized,
        Self::UndeliverableDueToHttpForbidden,
        Self::UndeliverableDueToHttpRequestEntityTooLarge,
        Self::PendingLimitExceeded,
    ];

    /// The word of `deadLetterReason`; also how the store keeps it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxDeliveryAttemptsExceeded => "MaxDeliveryAttemptsExceeded",
            Self::TimeToLiveExceeded => "TimeToLiveExceeded",
            Self::UndeliverableDueToHttpBadRequest => "UndeliverableDueToHttpBadRequest",
            Self::UndeliverableDueToHttpUnauthorized => "UndeliverableDueToHttpUnauthorized",
            Self::UndeliverableDueToHttpForbidden => "UndeliverableDueToHttpForbidden",
            Self::UndeliverableDueToHttpRequestEntityTooLarge => {
                "UndeliverableDueToHttpRequestEntityTooLarge"
            }
            Self::PendingLimitExceeded => "PendingLimitExceeded",
        }
    }

    /// Reads what [`Self::name`] wrote; `None` for anything else.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The kind of answer.
    pub outcome: Outcome,
    /// The HTTP status, when there was one.
    pub status: Option<u16>,
    /// From the start of the request to the answer.
    pub took: Duration,
    /// A short fixed word for the log; never an address.
    pub detail: Detail,
}

impl Answer {
    /// The answer an HTTP status stands for.
    pub const fn of_status(status: u16, took: Duration) -> Self {
        Self { outcome: Outcome::of_status(status), status: Some(status), took, detail: Detail("") }
    }

    /// An answer without a status.
    pub const fn without_status(outcome: Outcome, took: Duration, detail: Detail) -> Self {
        Self { outcome, status: None, took, detail }
    }
}

/// A short fixed word about an answer for the log, such as `tls`; empty when the outcome says it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Detail(pub &'static str);
