//! What the job runner calls, and housekeeping.

use std::time::Duration;

use trunkline_kernel::Timestamp;
use trunkline_store::jobs::{Job, JobFailure};
use trunkline_store::{Engine, Key, Tx};

use super::{ROWS_AT_ONCE, Subject, TABLES_WITH_TEXTS, schedule_log, schedule_purge, schedule_retention};
use crate::ChatService;
use crate::changes::{self, Committed};
use crate::error::ChatError;
use crate::rows::images::{self, original_blob, small_blob};
use crate::rows::{PersonNumber, ThreadNumber, erasures, threads};
use crate::rules::{retention, threads::key};

/// An image that no message took within a day was never meant to be sent.
const UNUSED_IMAGE_AGE: Duration = Duration::from_hours(24);
/// Images whose files are deleted between two looks at the table.
const IMAGES_AT_ONCE: u32 = 100;
/// How long a finished erasure can be asked about.
const ERASURE_KEPT_FOR: Duration = Duration::from_hours(24 * 7);

impl ChatService {
    /// Erases what a job of kind [`ERASE_JOB`](super::ERASE_JOB) names.
    ///
    /// **Errors**: worth another attempt, but for a key that names nothing. A reader that holds the database's log
    /// is one of them: a backup, say.
    pub async fn run_erasure(&self, job: Job) -> Result<(), JobFailure> {
        let Ok(subject) = job.key.parse::<Subject>() else {
            return Err(JobFailure::Final { reason: "the key of the job names nothing to erase".to_owned() });
        };
        match subject {
            Subject::Thread(thread) => self.erase_thread(thread).await?,
            Subject::Person(person) => self.erase_person(person).await?,
            Subject::Resource(resource) => self.erase_resource(resource, &job.payload).await?,
            Subject::Images => self.delete_discarded_images().await?,
            Subject::Log if self.store.engine() == Engine::Postgres => self.vacuum().await?,
            Subject::Log => self.purge_log().await?,
        }
        Ok(())
    }

    /// Deletes the thread that a job of kind [`RETENTION_JOB`](super::RETENTION_JOB) names, if its time is over.
    pub async fn run_retention(&self, job: Job) -> Result<(), JobFailure> {
        let Ok(Subject::Thread(thread)) = job.key.parse::<Subject>() else {
            return Err(JobFailure::Final { reason: "the key of the job names no thread".to_owned() });
        };
        let found = self.store.read(move |tx| Ok::<_, ChatError>(threads::find_thread(tx, thread)?)).await?;
        let Some(found) = found else { return Ok(()) };
        let now = self.clock.now();
        let deleted: Option<Committed> = self
            .store
            .write(key(found.resource, &found.id), move |tx| delete_when_due(tx, thread, now))
            .await?;
        self.realtime.committed(deleted.into_iter().collect());
        Ok(())
    }

    /// Housekeeping: images nobody used, what is left of threads and the record of erasures done long ago.
    pub async fn purge(&self) -> Result<(), ChatError> {
        let now = self.clock.now();
        self.store
            .write(Key::system("chat/images"), move |tx| {
                Ok::<_, ChatError>(images::discard_unused(tx, now.minus(UNUSED_IMAGE_AGE))?)
            })
            .await?;
        self.delete_discarded_images().await?;
        self.forget_clients().await?;
        self.forget_threads().await?;
        let until = now.minus(ERASURE_KEPT_FOR);
        loop {
            let purged = self
                .store
                .write(Key::system("chat/erasures"), move |tx| {
                    Ok::<_, ChatError>(erasures::purge(tx, until, ROWS_AT_ONCE)?)
                })
                .await?;
            if purged < u64::from(ROWS_AT_ONCE) {
                return Ok(());
            }
        }
    }

