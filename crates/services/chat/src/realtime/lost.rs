//! Changes whose wake-up did not come: where other nodes commit too, the events of what they committed are read.
//!
//! A wake-up is lost when a node dies between the commit and the word of it, or when the way between the nodes is down.
//! Every second the events since the last look name the threads that changed; a room that told of it already makes
//! nothing of that. Receipts leave no event: they are found where the thread was busy lately, by its room, and in the
//! end by the look of each client.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use trunkline_store::outbox::{Event, steps};
use trunkline_store::{Engine, StoreError};
use trunkline_tasks::Shutdown;

use super::hub::Hub;
use super::shard::Signal;
use crate::rows::ThreadNumber;

/// How often is looked.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Events read at once, and their size.
const EVENTS_AT_ONCE: u32 = 1000;
const EVENTS_BYTES_MAX: u64 = 1024 * 1024;

/// What an event of chat says.
#[derive(Deserialize)]
struct Reference {
    thread: i64,
    change: i64,
}

impl Hub {
    /// Looks for changes that nobody told of, until the end is asked for.
    pub(super) async fn find_lost_changes(self: Arc<Self>, shutdown: Shutdown) {
        // One process hears of each of its commits.
        if self.store.engine() == Engine::Sqlite {
            return;
        }
        let mut passed = None;
        loop {
            match self.read_events(passed).await {
                Ok(last) => passed = Some(last),
                Err(cause) => tracing::debug!(%cause, "events cannot be read for lost wake-ups"),
            }
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
        }
    }

    /// Reads on after the event `passed`; returns the last one.
    async fn read_events(&self, passed: Option<u64>) -> Result<u64, StoreError> {
        if passed.is_none() || self.connected.count() == 0 {
            let last = self.store.read(steps::last_sequence).await?;
            // Somebody may have come meanwhile, and needs to hear of all since then.
            return Ok(passed.filter(|_| self.connected.count() > 0).unwrap_or(last));
        }
        while steps::number_committed(&self.store).await? >= u64::from(EVENTS_AT_ONCE) {}
        let mut passed = passed.unwrap_or(0);
        loop {
            let read = move |tx: &mut trunkline_store::Tx<'_>| {
                steps::read_after(tx, passed, EVENTS_AT_ONCE, EVENTS_BYTES_MAX)
            };
            let events: Vec<Event> = self.store.read(read).await?;
            let Some(last) = events.last() else { return Ok(passed) };
            passed = last.sequence;
            for event in events.iter().filter(|event| event.kind.starts_with("chat.")) {
                if let Ok(Reference { thread, change }) = serde_json::from_str(&event.payload) {
                    self.signal(ThreadNumber(thread), || Signal::Heard(ThreadNumber(thread), change));
                }
            }
        }
    }
}
