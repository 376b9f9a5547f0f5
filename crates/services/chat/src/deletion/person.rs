//! Erases a person: their messages become tombstones, and nothing they wrote, read or were called is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Key, StoreError, Tx, params};

use super::{MESSAGES_AT_ONCE, ROWS_AT_ONCE, Subject, schedule_person};
use crate::ChatService;
use crate::changes::{self, Committed, Who};
use crate::error::ChatError;
use crate::rows::people::{self, PersonRow};
use crate::rows::{
    self, MessagePersonRow, PersonNumber, ThreadNumber, ThreadView, erasures, images, mentions, threads,
};
use crate::rules::threads::key;

impl ChatService {
    /// Disconnects a user who was deleted at `deleted_at` and has erased whatever they left; nothing for somebody who
    /// never took part. A user made again with the same id keeps what is theirs.
    pub async fn forget_person(
        &self,
        resource: ResourceId,
        raw_id: &str,
        deleted_at: Timestamp,
    ) -> Result<(), ChatError> {
        self.disconnect_user(resource, raw_id);
        let (raw_id, now) = (raw_id.to_owned(), self.clock.now());
        // What a request left that was under way at the deletion goes too, as long as nobody else has the id.
        let is_made_again = self.users.known(resource, vec![raw_id.clone()]).await?.contains(&true);
        let until = if is_made_again { deleted_at } else { now };
        self.store
            .write(Key::new(resource, format!("person/{raw_id}")), move |tx| {
                ask_for_erasure(tx, resource, &raw_id, until, now).map(drop)
            })
            .await
    }

    pub(super) async fn erase_person(&self, person: PersonNumber) -> Result<(), ChatError> {
        let (found, until): (Option<PersonRow>, Option<Timestamp>) = self
            .store
            .read(move |tx| -> Result<_, ChatError> {
                let until = erasures::find_until(tx, &Subject::Person(person).key())?;
                Ok((people::find_by_number(tx, person)?, until))
            })
            .await?;
        if let Some(found) = found {
            let until = until.unwrap_or(self.clock.now());
            self.leave_threads(person, &found, until).await?;
            self.bury_messages(person, until).await?;
            let key = Key::new(found.resource, format_args!("person/{}", found.raw_id));
            for step in STEPS {
                let step = *step;
                self.repeat(&key, ROWS_AT_ONCE, move |tx| Ok(step(tx, person, until)?)).await?;
            }
            self.delete_discarded_images().await?;
        }
        self.finish(Subject::Person(person)).await
    }

    /// Removes the person from every thread they joined until then, one after the other.
    async fn leave_threads(
        &self,
        person: PersonNumber,
        row: &PersonRow,
        until: Timestamp,
    ) -> Result<(), ChatError> {
        let raw_id: Arc<str> = row.raw_id.as_str().into();
        loop {
            let threads =
                self.store.read(move |tx| Ok::<_, ChatError>(list_present_in(tx, person, until)?)).await?;
            if threads.is_empty() {
                return Ok(());
            }
            for (thread, id) in threads {
                let (raw_id, now) = (Arc::clone(&raw_id), self.clock.now());
                let left: Option<Committed> = self
                    .store
                    .write(key(row.resource, &id), move |tx| leave(tx, thread, person, &raw_id, now))
                    .await?;
                self.realtime.committed(left.into_iter().collect());
            }
        }
    }

    /// Makes a tombstone of every message the person sent until then.
    async fn bury_messages(&self, person: PersonNumber, until: Timestamp) -> Result<(), ChatError> {
        loop {
            let messages =
                self.store.read(move |tx| Ok::<_, ChatError>(list_messages_of(tx, person, until)?)).await?;
            if messages.is_empty() {
                return Ok(());
            }
            for (thread, ids) in messages {
                let found =
                    self.store.read(move |tx| Ok::<_, ChatError>(threads::find_thread(tx, thread)?)).await?;
                let Some(found) = found else { continue };
                let now = self.clock.now();
                let buried: Vec<Committed> = self
                    .store
                    .write(key(found.resource, &found.id), move |tx| bury_some(tx, thread, &ids, now))
                    .await?;
                self.realtime.committed(buried);
            }
        }
    }
}

