//! SQL over the tables of chat, and the numbers that stand for threads and people in them.

pub(crate) mod endpoints;
pub(crate) mod erasures;
pub(crate) mod images;
pub(crate) mod import;
pub(crate) mod log;
pub(crate) mod members;
pub(crate) mod mentions;
pub(crate) mod messages;
pub(crate) mod notes;
pub(crate) mod people;
pub(crate) mod positions;
pub(crate) mod presence;
pub(crate) mod reactions;
pub(crate) mod receipts;
pub(crate) mod search;
pub(crate) mod threads;
pub(crate) mod unread;

use serde::{Deserialize, Serialize};
use trunkline_store::{FromValue, Value};

pub(crate) use log::changes_since;
pub(crate) use members::{MemberRow, list_members};
pub(crate) use messages::{MessagePersonRow, MessageRow, MessagesFrom, find_message, list_messages};
pub(crate) use people::person;
pub(crate) use receipts::{ReceiptRow, list_receipts};
pub(crate) use threads::{ThreadRow, ThreadView, list_threads, load_view};

/// A thread, within this installation. Invariant: at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ThreadNumber(pub(crate) i64);

/// A person in one resource, within this installation. Invariant: at least 1, or [`PersonNumber::NOBODY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PersonNumber(pub(crate) i64);

impl PersonNumber {
    /// Somebody who never took part: a member of nothing.
    pub(crate) const NOBODY: Self = Self(0);
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MessageKind {
    /// Written by somebody, plain.
    Text,
    /// Written by somebody, with markup.
    Html,
    /// The topic was set.
    TopicUpdated,
    /// Somebody was added.
    ParticipantAdded,
    /// Somebody was removed.
    ParticipantRemoved,
}

impl MessageKind {
    const ALL: [Self; 5] =
        [Self::Text, Self::Html, Self::TopicUpdated, Self::ParticipantAdded, Self::ParticipantRemoved];

    /// Whether the thread wrote it itself.
    pub(crate) const fn is_system(self) -> bool {
        !matches!(self, Self::Text | Self::Html)
    }

    const fn number(self) -> i64 {
        match self {
            Self::Text => 0,
            Self::Html => 1,
            Self::TopicUpdated => 2,
            Self::ParticipantAdded => 3,
            Self::ParticipantRemoved => 4,
        }
    }
}

impl From<ThreadNumber> for Value {
    fn from(thread: ThreadNumber) -> Self {
        Self::Int(thread.0)
    }
}

impl From<PersonNumber> for Value {
    fn from(person: PersonNumber) -> Self {
        Self::Int(person.0)
    }
}

impl From<MessageKind> for Value {
    fn from(kind: MessageKind) -> Self {
        Self::Int(kind.number())
    }
}

impl FromValue for ThreadNumber {
    const EXPECTED: &'static str = "a thread's number";

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}

impl FromValue for PersonNumber {
    const EXPECTED: &'static str = "a person's number";

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}

impl FromValue for MessageKind {
    const EXPECTED: &'static str = "a kind of message";

    fn from_value(value: &Value) -> Option<Self> {
        let number = i64::from_value(value)?;
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}
