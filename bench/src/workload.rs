//! The durable message: six row writes, acknowledged after the commit.
//!
//! One row of 200 bytes in the messages, one event in the outbox, and the inboxes of four members.

use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_store::{Migration, NewEvent, Slice, StoreError, Tx, Value, params};

/// The tables.
pub(crate) const SLICE: Slice = Slice {
    name: "bench",
    migrations: &[Migration {
        version: 1,
        name: "messages",
        sql: "CREATE TABLE bench_messages (\
                  thread INTEGER NOT NULL, \
                  id INTEGER NOT NULL, \
                  body TEXT NOT NULL, \
                  sent_at INTEGER NOT NULL, \
                  PRIMARY KEY (thread, id)\
              ) STRICT, WITHOUT ROWID; \
              CREATE TABLE bench_inbox (\
                  member INTEGER NOT NULL, \
                  thread INTEGER NOT NULL, \
                  latest INTEGER NOT NULL, \
                  unread INTEGER NOT NULL, \
                  PRIMARY KEY (member, thread)\
              ) STRICT, WITHOUT ROWID",
    }],
};

pub(crate) const INSERT_MESSAGE: &str =
    "INSERT INTO bench_messages (thread, id, body, sent_at) VALUES (?1, ?2, ?3, ?4)";
pub(crate) const UPSERT_INBOX: &str = "INSERT INTO bench_inbox (member, thread, latest, unread) \
     VALUES (?1, ?2, ?3, 1) \
     ON CONFLICT (member, thread) DO UPDATE SET latest = excluded.latest, unread = bench_inbox.unread + 1";
pub(crate) const INSERT_EVENT: &str = "INSERT INTO outbox (resource, kind, subject, payload, created_at, sequence) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(crate) const RESOURCE: &str = "5f0e1d2c-3b4a-4958-8776-655443322110";
pub(crate) const KIND: &str = "bench.message_sent";
pub(crate) const PAYLOAD: &str = r#"{"type":"text"}"#;

/// The members of a thread.
pub(crate) fn members(thread: i64) -> impl Iterator<Item = i64> {
    (0..4).map(move |place| thread * 4 + place)
}

/// 200 bytes.
pub(crate) fn body() -> String {
    "Ten bytes ".repeat(20)
}

/// Writes one message through the store.
pub(crate) fn write(tx: &mut Tx<'_>, thread: i64, id: i64) -> Result<(), StoreError> {
    let now = SystemClock.now();
    tx.execute(INSERT_MESSAGE, params![thread, id, body(), now])?;
    let subject = id.to_string();
    tx.emit(&NewEvent { resource: RESOURCE, kind: KIND, subject: &subject, payload: PAYLOAD, now })?;
    let inboxes: Vec<Vec<Value>> =
        members(thread).map(|member| params![member, thread, id].to_vec()).collect();
    tx.execute_many(UPSERT_INBOX, &inboxes)?;
    Ok(())
}
