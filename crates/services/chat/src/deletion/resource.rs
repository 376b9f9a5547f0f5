//! Erases what a deleted resource held.

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Key, Tx};

use super::{ROWS_AT_ONCE, Subject, schedule, schedule_retention};
use crate::ChatService;
use crate::error::ChatError;
use crate::rows::{PersonNumber, ThreadNumber, erasures, people, threads};
use crate::rules::threads::key;

/// Threads deleted between two looks at the table.
const THREADS_AT_ONCE: u32 = 100;

impl ChatService {
    /// Disconnects everybody of a resource and has erased what it had when it was deleted at `until`. What one made
    /// again with the same id has got since stays.
    pub async fn forget_resource(&self, resource: ResourceId, until: Timestamp) -> Result<(), ChatError> {
        self.disconnect_resource(resource);
        let now = self.clock.now();
        self.store
            .write(Key::new(resource, "chat"), move |tx| {
                let subject = Subject::Resource(resource);
                erasures::ask(tx, resource, &subject.key(), "resource", until, now)?;
                schedule(tx, resource, subject, &until.as_micros().to_string(), now)?;
                Ok::<_, ChatError>(())
            })
            .await
    }

    pub(super) async fn erase_resource(&self, resource: ResourceId, until: &str) -> Result<(), ChatError> {
        let until = until.parse().map_or(self.clock.now(), Timestamp::from_micros);
        loop {
            let found: Vec<(ThreadNumber, String)> = self
                .store
                .read(move |tx| {
                    Ok::<_, ChatError>(threads::list_until(tx, resource, until, THREADS_AT_ONCE)?)
                })
                .await?;
            if found.is_empty() {
                break;
            }
            for (thread, id) in found {
                let (key, now) = (key(resource, &id), self.clock.now());
                self.store.write(key.clone(), move |tx| mark_deleted(tx, thread, now)).await?;
                self.delete_whole_thread(thread, &key).await?;
            }
        }
        self.repeat(&Key::new(resource, "chat"), ROWS_AT_ONCE, move |tx| {
            Ok(people::delete_some_of(tx, resource, until, ROWS_AT_ONCE)?)
        })
        .await?;
        self.forget_people();
        self.finish(Subject::Resource(resource)).await
    }
}

/// Nobody enters the thread any more. Nobody is told: who could be told is gone as well.
fn mark_deleted(tx: &mut Tx<'_>, thread: ThreadNumber, now: Timestamp) -> Result<(), ChatError> {
    threads::mark_deleted(tx, thread, now)?;
    if let Some(view) = threads::load_view_by_number(tx, thread, PersonNumber::NOBODY)? {
        schedule_retention(tx, &view, None)?;
    }
    Ok(())
}