    /// Deletes the files of discarded images, then their rows.
    pub(super) async fn delete_discarded_images(&self) -> Result<(), ChatError> {
        loop {
            let ids: Vec<String> =
                self.store.read(|tx| Ok::<_, ChatError>(images::list_discarded(tx, IMAGES_AT_ONCE)?)).await?;
            if ids.is_empty() {
                return Ok(());
            }
            self.delete_images(ids).await?;
        }
    }

    /// Deletes the files of images, then their rows.
    pub(super) async fn delete_images(&self, ids: Vec<String>) -> Result<(), ChatError> {
        for id in &ids {
            self.blobs.delete(&original_blob(id)).await?;
            self.blobs.delete(&small_blob(id)).await?;
        }
        self.store
            .write(Key::system("chat/images"), move |tx| {
                for id in &ids {
                    images::delete_image(tx, id)?;
                }
                Ok::<_, ChatError>(())
            })
            .await
    }

    /// Repeats a step that takes at most `limit` rows a time, until it finds fewer.
    pub(super) async fn repeat<F>(&self, key: &Key, limit: u32, step: F) -> Result<(), ChatError>
    where
        F: Fn(&mut Tx<'_>) -> Result<u64, ChatError> + Clone + Send + Sync + 'static,
    {
        while self.store.write(key.clone(), step.clone()).await? >= u64::from(limit) {}
        Ok(())
    }

    /// Writes down that the rows are gone and has the log purged; that is what ends an erasure. Nothing happens the
    /// second time.
    pub(super) async fn finish(&self, subject: Subject) -> Result<(), ChatError> {
        let (id, now, engine) = (subject.key(), self.clock.now(), self.store.engine());
        self.store
            .write(Key::system("chat/erasures"), move |tx| {
                if erasures::rows_done(tx, &id, now)? {
                    schedule_purge(tx, engine, now)?;
                }
                Ok::<_, ChatError>(())
            })
            .await
    }

    /// Vacuums for all erasures that wait for it. For single messages the indexes of large tables are not worth
    /// reading: PostgreSQL's own vacuum comes.
    async fn vacuum(&self) -> Result<(), ChatError> {
        let now = self.clock.now();
        let is_awaited: bool =
            self.store.read(move |tx| Ok::<_, ChatError>(erasures::is_any_waiting(tx, now)?)).await?;
        if !is_awaited {
            return Ok(());
        }
        let Ok(_one) = self.vacuums.try_acquire() else {
            // It began before the rows were gone that this one is for. The next turn takes all that wait.
            return self
                .store
                .write(Key::system("chat/erasures"), move |tx| Ok::<_, ChatError>(schedule_log(tx, now)?))
                .await;
        };
        self.purge_log().await
    }

    /// Purges the log, and writes down what is all gone with it.
    async fn purge_log(&self) -> Result<(), ChatError> {
        let until = self.clock.now();
        self.store.purge_log(TABLES_WITH_TEXTS).await?;
        let now = self.clock.now();
        let asked_at: Vec<Timestamp> = self
            .store
            .write(Key::system("chat/erasures"), move |tx| {
                Ok::<_, ChatError>(erasures::all_done(tx, until, now)?)
            })
            .await?;
        for asked_at in asked_at {
            self.realtime.metrics.erased_after(now.since(asked_at));
        }
        Ok(())
    }
}

/// Deletes the thread, or waits for the day its retention says now.
fn delete_when_due(
    tx: &mut Tx<'_>,
    thread: ThreadNumber,
    now: Timestamp,
) -> Result<Option<Committed>, ChatError> {
    let days = threads::find_thread(tx, thread)?.and_then(|found| found.retention_days);
    let view = threads::load_view_by_number(tx, thread, PersonNumber::NOBODY)?;
    let (Some(mut view), Some(days)) = (view, days) else { return Ok(None) };
    if view.is_deleted {
        return Ok(None);
    }
    if retention::due(view.created_at, days) > now {
        schedule_retention(tx, &view, Some(days))?;
        return Ok(None);
    }
    changes::delete_thread(tx, &mut view, None, now).map(Some)
}
