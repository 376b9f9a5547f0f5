//! Threads and messages come from elsewhere, with their ids, times and senders. Nobody is told, no event is written.
//!
//! ```text
//! import_thread ── import_messages, any number of times, in any order ── open: its participants see the thread
//! ```
//!
//! The sequence numbers from elsewhere are the numbers of changes too: they are unique in a thread and in the order
//! of versions, whatever the order in which messages come. They may have gaps, as after any edit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{StoreError, Tx};

use super::members::{NewMember, each_once, join};
use super::threads::{NewThread, creator, insert};
use crate::deletion;
use crate::error::ChatError;
use crate::rows::import::{self, KnownRow};
use crate::rows::members::{MembersFrom, find_member_by_raw_id, list_members};
use crate::rows::mentions::{self, MentionRow};
use crate::rows::notes::find_note;
use crate::rows::threads::{find_thread, store_counters, store_membership, update_properties};
use crate::rows::{
    self, MemberRow, MessageKind, MessagePersonRow, MessageRow, PersonNumber, ThreadView, messages, people,
    search,
};

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Imported {
    /// The thread was made.
    Created,
    /// It was brought in line.
    Updated,
    /// It was as it should be, or is open already.
    Unchanged,
}

/// Makes a thread that is being imported, or brings it in line with `new`. One that was imported before and is open
/// stays as it is.
///
/// **Errors**: the id is that of a thread made here, or of one that is being erased; the store's.
pub(crate) fn import_thread(
    tx: &mut Tx<'_>,
    new: &NewThread,
    created_at: Timestamp,
    now: Timestamp,
) -> Result<Imported, ChatError> {
    match rows::load_view(tx, new.resource, &new.id, PersonNumber::NOBODY)? {
        None => {
            let created_by = creator(tx, new, now)?;
            let mut view = insert(tx, new, created_by, true, created_at, now)?;
            join(tx, &mut view, &each_once(&new.members), 1, now)?;
            store_membership(tx, &view)?;
            Ok(Imported::Created)
        }
        Some(view) if view.is_deleted => Err(ChatError::ThreadTaken),
        Some(view) if view.is_importing => bring_in_line(tx, view, new, now),
        // The first change of a thread that was made here is a note of that.
        Some(view) if find_note(tx, view.number, 1)?.is_some() => Err(ChatError::ThreadTaken),
        Some(_) => Ok(Imported::Unchanged),
    }
}

fn bring_in_line(
    tx: &mut Tx<'_>,
    mut view: ThreadView,
    new: &NewThread,
    now: Timestamp,
) -> Result<Imported, ChatError> {
    let row = find_thread(tx, view.number)?.ok_or(ChatError::ThreadNotFound)?;
    let is_same =
        row.topic == new.topic && row.metadata == new.metadata && row.retention_days == new.retention_days;
    if !is_same {
        let (topic, metadata) = (Some(&*new.topic), Some(&*new.metadata));
        update_properties(tx, view.number, topic, metadata, Some(new.retention_days))?;
    }
    let are_same = members_in_line(tx, &mut view, &new.members, now)?;
    Ok(if is_same && are_same { Imported::Unchanged } else { Imported::Updated })
}

/// Returns whether they were so before.
fn members_in_line(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    wanted: &[NewMember],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let present = list_members(tx, view.number, MembersFrom::default(), u32::MAX)?;
    let mut present: HashMap<&str, &MemberRow> =
        present.iter().map(|member| (member.raw_id.as_str(), member)).collect();
    let (mut absent, mut is_same) = (Vec::new(), true);
    for member in each_once(wanted) {
        let Some(found) = present.remove(&*member.raw_id) else {
            absent.push(member);
            continue;
        };
        let name = member.name.as_deref().unwrap_or_default();
        let metadata = member.metadata.as_deref().unwrap_or("{}");
        let share_history_at = member.share_history_at;
        if (name, metadata, share_history_at) != (&*found.name, &*found.metadata, found.share_history_at) {
            is_same = false;
            import::update_member(tx, view.number, found.person, (name, metadata), share_history_at)?;
        }
    }
    let gone: Vec<PersonNumber> = present.values().map(|member| member.person).collect();
    if absent.is_empty() && gone.is_empty() {
        return Ok(is_same);
    }
    import::delete_members(tx, view.number, &gone)?;
    view.member_count = view.member_count.saturating_sub(u32::try_from(gone.len()).unwrap_or(u32::MAX));
    join(tx, view, &absent, 1, now)?;
    store_membership(tx, view)?;
    Ok(false)
}

/// A message from elsewhere, checked and cleaned.
#[derive(Clone, Debug)]
pub(crate) struct ImportedMessage {
    /// Milliseconds since the epoch.
    pub(crate) id: i64,
    pub(crate) kind: MessageKind,
    pub(crate) sequence: i64,
    /// Milliseconds since the epoch.
    pub(crate) version: i64,
    /// Who sent it, or did what a system message tells.
    pub(crate) sender_raw: Arc<str>,
    /// Empty for none.
    pub(crate) sender_name: String,
    pub(crate) body: String,
    /// A JSON object of texts.
    pub(crate) metadata: String,
    /// Whom a system message tells of, in order.
    pub(crate) people: Vec<NewMember>,
    pub(crate) reply_to: Option<i64>,
    /// Raw ids and how the message names them; only of participants are they kept.
    pub(crate) mentions: Vec<(String, String)>,
    pub(crate) created_at: Timestamp,
    pub(crate) edited_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
    /// Keyed hashes of its words for the index; empty for none.
    pub(crate) words: String,
}

