//! Notifications: what a client is told of a change, encoded once for everybody.
//!
//! ```text
//! 3:::{"id":7 ,"method":"POST",…,"body":"{\"eventId\":200,…,\"recipientMri\":\" 8:acs:… \",\"groupId\":…}"}
//! └ per socket └────────────────── head, shared ──────────────────────────────┘ └ own ┘ └── tail, shared ──┘
//! ```
//!
//! The body is JSON inside a JSON text. Only the number of the request and the recipient differ from socket to
//! socket; both are spliced in when a frame is written.

mod body;
mod changes;
mod escape;
mod frame;

use bytes::Bytes;
use trunkline_kernel::Timestamp;

use crate::rows::{PersonNumber, ThreadNumber};

pub(crate) use changes::{Properties, Reaction, ThreadFacts, Typing};
pub(crate) use changes::{encode, encode_reaction, encode_typing, needs_facts, needs_members};
pub(crate) use escape::recipient;
pub(crate) use frame::{DOWNSTREAM_PATH, frame_length, write_frame};

/// One notification, for everybody who gets it.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) thread: ThreadNumber,
    /// The change it tells of; 0 for a fleeting one.
    pub(crate) change: i64,
    /// Whether it waits for clients that are away, and what its acknowledgement means.
    pub(crate) class: Class,
    /// Who gets it.
    pub(crate) audience: Audience,
    /// When the message was sent that it tells of: whoever shares no history that far back is not told.
    pub(crate) written_at: Option<Timestamp>,
    /// Whether only clients get it that asked for more than ACS has.
    pub(crate) is_extension: bool,
    /// When the change was made.
    pub(crate) at: Timestamp,
    /// Whoever knows this change needs the notification no more: its own, or the sending of the message that it tells
    /// of as sent.
    pub(crate) begins: i64,
    /// When that change was made.
    pub(crate) begins_at: Timestamp,
    head: Bytes,
    tail: Bytes,
}

/// How much a notification matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Waits for whoever is away; its acknowledgement moves the position to its change.
    Durable,
    /// Comes right before another notification of the same change, whose acknowledgement moves the position: neither
    /// is sent without the other.
    Leading,
    /// For whoever is there now.
    Fleeting,
}

/// Who of a thread gets a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody in it, whoever is removed by the change too.
    Members,
    /// Only these.
    Only(Box<[PersonNumber]>),
    /// Everybody in it but one.
    Except(PersonNumber),
}

impl Audience {
    /// Whether a member gets it.
    pub(crate) fn includes(&self, person: PersonNumber) -> bool {
        match self {
            Self::Members => true,
            Self::Only(people) => people.contains(&person),
            Self::Except(one) => *one != person,
        }
    }
}

impl Notification {
    /// What it holds in memory, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

#[cfg(test)]
pub(crate) mod tests;
