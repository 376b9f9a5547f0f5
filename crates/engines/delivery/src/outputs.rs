//! What comes out of the machine: requests, loads, writes and dead letters to carry out.

use trunkline_kernel::Timestamp;

use crate::types::{Answer, DeadLetterReason, DeliveryKey, DueRow, Position, SubscriptionKey};

/// A request under way; [`crate::Machine::handle_answer`] takes it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

/// A read of due rows under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoadId(pub u64);

/// A transaction under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub u64);

/// A file of dead letters under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterId(pub u64);

/// How much more may be handed in; do not read while `events` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Events.
    pub events: usize,
    /// Their encoded size, in bytes.
    pub bytes: usize,
}

/// Send these events in one request and report how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// Names the request in the answer.
    pub attempt: AttemptId,
    /// Where to.
    pub subscription: SubscriptionKey,
    /// What, in this order; never empty.
    pub deliveries: Vec<DeliveryKey>,
    /// Earlier attempts of the first delivery: what `aeg-delivery-count` says.
    pub tries: u32,
    /// Without the head of an answer by then, report [`crate::Outcome::TimedOut`]: 30 seconds from now.
    pub answer_by: Timestamp,
    /// After the time-out the request may stay open for [`crate::LATE_ANSWER_MAX`]; an answer in that time is
    /// reported once more with the same id.
    pub may_be_late: bool,
}

/// Which rows a [`Load`] is after. They are read apart, so that neither hides the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoadPhase {
    /// Rows in [`crate::Phase::Waiting`].
    Waiting,
    /// Rows in [`crate::Phase::DeadLetter`].
    DeadLetter,
}

/// Read due rows of one subscription in the order of `(due, position)`, and their events.
///
/// Answered by [`crate::Machine::handle_due`] with the rows behind `after` that are due by `due_through`, at most
/// `limit` of them and as many as `bytes_max` allows (but one at least), and the due time of the row behind the
/// last one returned, whenever that is. A read that failed is answered with no rows and the time to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Names the read in the answer.
    pub id: LoadId,
    /// Whose rows.
    pub subscription: SubscriptionKey,
    /// Which rows.
    pub phase: LoadPhase,
    /// The row to go on behind; `None` from the start.
    pub after: Option<(Timestamp, Position)>,
    /// Rows due later are not wanted.
    pub due_through: Timestamp,
    /// Most rows.
    pub limit: usize,
    /// Most bytes, as the sum of [`crate::EventFacts::size_bytes`].
    pub bytes_max: usize,
}

/// What has to be stored in one transaction; all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Names the transaction in the answer.
    pub id: WriteId,
    /// Moves the cursor from the first sequence number to the second.
    pub cursor: Option<(u64, u64)>,
    /// Rows to insert or replace. No key is in `delete` too.
    pub upsert: Vec<(DeliveryKey, DueRow)>,
    /// Rows to delete; some may not exist.
    pub delete: Vec<DeliveryKey>,
    /// Lines of the attempt log.
    pub attempts: Vec<AttemptRow>,
    /// What is lost for good, for the log and the metrics; the rows are in `delete`.
    pub dropped: Vec<(DeliveryKey, DeadLetterReason)>,
}

/// A line of the attempt log: one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Whose.
    pub subscription: SubscriptionKey,
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub answer: Answer,
    /// Earlier attempts of the first delivery.
    pub tries: u32,
    /// The events it carried.
    pub deliveries: Vec<Position>,
    /// When the earliest of them is tried again; `None` when none is.
    pub next: Option<Timestamp>,
    /// The answer came after the time-out.
    pub is_late: bool,
}

/// Keep these events where dead letters are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names the file in the answer.
    pub id: DeadLetterId,
    /// Whose.
    pub subscription: SubscriptionKey,
    /// What; every row is in [`crate::Phase::DeadLetter`].
    pub deliveries: Vec<(DeliveryKey, DueRow)>,
}