impl ImportedMessage {
    /// The time of its version.
    pub(crate) fn changed_at(&self) -> Timestamp {
        self.deleted_at.or(self.edited_at).unwrap_or(self.created_at)
    }
}

/// How many messages of a batch were new, newer than what was there, and there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) added: u32,
    pub(crate) updated: u32,
    pub(crate) unchanged: u32,
}

/// Puts messages into a thread that is being imported; those that are there in that version or a later one stay. With
/// `is_last` the thread is opened. Into an open thread nothing is put, but it may be asked for what is there.
///
/// **Errors**: two messages at one place; a new message for an open thread; the store's.
pub(crate) fn import_messages(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    batch: &[ImportedMessage],
    is_last: bool,
    now: Timestamp,
) -> Result<Counts, ChatError> {
    let ids: Vec<i64> = batch.iter().map(|message| message.id).collect();
    let sequences: Vec<i64> = batch.iter().map(|message| message.sequence).collect();
    let mut known = import::find_known(tx, view.number, &ids, &sequences)?;
    let is_new = |message: &&ImportedMessage| {
        known.get(&message.id).is_none_or(|known| known.version < message.version)
    };
    let new: Vec<&ImportedMessage> = batch.iter().filter(is_new).collect();
    if !new.is_empty() && !view.is_importing {
        return Err(ChatError::ThreadNotImporting);
    }
    check_places(&new, &known)?;
    let mut counts = Counts { unchanged: count(batch.len() - new.len()), ..Counts::default() };
    let numbers = number_people(tx, view.resource, &new, now)?;
    let members = members_to_name(tx, view, &new)?;
    for message in &new {
        let mut row = row_of(view, message, &numbers);
        row.mentions = mentions_of(message, &members);
        if let Some(before) = known.remove(&message.id) {
            counts.updated += 1;
            row.number = before.number;
            update(tx, &row, message)?;
        } else {
            counts.added += 1;
            add(tx, &row, message)?;
        }
    }
    note_newest(tx, view, &new)?;
    if is_last && view.is_importing {
        open(tx, view)?;
    }
    Ok(counts)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// No new message may have the place of another one, not even of one that moves away: places are never given twice.
fn check_places(new: &[&ImportedMessage], known: &HashMap<i64, KnownRow>) -> Result<(), ChatError> {
    let mut taken: HashMap<i64, i64> = known.values().map(|row| (row.sequence, row.id)).collect();
    for message in new {
        let other = *taken.entry(message.sequence).or_insert(message.id);
        if other != message.id {
            return Err(ChatError::SequenceTaken { id: message.id, other, sequence: message.sequence });
        }
    }
    Ok(())
}

/// Everybody's number, drawn in the order of raw ids so that two transactions never wait for each other in a circle.
fn number_people<'a>(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    batch: &[&'a ImportedMessage],
    now: Timestamp,
) -> Result<BTreeMap<&'a str, PersonNumber>, StoreError> {
    let mut numbers = BTreeMap::new();
    for message in batch {
        numbers.insert(&*message.sender_raw, PersonNumber::NOBODY);
        numbers.extend(message.people.iter().map(|told| (&*told.raw_id, PersonNumber::NOBODY)));
    }
    for (raw_id, number) in &mut numbers {
        if !raw_id.is_empty() {
            *number = people::person(tx, resource, raw_id, now)?;
        }
    }
    Ok(numbers)
}

/// Those whom messages may name, by raw id; nobody when none does. An erased person is looked for among the
/// participants only.
fn members_to_name(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    batch: &[&ImportedMessage],
) -> Result<HashMap<String, PersonNumber>, StoreError> {
    if batch.iter().all(|message| message.mentions.is_empty()) {
        return Ok(HashMap::new());
    }
    let members = list_members(tx, view.number, MembersFrom::default(), u32::MAX)?;
    Ok(members.into_iter().map(|member| (member.raw_id, member.person)).collect())
}

fn mentions_of(message: &ImportedMessage, members: &HashMap<String, PersonNumber>) -> String {
    let named = message.mentions.iter().filter_map(|(raw_id, text)| {
        let person = *members.get(raw_id)?;
        Some(MentionRow { person, raw_id: raw_id.as_str().into(), text: text.clone() })
    });
    mentions::write(&named.collect::<Vec<_>>())
}

