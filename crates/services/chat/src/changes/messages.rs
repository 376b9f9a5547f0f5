//! Messages are sent, edited and deleted.

use std::sync::Arc;

use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx};

use super::{Change, Committed, MESSAGE_DELETED, MESSAGE_EDITED, MESSAGE_SENT, announce, committed};
use crate::deletion;
use crate::error::ChatError;
use crate::rows::images;
use crate::rows::messages::Attachment;
use crate::rows::threads::store_counters;
use crate::rows::{self, MessageKind, MessagePersonRow, MessageRow, PersonNumber, ThreadView, search};

/// A message to be sent, checked and cleaned.
#[derive(Clone, Debug)]
pub(crate) struct NewMessage {
    pub(crate) kind: MessageKind,
    pub(crate) sender: PersonNumber,
    pub(crate) sender_raw: Arc<str>,
    /// Empty for none.
    pub(crate) sender_name: String,
    pub(crate) body: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    /// The ids of images the sender uploaded to the thread.
    pub(crate) images: Vec<String>,
    /// The id of the message it answers.
    pub(crate) reply_to: Option<i64>,
    /// JSON; empty for none.
    pub(crate) mentions: String,
    /// What the application calls it; empty for nothing.
    pub(crate) client_id: String,
    /// Keyed hashes of its words for the index; empty for none.
    pub(crate) words: String,
}

/// What an edit changes; `None` leaves a part as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    pub(crate) body: Option<String>,
    /// Keyed hashes of the words of the new body.
    pub(crate) words: String,
    /// A JSON object of texts.
    pub(crate) metadata: Option<String>,
    /// The ids of images, all that are to be shown.
    pub(crate) images: Option<Vec<String>>,
}

/// Sends a message.
///
/// **Errors**: an image that cannot be attached; the store's.
pub(crate) fn send_message(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    new: &NewMessage,
    now: Timestamp,
) -> Result<(Arc<MessageRow>, Committed), ChatError> {
    let mut message = blank(view, new.kind, now);
    message.sender = new.sender;
    message.sender_raw = Arc::clone(&new.sender_raw);
    message.sender_name.clone_from(&new.sender_name);
    message.body.clone_from(&new.body);
    message.metadata.clone_from(&new.metadata);
    message.reply_to = new.reply_to;
    message.mentions.clone_from(&new.mentions);
    message.client_id.clone_from(&new.client_id);
    message.attachments = name_images(tx, view, &new.images)?;
    store_counters(tx, view, true, now)?;
    message.number = rows::messages::insert_message(tx, &message)?;
    attach_images(tx, &message)?;
    search::insert_words(tx, view.number, message.number, &new.words)?;
    announce(tx, view, MESSAGE_SENT, message.change, now)?;
    let message = Arc::new(message);
    let sent = committed(view, message.change, Change::MessageSent(Arc::clone(&message)));
    Ok((message, sent))
}

/// A new message of the thread without content, with the next numbers.
fn blank(view: &mut ThreadView, kind: MessageKind, now: Timestamp) -> MessageRow {
    let (change, id) = (view.next_change(), view.next_version(now));
    MessageRow {
        number: 0,
        thread: view.number,
        id,
        kind,
        change,
        first_change: change,
        sequence: view.next_sequence(),
        version: id,
        sender: PersonNumber::NOBODY,
        sender_raw: "".into(),
        sender_name: String::new(),
        body: String::new(),
        metadata: "{}".to_owned(),
        attachments: Vec::new(),
        reply_to: None,
        mentions: String::new(),
        created_at: now,
        changed_at: now,
        edited_at: None,
        deleted_at: None,
        client_id: String::new(),
        people: Vec::new(),
    }
}

/// What the thread tells of itself.
pub(super) struct SystemMessage<'a> {
    pub(super) kind: MessageKind,
    pub(super) by: &'a super::Who,
    /// The new topic.
    pub(super) body: &'a str,
    pub(super) people: Vec<MessagePersonRow>,
}

/// Writes a system message. The caller stores the counters and announces the change.
pub(super) fn insert_system(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    told: SystemMessage<'_>,
    now: Timestamp,
) -> Result<Arc<MessageRow>, StoreError> {
    let mut message = blank(view, told.kind, now);
    message.sender = told.by.person;
    message.sender_raw = Arc::clone(&told.by.raw_id);
    message.sender_name.clone_from(&told.by.name);
    told.body.clone_into(&mut message.body);
    message.people = told.people;
    message.number = rows::messages::insert_message(tx, &message)?;
    rows::messages::insert_people(tx, message.number, &message.people)?;
    Ok(Arc::new(message))
}

