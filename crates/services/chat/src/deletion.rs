//! Deletion that deletes: what threads, people and resources leave behind goes in small steps, and then the bytes in
//! the database's log.
//!
//! ```text
//! delete ──> row in chat_erasures, job due now ──> texts, a chunk a transaction ──> job for the log ──> done
//!                                                  (threads: numbers go when no event names them any more)
//! ```
//!
//! A job that fails starts again: every step takes what is still there.

mod jobs;
mod person;
mod resource;
mod thread;

use std::str::FromStr;

use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Engine, NewJob, StoreError, Tx};

use crate::rows::{PersonNumber, ThreadNumber, ThreadView, erasures};
use crate::rules::retention;

pub(crate) use person::ask_for_erasure;

/// Erases what its key names.
pub const ERASE_JOB: &str = "chat.erase";
/// Deletes a thread whose time is over.
pub const RETENTION_JOB: &str = "chat.retention";

/// How often the database's log is emptied while messages and images are deleted, in seconds: what was deleted is in no
/// file a minute later, even if a reader delays it.
const LOG_EVERY_S: i64 = 30;
/// Messages erased in one transaction: taking one out of the index takes up to half a millisecond.
const MESSAGES_AT_ONCE: u32 = 100;
/// Small rows erased in one transaction, so that no write waits long for it.
const ROWS_AT_ONCE: u32 = 500;

/// The tables that held texts: where PostgreSQL must make free space really free.
const TABLES_WITH_TEXTS: &[&str] = &[
    "chat_threads",
    "chat_members",
    "chat_messages",
    "chat_message_people",
    "chat_images",
    "chat_words",
    "chat_reactions",
];

/// What a job erases, as its key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// A deleted thread: `thread/7`.
    Thread(ThreadNumber),
    /// A person: `person/7`.
    Person(PersonNumber),
    /// A deleted resource: `resource/{id}`.
    Resource(ResourceId),
    /// Discarded images: `images`.
    Images,
    /// The database's log only: `log/{half minute}`, or `log` for now.
    Log,
}

impl Subject {
    fn key(self) -> String {
        match self {
            Self::Thread(thread) => format!("thread/{}", thread.0),
            Self::Person(person) => format!("person/{}", person.0),
            Self::Resource(resource) => format!("resource/{resource}"),
            Self::Images => "images".to_owned(),
            Self::Log => "log".to_owned(),
        }
    }
}

impl FromStr for Subject {
    type Err = ();

    fn from_str(key: &str) -> Result<Self, ()> {
        match key.split_once('/').unwrap_or((key, "")) {
            ("thread", number) => {
                number.parse().map(|number| Self::Thread(ThreadNumber(number))).map_err(drop)
            }
            ("person", number) => {
                number.parse().map(|number| Self::Person(PersonNumber(number))).map_err(drop)
            }
            ("resource", id) => id.parse().map(Self::Resource).map_err(drop),
            ("images", "") => Ok(Self::Images),
            ("log", _) => Ok(Self::Log),
            _ => Err(()),
        }
    }
}

/// Has a deleted thread erased; returns the id of the erasure.
pub(crate) fn schedule_thread(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    thread: ThreadNumber,
    now: Timestamp,
) -> Result<(), StoreError> {
    ask(tx, resource, Subject::Thread(thread), "thread", now, now).map(drop)
}

/// Has erased what a person did until `until`; returns the id of the erasure.
pub(crate) fn schedule_person(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    person: PersonNumber,
    until: Timestamp,
    now: Timestamp,
) -> Result<String, StoreError> {
    ask(tx, resource, Subject::Person(person), "person", until, now)
}

fn ask(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    subject: Subject,
    what: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<String, StoreError> {
    let id = subject.key();
    erasures::ask(tx, resource, &id, what, until, now)?;
    schedule(tx, resource, subject, "{}", now)?;
    Ok(id)
}

fn schedule(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    subject: Subject,
    payload: &str,
    due: Timestamp,
) -> Result<(), StoreError> {
    let (resource, key) = (resource.to_string(), subject.key());
    tx.schedule(&NewJob { resource: &resource, kind: ERASE_JOB, key: &key, payload, due })
}

/// Has the files of discarded images deleted, and what the database's log holds of their names.
pub(crate) fn schedule_images(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    schedule(tx, resource, Subject::Images, "{}", now)?;
    schedule_log(tx, now)
}

/// Has the database's log emptied soon: one job for all that is deleted in [`LOG_EVERY_S`].
pub(crate) fn schedule_log(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    let turn = now.as_seconds().div_euclid(LOG_EVERY_S);
    let (key, due) = (format!("log/{turn}"), Timestamp::from_seconds((turn + 1) * LOG_EVERY_S));
    tx.schedule(&NewJob { resource: "", kind: ERASE_JOB, key: &key, payload: "{}", due })
}

/// Has the database's log emptied, so that what left the tables is all gone: now, or on PostgreSQL one vacuum for
/// everything that is erased in [`LOG_EVERY_S`].
fn schedule_purge(tx: &mut Tx<'_>, engine: Engine, now: Timestamp) -> Result<(), StoreError> {
    if engine == Engine::Postgres {
        return schedule_log(tx, now);
    }
    let key = Subject::Log.key();
    tx.schedule(&NewJob { resource: "", kind: ERASE_JOB, key: &key, payload: "{}", due: now })
}

/// Has a thread deleted when its days are over, or never.
pub(crate) fn schedule_retention(
    tx: &mut Tx<'_>,
    view: &ThreadView,
    days: Option<u32>,
) -> Result<(), StoreError> {
    let key = Subject::Thread(view.number).key();
    let Some(days) = days else { return tx.unschedule(RETENTION_JOB, &key).map(drop) };
    let (resource, due) = (view.resource.to_string(), retention::due(view.created_at, days));
    tx.schedule(&NewJob { resource: &resource, kind: RETENTION_JOB, key: &key, payload: "{}", due })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn keys_say_what_is_erased() {
        let subjects = [
            Subject::Thread(ThreadNumber(7)),
            Subject::Person(PersonNumber(8)),
            Subject::Resource(ResourceId(Uuid::nil())),
            Subject::Images,
            Subject::Log,
        ];
        for subject in subjects {
            assert_eq!(subject.key().parse(), Ok(subject));
        }
        assert_eq!("log/29921040".parse(), Ok(Subject::Log));
        for bad in ["", "thread", "thread/", "thread/x", "images/1", "resource/7", "other/7"] {
            assert_eq!(bad.parse::<Subject>(), Err(()), "{bad}");
        }
    }
}
