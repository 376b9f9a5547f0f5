//! Plain rusqlite: one thread, one commit for everything that waits.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;
use trunkline_kernel::{Clock as _, SystemClock};

use crate::workload;

/// As many messages as the store's own batch has closures.
const BATCH_MAX: usize = 512;

/// A message on its way to the thread.
struct Message {
    thread: i64,
    id: i64,
    done: oneshot::Sender<()>,
}

/// The writing thread.
pub(crate) struct PlainSqlite {
    messages: mpsc::Sender<Message>,
    writer: JoinHandle<rusqlite::Result<()>>,
}

/// Sends messages to it.
#[derive(Clone)]
pub(crate) struct Sender(mpsc::Sender<Message>);

impl PlainSqlite {
    /// Opens the database that the store has made, with the same promises.
    pub(crate) fn open(database: &Path) -> Result<Self> {
        let connection = Connection::open(database)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
        let (messages, receiver) = mpsc::channel();
        let writer = std::thread::spawn(move || write_batches(&connection, &receiver));
        Ok(Self { messages, writer })
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender(self.messages.clone())
    }

    /// All senders must be gone.
    pub(crate) fn close(self) -> Result<()> {
        drop(self.messages);
        self.writer.join().expect("the writer does not panic").context("the plain loop failed")
    }
}

impl Sender {
    pub(crate) async fn send(&self, thread: i64, id: i64) -> Result<()> {
        let (done, answer) = oneshot::channel();
        self.0.send(Message { thread, id, done }).ok().context("the writer has ended")?;
        answer.await.context("the writer has ended")
    }
}

fn write_batches(connection: &Connection, messages: &mpsc::Receiver<Message>) -> rusqlite::Result<()> {
    let mut sequence = 0;
    while let Ok(first) = messages.recv() {
        let mut batch = vec![first];
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut written = 0;
        // Messages that come in while the batch is written join it, as in the store.
        while let Some(message) = batch.get(written) {
            sequence += 1;
            write(connection, message, sequence)?;
            written += 1;
            if batch.len() < BATCH_MAX
                && let Ok(next) = messages.try_recv()
            {
                batch.push(next);
            }
        }
        let note = "UPDATE outbox_sequence SET last = ?1 WHERE one = 1";
        connection.prepare_cached(note)?.execute([sequence])?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        for message in batch {
            message.done.send(()).ok();
        }
    }
    Ok(())
}

fn write(connection: &Connection, message: &Message, sequence: i64) -> rusqlite::Result<()> {
    let Message { thread, id, .. } = message;
    let now = SystemClock.now().as_micros();
    connection.prepare_cached(workload::INSERT_MESSAGE)?.execute(params![
        thread,
        id,
        workload::body(),
        now
    ])?;
    connection.prepare_cached(workload::INSERT_EVENT)?.execute(params![
        workload::RESOURCE,
        workload::KIND,
        id.to_string(),
        workload::PAYLOAD,
        now,
        sequence
    ])?;
    let mut upsert = connection.prepare_cached(workload::UPSERT_INBOX)?;
    for member in workload::members(*thread) {
        upsert.execute([member, *thread, *id])?;
    }
    Ok(())
}