/// Edits a message: it gets a new version and moves to the front.
///
/// **Errors**: a deleted message; an image that cannot be attached; the store's.
pub(crate) fn edit_message(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    message: &MessageRow,
    edit: &Edit,
    now: Timestamp,
) -> Result<(Arc<MessageRow>, Committed), ChatError> {
    if message.deleted_at.is_some() {
        return Err(ChatError::MessageDeleted);
    }
    let mut edited = message.clone();
    if let Some(body) = &edit.body {
        edited.body.clone_from(body);
    }
    if let Some(metadata) = &edit.metadata {
        edited.metadata.clone_from(metadata);
    }
    if let Some(ids) = &edit.images {
        edited.attachments = name_images(tx, view, ids)?;
        attach_images(tx, &edited)?;
        discard_dropped(tx, view, message, &edited, now)?;
    }
    renew(view, &mut edited, now);
    edited.edited_at = Some(now);
    store_counters(tx, view, false, now)?;
    rows::messages::update_message(tx, &edited)?;
    if edit.body.is_some() {
        search::delete_words(tx, edited.number)?;
        search::insert_words(tx, view.number, edited.number, &edit.words)?;
    }
    announce(tx, view, MESSAGE_EDITED, edited.change, now)?;
    let edited = Arc::new(edited);
    let change = committed(view, edited.change, Change::MessageEdited(Arc::clone(&edited)));
    Ok((edited, change))
}

/// Gives a message the thread's next numbers.
fn renew(view: &mut ThreadView, message: &mut MessageRow, now: Timestamp) {
    message.change = view.next_change();
    message.sequence = view.next_sequence();
    message.version = view.next_version(now);
    message.changed_at = now;
}

/// Deletes a message: a tombstone without content stays. `None` for one that is deleted already.
///
/// Its images and what the database's log still holds of it go with jobs that are due within half a minute.
pub(crate) fn delete_message(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    message: &MessageRow,
    now: Timestamp,
) -> Result<Option<(Arc<MessageRow>, Committed)>, ChatError> {
    if message.deleted_at.is_some() {
        return Ok(None);
    }
    let deleted = bury(tx, view, message, now)?;
    store_counters(tx, view, false, now)?;
    announce(tx, view, MESSAGE_DELETED, deleted.change, now)?;
    deletion::schedule_log(tx, now)?;
    let change = committed(view, deleted.change, Change::MessageDeleted(Arc::clone(&deleted)));
    Ok(Some((deleted, change)))
}

/// Empties a message and takes away all that hangs on it.
fn bury(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    message: &MessageRow,
    now: Timestamp,
) -> Result<Arc<MessageRow>, StoreError> {
    let mut deleted = message.clone();
    renew(view, &mut deleted, now);
    deleted.body = String::new();
    "{}".clone_into(&mut deleted.metadata);
    deleted.attachments = Vec::new();
    deleted.mentions = String::new();
    deleted.client_id = String::new();
    deleted.deleted_at = Some(now);
    rows::messages::update_message(tx, &deleted)?;
    rows::messages::set_mentions(tx, deleted.number, "")?;
    rows::messages::delete_reactions(tx, view.number, deleted.number)?;
    search::delete_words(tx, deleted.number)?;
    if images::discard_of_message(tx, deleted.number)? > 0 {
        deletion::schedule_images(tx, view.resource, now)?;
    }
    Ok(Arc::new(deleted))
}

/// The images with their names.
fn name_images(tx: &mut Tx<'_>, view: &ThreadView, ids: &[String]) -> Result<Vec<Attachment>, ChatError> {
    let name = |id: &String| {
        let found = images::find_image(tx, view.number, id)?;
        let image = found.ok_or_else(|| ChatError::AttachmentNotFound(id.clone()))?;
        Ok(Attachment { id: image.id, name: image.name })
    };
    ids.iter().map(name).collect()
}

fn attach_images(tx: &mut Tx<'_>, message: &MessageRow) -> Result<(), ChatError> {
    for attachment in &message.attachments {
        if !images::attach(tx, message.thread, message.sender, &attachment.id, message.number)? {
            return Err(ChatError::AttachmentNotFound(attachment.id.clone()));
        }
    }
    Ok(())
}

fn discard_dropped(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    before: &MessageRow,
    after: &MessageRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let is_dropped = |old: &&Attachment| !after.attachments.iter().any(|kept| kept.id == old.id);
    let mut is_any = false;
    for dropped in before.attachments.iter().filter(is_dropped) {
        is_any |= images::discard(tx, view.number, &dropped.id)?;
    }
    if is_any { deletion::schedule_images(tx, view.resource, now) } else { Ok(()) }
}
