//! Threads are made, changed and deleted.

use std::collections::BTreeSet;
use std::sync::Arc;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{StoreError, Tx};

use super::members::{NewMember, each_once, join, who};
use super::messages::{SystemMessage, insert_system};
use super::{
    Change, Committed, THREAD_CREATED, THREAD_DELETED, THREAD_PROPERTIES_UPDATED, Who, announce, committed,
};
use crate::deletion;
use crate::error::ChatError;
use crate::rows::notes::{DeleteReason, NoteKind, NoteRow, insert_note};
use crate::rows::threads::{self, NewThreadRow, store_counters, store_membership};
use crate::rows::{MessageKind, PersonNumber, ThreadNumber, ThreadRow, ThreadView, people};
use crate::rules::access::Caller;

/// A thread to be made, checked.
#[derive(Clone, Debug)]
pub(crate) struct NewThread {
    pub(crate) resource: ResourceId,
    pub(crate) id: Arc<str>,
    pub(crate) topic: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    pub(crate) retention_days: Option<u32>,
    pub(crate) creator_raw: Arc<str>,
    /// Everybody who is in it from the beginning, in order; the creator too, unless a server makes the thread.
    pub(crate) members: Vec<NewMember>,
}

/// What is changed of a thread; `None` leaves a part as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct ThreadUpdate {
    pub(crate) topic: Option<String>,
    /// A JSON object of texts: the whole, merged already.
    pub(crate) metadata: Option<String>,
    /// `Some(None)` keeps the thread for ever.
    #[expect(clippy::option_option, reason = "as it is, for ever and so many days are three things")]
    pub(crate) retention_days: Option<Option<u32>>,
}

/// Makes a thread with two system messages: who is in it, and what it is about.
///
/// **Errors**: the id is taken; the store's.
pub(crate) fn create_thread(
    tx: &mut Tx<'_>,
    new: &NewThread,
    now: Timestamp,
) -> Result<(ThreadRow, Vec<Committed>), ChatError> {
    let created_by = creator(tx, new, now)?;
    let mut view = insert(tx, new, created_by, false, now, now)?;
    let members = each_once(&new.members);
    let told_of = join(tx, &mut view, &members, 1, now)?;
    let creator = told_of.iter().find(|told| told.person == created_by);
    let name = creator.map(|told| told.name.clone()).unwrap_or_default();
    let by = Who { person: created_by, raw_id: Arc::clone(&new.creator_raw), name };
    let told = SystemMessage { kind: MessageKind::ParticipantAdded, by: &by, body: "", people: told_of };
    let added = insert_system(tx, &mut view, told, now)?;
    let note = note(&by, NoteKind::Created, added.change, added.version, now);
    insert_note(tx, view.number, &note)?;
    let told =
        SystemMessage { kind: MessageKind::TopicUpdated, by: &by, body: &new.topic, people: Vec::new() };
    let topic = insert_system(tx, &mut view, told, now)?;
    store_counters(tx, &view, true, now)?;
    store_membership(tx, &view)?;
    deletion::schedule_retention(tx, &view, new.retention_days)?;
    announce(tx, &view, THREAD_CREATED, added.change, now)?;
    super::wake(tx, view.number, topic.change)?;
    let thread = load(tx, view.number)?;
    let changes = vec![
        committed(&view, added.change, Change::ThreadCreated(added)),
        committed(&view, topic.change, Change::Silent),
    ];
    Ok((thread, changes))
}

/// The number of whoever makes the thread. Somebody new is numbered together with the others, in the order of raw ids.
pub(super) fn creator(tx: &mut Tx<'_>, new: &NewThread, now: Timestamp) -> Result<PersonNumber, StoreError> {
    if let Some(known) = people::find_person(tx, new.resource, &new.creator_raw)? {
        return Ok(known);
    }
    let everybody: BTreeSet<&str> =
        new.members.iter().map(|member| &*member.raw_id).chain([&*new.creator_raw]).collect();
    for raw_id in everybody {
        people::person(tx, new.resource, raw_id, now)?;
    }
    people::person(tx, new.resource, &new.creator_raw, now)
}

