//! People join and leave.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{StoreError, Tx};

use super::messages::{SystemMessage, insert_system};
use super::{Change, Committed, PARTICIPANTS_ADDED, PARTICIPANTS_REMOVED, Who, announce, committed};
use crate::error::ChatError;
use crate::rows::members::{self, JoinedRow};
use crate::rows::threads::{store_counters, store_membership};
use crate::rows::{MessageKind, MessagePersonRow, PersonNumber, ThreadView, people};
use crate::rules::access::Caller;

/// Somebody to be added.
#[derive(Clone, Debug)]
pub(crate) struct NewMember {
    pub(crate) raw_id: Arc<str>,
    /// `None` keeps the name they have in the thread.
    pub(crate) name: Option<String>,
    /// A JSON object of texts; `None` keeps what they have.
    pub(crate) metadata: Option<String>,
    /// Only messages sent since are shared.
    pub(crate) share_history_at: Timestamp,
}

/// Somebody who joined, with their number and the place of the thread in their list.
struct Joined<'a> {
    member: &'a NewMember,
    person: PersonNumber,
    place: i64,
}

impl Joined<'_> {
    fn name(&self) -> &str {
        self.member.name.as_deref().unwrap_or_default()
    }

    fn metadata(&self) -> &str {
        self.member.metadata.as_deref().unwrap_or("{}")
    }
}

/// Adds people. Who is there already keeps their place and gets the name that is given; nothing is said of them.
///
/// **Errors**: more than `people_max`; the store's.
pub(crate) fn add_participants(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    caller: &Caller,
    new: &[NewMember],
    people_max: u32,
    now: Timestamp,
) -> Result<Option<Committed>, ChatError> {
    let absent = update_present(tx, view, new)?;
    if absent.is_empty() {
        return Ok(None);
    }
    let count = u32::try_from(absent.len()).unwrap_or(u32::MAX);
    if view.member_count.saturating_add(count) > people_max {
        return Err(ChatError::TooManyParticipants { people_max });
    }
    let by = who(tx, view, caller, now)?;
    let change = view.last_change + 1;
    let people = join(tx, view, &absent, change, now)?;
    let told = SystemMessage { kind: MessageKind::ParticipantAdded, by: &by, body: "", people };
    let message = insert_system(tx, view, told, now)?;
    store_counters(tx, view, true, now)?;
    store_membership(tx, view)?;
    announce(tx, view, PARTICIPANTS_ADDED, change, now)?;
    Ok(Some(committed(view, change, Change::ParticipantsAdded(message))))
}

/// Who does something, as the thread knows them.
pub(super) fn who(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    caller: &Caller,
    now: Timestamp,
) -> Result<Who, StoreError> {
    let mut person = caller.person;
    if person == PersonNumber::NOBODY {
        person = people::person(tx, view.resource, &caller.raw_id, now)?;
    }
    Ok(Who { person, raw_id: Arc::clone(&caller.raw_id), name: view.caller_name().to_owned() })
}

/// Updates those who are there and returns those who are not, each once, in the order given.
fn update_present<'a>(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    new: &'a [NewMember],
) -> Result<Vec<&'a NewMember>, StoreError> {
    let mut absent = Vec::new();
    for member in each_once(new) {
        let found = members::find_member_by_raw_id(tx, view.number, view.resource, &member.raw_id)?;
        match found.filter(|found| found.removed_change.is_none()) {
            Some(found) => {
                let (name, metadata) = (member.name.as_deref(), member.metadata.as_deref());
                if name.is_some() || metadata.is_some() {
                    members::update_member(tx, view.number, found.person, name, metadata)?;
                }
            }
            None => absent.push(member),
        }
    }
    Ok(absent)
}

/// Everybody once, the first mention counts.
pub(super) fn each_once(new: &[NewMember]) -> Vec<&NewMember> {
    let mut seen = std::collections::HashSet::with_capacity(new.len());
    new.iter().filter(|member| seen.insert(&*member.raw_id)).collect()
}

/// Puts people into a thread at a change, and says what a system message tells of them.
pub(super) fn join(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    new: &[&NewMember],
    change: i64,
    now: Timestamp,
) -> Result<Vec<MessagePersonRow>, StoreError> {
    let joined = number(tx, view.resource, new, now)?;
    let rows: Vec<JoinedRow<'_>> = (view.next_ordinal..)
        .zip(&joined)
        .map(|(ordinal, joined)| JoinedRow {
            person: joined.person,
            ordinal,
            joined: joined.place,
            name: joined.name(),
            metadata: joined.metadata(),
            share_history_at: joined.member.share_history_at,
            added_change: change,
            added_at: now,
        })
        .collect();
    members::insert_members(tx, view.number, &rows)?;
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    view.next_ordinal += i64::from(count);
    view.member_count += count;
    view.members_version += 1;
    Ok(joined.iter().map(told_of).collect())
}

/// Everybody's number, drawn in the order of raw ids so that two transactions never wait for each other in a circle.
fn number<'a>(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    new: &[&'a NewMember],
    now: Timestamp,
) -> Result<Vec<Joined<'a>>, StoreError> {
    let mut drawn = BTreeMap::new();
    for member in new {
        drawn.insert(&*member.raw_id, (PersonNumber::NOBODY, 0));
    }
    for (raw_id, place) in &mut drawn {
        *place = people::join(tx, resource, raw_id, now)?;
    }
    let numbered = |member: &&'a NewMember| {
        let (person, place) = drawn[&*member.raw_id];
        Joined { member, person, place }
    };
    Ok(new.iter().map(numbered).collect())
}

fn told_of(joined: &Joined<'_>) -> MessagePersonRow {
    MessagePersonRow {
        person: joined.person,
        raw_id: Arc::clone(&joined.member.raw_id),
        name: joined.name().to_owned(),
        metadata: joined.metadata().to_owned(),
        share_history_at: joined.member.share_history_at,
    }
}

/// Removes somebody; `None` when they are not in the thread.
pub(crate) fn remove_participant(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    caller: &Caller,
    raw_id: &str,
    now: Timestamp,
) -> Result<Option<Committed>, ChatError> {
    let found = members::find_member_by_raw_id(tx, view.number, view.resource, raw_id)?;
    let Some(member) = found.filter(|found| found.removed_change.is_none()) else { return Ok(None) };
    let by = who(tx, view, caller, now)?;
    let removed = MessagePersonRow {
        person: member.person,
        raw_id: member.raw_id.into(),
        name: member.name,
        metadata: member.metadata,
        share_history_at: member.share_history_at,
    };
    Ok(Some(remove(tx, view, &by, removed, now)?))
}

/// Takes somebody out of a thread they are in.
pub(crate) fn remove(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    by: &Who,
    removed: MessagePersonRow,
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let (person, change) = (removed.person, view.last_change + 1);
    let told = SystemMessage { kind: MessageKind::ParticipantRemoved, by, body: "", people: vec![removed] };
    let message = insert_system(tx, view, told, now)?;
    members::mark_removed(tx, view.number, person, change, now)?;
    view.member_count = view.member_count.saturating_sub(1);
    view.members_version += 1;
    store_counters(tx, view, true, now)?;
    store_membership(tx, view)?;
    announce(tx, view, PARTICIPANTS_REMOVED, change, now)?;
    Ok(committed(view, change, Change::ParticipantsRemoved(message)))
}