fn row_of(
    view: &ThreadView,
    message: &ImportedMessage,
    numbers: &BTreeMap<&str, PersonNumber>,
) -> MessageRow {
    let is_changed = message.edited_at.is_some() || message.deleted_at.is_some();
    let told = |told: &NewMember| MessagePersonRow {
        person: numbers[&*told.raw_id],
        raw_id: Arc::clone(&told.raw_id),
        name: told.name.clone().unwrap_or_default(),
        metadata: told.metadata.clone().unwrap_or_else(|| "{}".to_owned()),
        share_history_at: told.share_history_at,
    };
    MessageRow {
        number: 0,
        thread: view.number,
        id: message.id,
        kind: message.kind,
        change: message.sequence,
        // Where an edited message stood at first is not known, only that it was before.
        first_change: message.sequence - i64::from(is_changed),
        sequence: message.sequence,
        version: message.version,
        sender: numbers[&*message.sender_raw],
        sender_raw: Arc::clone(&message.sender_raw),
        sender_name: message.sender_name.clone(),
        body: message.body.clone(),
        metadata: message.metadata.clone(),
        attachments: Vec::new(),
        reply_to: message.reply_to,
        mentions: String::new(),
        created_at: message.created_at,
        changed_at: message.changed_at(),
        edited_at: message.edited_at,
        deleted_at: message.deleted_at,
        client_id: String::new(),
        people: message.people.iter().map(told).collect(),
    }
}

fn add(tx: &mut Tx<'_>, row: &MessageRow, message: &ImportedMessage) -> Result<(), StoreError> {
    let number = messages::insert_message(tx, row)?;
    if !row.people.is_empty() {
        messages::insert_people(tx, number, &row.people)?;
    }
    search::insert_words(tx, row.thread, number, &message.words)
}

fn update(tx: &mut Tx<'_>, row: &MessageRow, message: &ImportedMessage) -> Result<(), StoreError> {
    messages::update_message(tx, row)?;
    messages::set_mentions(tx, row.number, &row.mentions)?;
    search::delete_words(tx, row.number)?;
    search::insert_words(tx, row.thread, row.number, &message.words)
}

/// Moves the counters of the thread behind what was imported.
fn note_newest(tx: &mut Tx<'_>, view: &mut ThreadView, new: &[&ImportedMessage]) -> Result<(), StoreError> {
    let sequence = new.iter().map(|message| message.sequence).max();
    let version = new.iter().map(|message| message.version.max(message.id)).max();
    let newest = new.iter().map(|message| message.created_at).max();
    let changed_at = new.iter().map(|message| message.changed_at()).max();
    let (Some(sequence), Some(version), Some(newest), Some(changed_at)) =
        (sequence, version, newest, changed_at)
    else {
        return Ok(());
    };
    view.last_change = view.last_change.max(sequence);
    view.last_sequence = view.last_sequence.max(sequence);
    view.last_version_ms = view.last_version_ms.max(version);
    import::store_imported(tx, view, newest, changed_at)
}

/// How far somebody had read elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct ImportedReceipt {
    pub(crate) raw_id: Arc<str>,
    /// The id of the message.
    pub(crate) message: i64,
    pub(crate) read_at: Timestamp,
}

/// Notes how far participants of a thread that is being imported have read; returns of how many that is news. What
/// does not concern a participant, or an open thread, is left out.
pub(crate) fn import_receipts(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    receipts: &[ImportedReceipt],
) -> Result<u32, ChatError> {
    let mut noted = 0;
    for receipt in receipts.iter().filter(|_| view.is_importing) {
        let member = find_member_by_raw_id(tx, view.number, view.resource, &receipt.raw_id)?;
        if let Some(member) = member {
            let (message, read_at) = (receipt.message, receipt.read_at);
            noted += u32::from(import::note_read(tx, view.number, member.person, message, read_at)?);
        }
    }
    Ok(noted)
}

/// Takes an erased person out of a thread that is being imported: nobody has seen them there.
pub(crate) fn leave_import(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    person: PersonNumber,
) -> Result<(), ChatError> {
    import::delete_members(tx, view.number, &[person])?;
    view.member_count = view.member_count.saturating_sub(1);
    view.members_version += 1;
    Ok(store_membership(tx, view)?)
}

/// Makes a tombstone of an erased person's message in a thread that is being imported. It keeps its place, because
/// later ones may belong to messages that are still to come; its version is newer than any of elsewhere.
pub(crate) fn bury_import(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    message: &MessageRow,
    now: Timestamp,
) -> Result<(), ChatError> {
    let buried = MessageRow {
        version: view.next_version(now),
        body: String::new(),
        metadata: "{}".to_owned(),
        mentions: String::new(),
        changed_at: now,
        deleted_at: Some(now),
        ..message.clone()
    };
    messages::update_message(tx, &buried)?;
    messages::set_mentions(tx, buried.number, "")?;
    search::delete_words(tx, buried.number)?;
    Ok(store_counters(tx, view, false, now)?)
}

/// Ends the import.
fn open(tx: &mut Tx<'_>, view: &mut ThreadView) -> Result<(), ChatError> {
    import::open_thread(tx, view)?;
    view.is_importing = false;
    let row = find_thread(tx, view.number)?.ok_or(ChatError::ThreadNotFound)?;
    Ok(deletion::schedule_retention(tx, view, row.retention_days)?)
}