/// Inserts the row of a thread; its counters stand at 0.
///
/// **Errors**: the id is taken; the store's.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    new: &NewThread,
    created_by: PersonNumber,
    is_importing: bool,
    created_at: Timestamp,
    now: Timestamp,
) -> Result<ThreadView, ChatError> {
    let row = NewThreadRow {
        resource: new.resource,
        id: &new.id,
        topic: &new.topic,
        metadata: &new.metadata,
        created_at,
        created_by,
        retention_days: new.retention_days,
        is_importing,
        inserted_at: now,
    };
    let number = threads::insert_thread(tx, &row)?.ok_or(ChatError::ThreadTaken)?;
    Ok(ThreadView {
        number,
        resource: new.resource,
        id: Arc::clone(&new.id),
        created_at,
        last_change: 0,
        last_sequence: 0,
        last_version_ms: 0,
        members_version: 0,
        member_count: 0,
        next_ordinal: 1,
        is_importing,
        is_deleted: false,
        member: None,
    })
}

fn load(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<ThreadRow, ChatError> {
    threads::find_thread(tx, thread)?.ok_or(ChatError::ThreadNotFound)
}

fn note(by: &Who, kind: NoteKind, change: i64, version: i64, now: Timestamp) -> NoteRow {
    NoteRow {
        change,
        kind,
        person: by.person,
        raw_id: Arc::clone(&by.raw_id),
        name: by.name.clone(),
        reason: DeleteReason::User,
        version,
        at: now,
    }
}

/// Changes what is given. A new topic also writes a system message, which shares the change.
pub(crate) fn update_thread(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    caller: &Caller,
    update: &ThreadUpdate,
    now: Timestamp,
) -> Result<Committed, ChatError> {
    let by = who(tx, view, caller, now)?;
    let (topic, metadata) = (update.topic.as_deref(), update.metadata.as_deref());
    threads::update_properties(tx, view.number, topic, metadata, update.retention_days)?;
    let (change, version) = match topic {
        Some(body) => {
            let told = SystemMessage { kind: MessageKind::TopicUpdated, by: &by, body, people: Vec::new() };
            let message = insert_system(tx, view, told, now)?;
            (message.change, message.version)
        }
        None => (view.next_change(), view.next_version(now)),
    };
    insert_note(tx, view.number, &note(&by, NoteKind::Properties, change, version, now))?;
    store_counters(tx, view, topic.is_some(), now)?;
    if let Some(days) = update.retention_days {
        deletion::schedule_retention(tx, view, days)?;
    }
    announce(tx, view, THREAD_PROPERTIES_UPDATED, change, now)?;
    let what = Change::PropertiesChanged { by: Arc::new(by), version, at: now };
    Ok(committed(view, change, what))
}

/// Deletes a thread for everybody; a job that is due at once erases what it held. `caller` is `None` when its time is
/// over.
pub(crate) fn delete_thread(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    caller: Option<&Caller>,
    now: Timestamp,
) -> Result<Committed, ChatError> {
    let by = caller.map(|caller| who(tx, view, caller, now)).transpose()?;
    let (change, version) = (view.next_change(), view.next_version(now));
    let nobody = Who { person: PersonNumber::NOBODY, raw_id: "".into(), name: String::new() };
    let mut note = note(by.as_ref().unwrap_or(&nobody), NoteKind::Deleted, change, version, now);
    if by.is_none() {
        note.reason = DeleteReason::Policy;
    }
    insert_note(tx, view.number, &note)?;
    store_counters(tx, view, false, now)?;
    threads::mark_deleted(tx, view.number, now)?;
    view.is_deleted = true;
    announce(tx, view, THREAD_DELETED, change, now)?;
    schedule(tx, view, now)?;
    let what = Change::ThreadDeleted { by: by.map(Arc::new), version, at: now };
    Ok(committed(view, change, what))
}

fn schedule(tx: &mut Tx<'_>, view: &ThreadView, now: Timestamp) -> Result<(), StoreError> {
    deletion::schedule_retention(tx, view, None)?;
    deletion::schedule_thread(tx, view.resource, view.number, now)
}
