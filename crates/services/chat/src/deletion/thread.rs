//! Erases a deleted thread: at once whatever can be read, a while later the numbers that are left.

use std::time::Duration;

use trunkline_kernel::ResourceId;
use trunkline_store::outbox::steps;
use trunkline_store::{Key, StoreError, Tx, params};

use super::{MESSAGES_AT_ONCE, ROWS_AT_ONCE, Subject};
use crate::ChatService;
use crate::error::ChatError;
use crate::rows::people::numbers_in;
use crate::rows::{self, PersonNumber, ThreadNumber, erasures, images, search, threads};
use crate::rules::threads::key;

/// What holds numbers only stays for so long after the deletion: the outbox keeps no event for longer, and an event
/// that is delivered late or replayed is read from these rows. So is what clients are told that were away.
const NUMBERS_KEPT_FOR: Duration = steps::KEPT_MAX;
/// Threads whose numbers go between two looks at the table.
const THREADS_AT_ONCE: u32 = 100;
/// Images deleted between two looks at the table.
const IMAGES_AT_ONCE: u32 = 100;

impl ChatService {
    /// Erases everything of a deleted thread that can be read.
    pub(super) async fn erase_thread(&self, thread: ThreadNumber) -> Result<(), ChatError> {
        let found = self.store.read(move |tx| Ok::<_, ChatError>(threads::find_thread(tx, thread)?)).await?;
        if let Some(found) = found {
            if found.deleted_at.is_none() {
                return Ok(());
            }
            self.erase_texts(thread, &key(found.resource, &found.id)).await?;
        }
        self.finish(Subject::Thread(thread)).await
    }

    /// Deletes what is left of threads deleted long ago.
    pub(super) async fn forget_threads(&self) -> Result<(), ChatError> {
        let kept_for = NUMBERS_KEPT_FOR.max(self.settings.resume_age);
        let until = self.clock.now().minus(kept_for);
        loop {
            let found: Vec<(ThreadNumber, ResourceId, String)> = self
                .store
                .read(move |tx| Ok::<_, ChatError>(threads::list_deleted_until(tx, until, THREADS_AT_ONCE)?))
                .await?;
            if found.is_empty() {
                return Ok(());
            }
            for (thread, resource, id) in found {
                self.delete_whole_thread(thread, &key(resource, &id)).await?;
            }
        }
    }

    /// Deletes what is left of an erased thread with that id, so that it can come from elsewhere again.
    pub(crate) async fn make_room(&self, resource: ResourceId, id: &str) -> Result<(), ChatError> {
        let wanted = id.to_owned();
        let left: Option<ThreadNumber> = self
            .store
            .read(move |tx| -> Result<_, ChatError> {
                let found = rows::load_view(tx, resource, &wanted, PersonNumber::NOBODY)?;
                let Some(found) = found.filter(|found| found.is_deleted) else { return Ok(None) };
                let is_running = erasures::is_running(tx, &Subject::Thread(found.number).key())?;
                Ok((!is_running).then_some(found.number))
            })
            .await?;
        match left {
            Some(thread) => self.delete_whole_thread(thread, &key(resource, id)).await,
            None => Ok(()),
        }
    }

    /// Deletes every row of a deleted thread.
    pub(super) async fn delete_whole_thread(&self, thread: ThreadNumber, key: &Key) -> Result<(), ChatError> {
        self.erase_texts(thread, key).await?;
        self.repeat(key, ROWS_AT_ONCE, move |tx| Ok(delete_some_positions(tx, thread)?)).await?;
        self.repeat(key, ROWS_AT_ONCE, move |tx| Ok(delete_some_notes(tx, thread)?)).await?;
        self.repeat(key, ROWS_AT_ONCE, move |tx| Ok(delete_some_members(tx, thread)?)).await?;
        self.store.write(key.clone(), move |tx| Ok::<_, ChatError>(threads::delete_row(tx, thread)?)).await
    }

    async fn erase_texts(&self, thread: ThreadNumber, key: &Key) -> Result<(), ChatError> {
        self.repeat(key, MESSAGES_AT_ONCE, move |tx| Ok(delete_some_messages(tx, thread)?)).await?;
        loop {
            let ids: Vec<String> = self
                .store
                .read(move |tx| Ok::<_, ChatError>(images::list_of_thread(tx, thread, IMAGES_AT_ONCE)?))
                .await?;
            if ids.is_empty() {
                break;
            }
            self.delete_images(ids).await?;
        }
        self.repeat(key, ROWS_AT_ONCE, move |tx| Ok(blank_some_members(tx, thread)?)).await?;
        self.store
            .write(key.clone(), move |tx| {
                tx.execute(
                    "UPDATE chat_threads SET topic = '', metadata = '{}' WHERE number = ?1",
                    params![thread],
                )?;
                Ok::<_, ChatError>(())
            })
            .await
    }
}

fn delete_some_messages(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<u64, StoreError> {
    let rows = tx.query_all(
        "SELECT number FROM chat_messages WHERE thread = ?1 LIMIT ?2",
        params![thread, MESSAGES_AT_ONCE],
    )?;
    if rows.is_empty() {
        return Ok(0);
    }
    let numbers = rows.iter().map(|row| row.get::<i64>(0)).collect::<Result<Vec<_>, _>>()?;
    for number in &numbers {
        search::delete_words(tx, *number)?;
    }
    let list = numbers_in(numbers.iter().copied());
    tx.execute(&format!("DELETE FROM chat_message_people WHERE message IN ({list})"), &[])?;
    tx.execute(
        &format!("DELETE FROM chat_reactions WHERE thread = ?1 AND message IN ({list})"),
        params![thread],
    )?;
    tx.execute(&format!("DELETE FROM chat_messages WHERE number IN ({list})"), &[])
}

fn blank_some_members(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE chat_members SET name = '', metadata = '{}', read_id = 0, read_at = NULL, read_change = NULL
         WHERE thread = ?1 AND person IN (
             SELECT person FROM chat_members WHERE thread = ?1
             AND (name <> '' OR metadata <> '{}' OR read_id <> 0) LIMIT ?2)",
        params![thread, ROWS_AT_ONCE],
    )
}

fn delete_some_positions(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_positions WHERE thread = ?1 AND endpoint IN (
             SELECT endpoint FROM chat_positions WHERE thread = ?1 LIMIT ?2)",
        params![thread, ROWS_AT_ONCE],
    )
}

fn delete_some_notes(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_notes WHERE thread = ?1 AND change IN (
             SELECT change FROM chat_notes WHERE thread = ?1 LIMIT ?2)",
        params![thread, ROWS_AT_ONCE],
    )
}

fn delete_some_members(tx: &mut Tx<'_>, thread: ThreadNumber) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM chat_members WHERE thread = ?1 AND person IN (
             SELECT person FROM chat_members WHERE thread = ?1 LIMIT ?2)",
        params![thread, ROWS_AT_ONCE],
    )
}
