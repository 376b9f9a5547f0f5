//! What happens in threads, each inside the transaction of its operation: rows, counters, event, wake-up.
//!
//! ```text
//! handler: enter(thread) ── change(tx, &mut view, ..) ── count_usage ── commit ── realtime.committed(..)
//! ```
//!
//! All writes of a thread have one key, so its counters go up one by one. Events name the thread and the change and
//! hold no text: whoever reads them reads the rows, as long as those are there.

mod import;
mod members;
mod messages;
mod receipts;
mod threads;

use std::sync::Arc;

use trunkline_kernel::Timestamp;
use trunkline_store::{NewEvent, StoreError, Tx};

use crate::rows::{MessageRow, PersonNumber, ReceiptRow, ThreadNumber, ThreadView};

pub(crate) use import::{
    Counts, Imported, ImportedMessage, ImportedReceipt, bury_import, import_messages, import_receipts,
    import_thread, leave_import,
};
pub(crate) use members::{NewMember, add_participants, remove, remove_participant};
pub(crate) use messages::{Edit, NewMessage, delete_message, edit_message, send_message};
pub(crate) use receipts::send_receipt;
pub(crate) use threads::{NewThread, ThreadUpdate, create_thread, delete_thread, update_thread};

/// Woken after every change: `"{thread} {change}"`, both numbers.
pub(crate) const CHANGED_TOPIC: &str = "chat.changed";

/// A thread was made.
pub const THREAD_CREATED: &str = "chat.thread_created";
/// The topic, the metadata or the retention of a thread changed.
pub const THREAD_PROPERTIES_UPDATED: &str = "chat.thread_properties_updated";
/// A thread was deleted.
pub const THREAD_DELETED: &str = "chat.thread_deleted";
/// People were added to a thread.
pub const PARTICIPANTS_ADDED: &str = "chat.participants_added";
/// People were removed from a thread.
pub const PARTICIPANTS_REMOVED: &str = "chat.participants_removed";
/// A message was sent.
pub const MESSAGE_SENT: &str = "chat.message_sent";
/// A message was edited.
pub const MESSAGE_EDITED: &str = "chat.message_edited";
/// A message was deleted.
pub const MESSAGE_DELETED: &str = "chat.message_deleted";

/// Somebody who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) person: PersonNumber,
    pub(crate) raw_id: Arc<str>,
    /// Their name in the thread; empty for none.
    pub(crate) name: String,
}

/// A change that was committed, or will be with the transaction it came from. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) thread: ThreadNumber,
    /// Its number in the thread.
    pub(crate) change: i64,
    /// The version of the list of members that goes with it.
    pub(crate) members_version: i64,
    pub(crate) what: Change,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A message was sent.
    MessageSent(Arc<MessageRow>),
    /// A message has another text.
    MessageEdited(Arc<MessageRow>),
    /// A message is gone; its tombstone.
    MessageDeleted(Arc<MessageRow>),
    /// The thread was made. The system message says by whom (`sender`), when, and with whom (`people`).
    ThreadCreated(Arc<MessageRow>),
    /// Topic, metadata or retention changed; they are read from the thread.
    PropertiesChanged {
        /// Who did it.
        by: Arc<Who>,
        /// Milliseconds since the epoch.
        version: i64,
        /// When.
        at: Timestamp,
    },
    /// The thread was deleted.
    ThreadDeleted {
        /// Who did it; `None` when its time was over.
        by: Option<Arc<Who>>,
        /// Milliseconds since the epoch.
        version: i64,
        /// When.
        at: Timestamp,
    },
    /// People were added. The system message says by whom (`sender`) and whom (`people`).
    ParticipantsAdded(Arc<MessageRow>),
    /// People were removed. The system message says by whom (`sender`) and whom (`people`).
    ParticipantsRemoved(Arc<MessageRow>),
    /// Somebody has read up to a message.
    Receipt(Arc<ReceiptRow>),
    /// Nothing that anybody is told.
    Silent,
}

impl Change {
    /// When it happened; the epoch for a silent one.
    pub(crate) fn at(&self) -> Timestamp {
        match self {
            Self::MessageSent(row)
            | Self::MessageEdited(row)
            | Self::MessageDeleted(row)
            | Self::ThreadCreated(row)
            | Self::ParticipantsAdded(row)
            | Self::ParticipantsRemoved(row) => row.changed_at,
            Self::PropertiesChanged { at, .. } | Self::ThreadDeleted { at, .. } => *at,
            Self::Receipt(row) => row.read_at,
            Self::Silent => Timestamp::from_micros(0),
        }
    }
}

fn committed(view: &ThreadView, change: i64, what: Change) -> Committed {
    Committed { thread: view.number, change, members_version: view.members_version, what }
}

/// Writes the event of a change and wakes whoever tells of it.
fn announce(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    kind: &str,
    change: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let payload = format!("{{\"thread\":{},\"change\":{change}}}", view.number.0);
    let resource = view.resource.to_string();
    tx.emit(&NewEvent { resource: &resource, kind, subject: &view.id, payload: &payload, now })?;
    wake(tx, view.number, change)
}

fn wake(tx: &mut Tx<'_>, thread: ThreadNumber, change: i64) -> Result<(), StoreError> {
    tx.wake(CHANGED_TOPIC, &format!("{} {change}", thread.0))
}