/// Has erased what a person did until `until`; returns the id of the erasure, `None` for somebody who had not taken
/// part by then.
pub(crate) fn ask_for_erasure(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    raw_id: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<String>, ChatError> {
    let Some(person) = people::find_person(tx, resource, raw_id)? else { return Ok(None) };
    let row = people::find_by_number(tx, person)?;
    if row.is_none_or(|row| row.inserted_at > until) {
        return Ok(None);
    }
    people::mark_erased(tx, person, until)?;
    Ok(Some(schedule_person(tx, resource, person, until, now)?))
}

/// Threads the person joined until then and is in, with their ids; some at a time.
fn list_present_in(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    until: Timestamp,
) -> Result<Vec<(ThreadNumber, String)>, StoreError> {
    let rows = tx.query_all(
        "SELECT t.number, t.id FROM chat_members m JOIN chat_threads t ON t.number = m.thread
         WHERE m.person = ?1 AND m.removed_change IS NULL AND m.added_at <= ?3 ORDER BY m.joined LIMIT ?2",
        params![person, MESSAGES_AT_ONCE, until],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn leave(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    person: PersonNumber,
    raw_id: &Arc<str>,
    now: Timestamp,
) -> Result<Option<Committed>, ChatError> {
    let Some(mut view) = threads::load_view_by_number(tx, thread, person)? else { return Ok(None) };
    let Some(member) = view.member.clone().filter(|member| member.removed_change.is_none()) else {
        return Ok(None);
    };
    if view.is_deleted {
        // Its own erasure takes the rest; a mark is enough to come to an end here.
        rows::members::mark_removed(tx, thread, person, view.last_change, now)?;
        return Ok(None);
    }
    if view.is_importing {
        changes::leave_import(tx, &mut view, person)?;
        return Ok(None);
    }
    let by = Who { person, raw_id: Arc::clone(raw_id), name: String::new() };
    let removed = MessagePersonRow {
        person,
        raw_id: Arc::clone(raw_id),
        name: String::new(),
        metadata: "{}".to_owned(),
        share_history_at: member.share_history_at,
    };
    Ok(Some(changes::remove(tx, &mut view, &by, removed, now)?))
}

/// Messages that the person sent until then and that are not tombstones yet, by thread; some at a time. Imported ones
/// have times from elsewhere: those of a thread that came later are not theirs.
fn list_messages_of(
    tx: &mut Tx<'_>,
    person: PersonNumber,
    until: Timestamp,
) -> Result<Vec<(ThreadNumber, Vec<i64>)>, StoreError> {
    // Without its thread a message is being erased already.
    let rows = tx.query_all(
        "SELECT m.thread, m.id FROM chat_messages m JOIN chat_threads t ON t.number = m.thread
         WHERE m.sender = ?1 AND m.kind < 2 AND m.deleted_at IS NULL AND m.created_at <= ?3
         AND t.inserted_at <= ?3 ORDER BY m.number LIMIT ?2",
        params![person, MESSAGES_AT_ONCE, until],
    )?;
    let mut by_thread: BTreeMap<ThreadNumber, Vec<i64>> = BTreeMap::new();
    for row in rows {
        by_thread.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(by_thread.into_iter().collect())
}

fn bury_some(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    ids: &[i64],
    now: Timestamp,
) -> Result<Vec<Committed>, ChatError> {
    let Some(mut view) = threads::load_view_by_number(tx, thread, PersonNumber::NOBODY)? else {
        return Ok(Vec::new());
    };
    let mut buried = Vec::with_capacity(ids.len());
    for id in ids {
        buried.extend(bury_one(tx, &mut view, *id, now)?);
    }
    // Nobody is told of a thread that is gone.
    Ok(if view.is_deleted { Vec::new() } else { buried })
}

fn bury_one(
    tx: &mut Tx<'_>,
    view: &mut ThreadView,
    id: i64,
    now: Timestamp,
) -> Result<Option<Committed>, ChatError> {
    let Some(message) = rows::find_message(tx, view.number, id)? else { return Ok(None) };
    if view.is_importing {
        changes::bury_import(tx, view, &message, now)?;
        return Ok(None);
    }
    Ok(changes::delete_message(tx, view, &message, now)?.map(|(_, committed)| committed))
}

type Step = fn(&mut Tx<'_>, PersonNumber, Timestamp) -> Result<u64, StoreError>;

/// What else names the person and came until then, each a chunk at a time.
const STEPS: &[Step] = &[
    blank_sender_names,
    blank_told_names,
    forget_mentions,
    blank_memberships,
    delete_some_reactions,
    discard_images,
    delete_some_positions,
    delete_some_endpoints,
];

fn blank_sender_names(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE chat_messages SET sender_name = '' WHERE number IN (
             SELECT m.number FROM chat_messages m JOIN chat_threads t ON t.number = m.thread
             WHERE m.sender = ?1 AND m.sender_name <> '' AND m.created_at <= ?3 AND t.inserted_at <= ?3 LIMIT ?2)",
        params![person, ROWS_AT_ONCE, until],
    )
}

fn blank_told_names(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE chat_message_people SET name = '', metadata = '{}' WHERE person = ?1 AND message IN (
             SELECT w.message FROM chat_message_people w JOIN chat_messages m ON m.number = w.message
             JOIN chat_threads t ON t.number = m.thread
             WHERE w.person = ?1 AND (w.name <> '' OR w.metadata <> '{}')
             AND m.created_at <= ?3 AND t.inserted_at <= ?3 LIMIT ?2)",
        params![person, ROWS_AT_ONCE, until],
    )
}

fn forget_mentions(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    mentions::forget_person(tx, person, until, ROWS_AT_ONCE)
}

/// The rows stay as numbers: events of the removal are read from them. They show no history to anybody who gets the
/// same raw id again.
fn blank_memberships(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE chat_members SET name = '', metadata = '{}', read_id = 0, read_at = NULL, read_change = NULL,
             share_history_at = ?3
         WHERE person = ?1 AND removed_change IS NOT NULL AND thread IN (
             SELECT thread FROM chat_members WHERE person = ?1 AND removed_change IS NOT NULL AND added_at <= ?4
             AND share_history_at <> ?3 LIMIT ?2)",
        params![person, ROWS_AT_ONCE, i64::MAX, until],
    )
}

fn delete_some_reactions(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_reactions WHERE person = ?1 AND (thread, message, emoji) IN (
             SELECT thread, message, emoji FROM chat_reactions WHERE person = ?1 AND at <= ?3 LIMIT ?2)",
        params![person, ROWS_AT_ONCE, until],
    )
}

fn discard_images(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    images::discard_of_uploader(tx, person, until, ROWS_AT_ONCE)
}

fn delete_some_positions(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_positions WHERE (endpoint, thread) IN (
             SELECT w.endpoint, w.thread FROM chat_endpoints e JOIN chat_positions w ON w.endpoint = e.number
             WHERE e.person = ?1 AND e.created_at <= ?3 LIMIT ?2)",
        params![person, ROWS_AT_ONCE, until],
    )
}

fn delete_some_endpoints(tx: &mut Tx<'_>, person: PersonNumber, until: Timestamp) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_endpoints WHERE number IN (
             SELECT number FROM chat_endpoints WHERE person = ?1 AND created_at <= ?3 LIMIT ?2)",
        params![person, ROWS_AT_ONCE, until],
    )
}
