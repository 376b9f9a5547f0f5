//! Requests under way, and those past their time-out that may still be answered.

use trunkline_kernel::Timestamp;

use crate::types::{DueRow, Position, SubscriptionKey};

/// One delivery inside a request.
#[derive(Debug)]
pub(crate) enum Carried {
    /// Of an event in the window, by its index; it has no row.
    Fresh(u64),
    /// It has a row, stored or on its way to the store.
    Row(Box<DueRow>),
}

/// A request.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// No answer yet.
    UnderWay(UnderWay),
    /// Timed out for us, still open.
    Late(Late),
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct UnderWay {
    pub(crate) key: SubscriptionKey,
    /// Empty when the subscription was removed meanwhile.
    pub(crate) carried: Vec<Carried>,
    /// Earlier attempts of the first delivery.
    pub(crate) tries: u32,
    pub(crate) answer_by: Timestamp,
    pub(crate) may_be_late: bool,
}

/// A request past its time-out.
#[derive(Debug)]
pub(crate) struct Late {
    pub(crate) key: SubscriptionKey,
    pub(crate) positions: Vec<Position>,
    pub(crate) tries: u32,
}

impl UnderWay {
    /// Whether the event at this index of the window is in it and has no row.
    pub(crate) fn has_fresh(&self, index: u64) -> bool {
        self.carried.iter().any(|carried| matches!(carried, Carried::Fresh(fresh) if *fresh == index))
    }
}
