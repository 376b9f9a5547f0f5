//! What happened in a thread, in order: messages, notes and receipts as one list of changes.

use std::sync::Arc;

use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx, params};

use super::notes::{DeleteReason, NoteKind, NoteRow};
use super::{MessageKind, MessageRow, ThreadNumber, messages, notes, receipts};
use crate::changes::{Change, Committed, Who};

/// Changes after `after`, at most `limit`, in order, as they can still be told: a message stands at its last change
/// only, a receipt at its newest. A missing number is a change that a later one has replaced.
///
/// The version of the members is that of now.
pub(crate) fn changes_since(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    after: i64,
    limit: u32,
) -> Result<Vec<Committed>, StoreError> {
    let sql = "SELECT members_version, deleted_at FROM chat_threads WHERE number = ?1";
    let row = tx.query_opt(sql, params![thread])?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let (members_version, is_deleted) = (row.get(0)?, row.get::<Option<Timestamp>>(1)?.is_some());
    let mut notes = notes::list_after(tx, thread, after, limit)?.into_iter().peekable();
    let mut told: Vec<(i64, Change)> = Vec::new();
    for message in messages::list_changed(tx, thread, after, limit)? {
        while let Some(note) = notes.next_if(|note| note.change < message.change) {
            told.push((note.change, of_note(&note, None)));
        }
        let note = notes.next_if(|note| note.change == message.change);
        let change = message.change;
        told.push(match note {
            Some(note) => (change, of_note(&note, Some(message))),
            None => (change, of_message(message)),
        });
    }
    told.extend(notes.map(|note| (note.change, of_note(&note, None))));
    for receipt in receipts::list_after(tx, thread, after, limit)? {
        told.push((receipt.change, Change::Receipt(Arc::new(receipt))));
    }
    if is_deleted {
        // The texts of the properties are gone.
        told.retain(|(_, change)| !matches!(change, Change::PropertiesChanged { .. }));
    }
    told.sort_by_key(|(change, _)| *change);
    told.truncate(limit as usize);
    Ok(told.into_iter().map(|(change, what)| Committed { thread, change, members_version, what }).collect())
}

/// What a message says about its last change, when no note stands beside it.
fn of_message(message: MessageRow) -> Change {
    let (is_deleted, is_edited) = (message.deleted_at.is_some(), message.change > message.first_change);
    let message = Arc::new(message);
    match message.kind {
        MessageKind::TopicUpdated => Change::Silent,
        MessageKind::ParticipantAdded => Change::ParticipantsAdded(message),
        MessageKind::ParticipantRemoved => Change::ParticipantsRemoved(message),
        MessageKind::Text | MessageKind::Html if is_deleted => Change::MessageDeleted(message),
        MessageKind::Text | MessageKind::Html if is_edited => Change::MessageEdited(message),
        MessageKind::Text | MessageKind::Html => Change::MessageSent(message),
    }
}

/// What a note says; a system message with the same change is part of it.
fn of_note(note: &NoteRow, message: Option<MessageRow>) -> Change {
    let who =
        Arc::new(Who { person: note.person, raw_id: Arc::clone(&note.raw_id), name: note.name.clone() });
    let (version, at) = (note.version, note.at);
    match (note.kind, message) {
        (NoteKind::Created, Some(message)) => Change::ThreadCreated(Arc::new(message)),
        // Its message is gone only while the thread is being erased.
        (NoteKind::Created, None) => Change::Silent,
        (NoteKind::Properties, _) => Change::PropertiesChanged { by: who, version, at },
        (NoteKind::Deleted, _) => {
            let by = (note.reason == DeleteReason::User).then_some(who);
            Change::ThreadDeleted { by, version, at }
        }
    }
}
