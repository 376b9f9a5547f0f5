//! [`OutboxConsumer`]: reads events in order and hands each to a handler, at least once.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use trunkline_tasks::Shutdown;
use uuid::Uuid;

use super::{Event, steps};
use crate::config::Engine;
use crate::error::StoreError;
use crate::outbox::steps::Parked;
use crate::store::Store;
use crate::wakes::OUTBOX_TOPIC;

/// How often the outbox is looked at when nothing wakes the consumer.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a held lease is extended: four times in its life, so that three may fail.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);
/// How often rows that all consumers have passed are removed.
const TRIM_INTERVAL: Duration = Duration::from_secs(10);
/// The same while there is more to remove than one clean-up does.
const TRIM_PAUSE: Duration = Duration::from_secs(1);
/// How long a consumer of some kinds rests after it passed events: 20 commits a second at most.
const SKIM_PAUSE: Duration = Duration::from_millis(50);
/// Events read together. A crash delivers at most these again.
const EVENTS_AT_ONCE: u32 = 100;

/// What a handler did with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Done, or of no interest.
    Delivered,
    /// It could not be done now. The event becomes a durable job, and the consumer goes on.
    Park {
        /// For the log.
        reason: String,
    },
}

/// What one look at the outbox came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Another node holds this consumer.
    HeldElsewhere,
    /// So many events were passed; 0 when there were none.
    Handled(usize),
}

/// A named reader of the outbox with a durable cursor. On PostgreSQL one node at a time runs it.
///
/// Events are handled one after the other. What takes long belongs in a job.
pub struct OutboxConsumer {
    store: Store,
    name: &'static str,
    /// Tells this run of the consumer from others.
    owner: Uuid,
    /// The kinds it is handed; all when `None`.
    kinds: Option<&'static [&'static str]>,
}

impl OutboxConsumer {
    /// The consumer `name`; a new one starts before the oldest event that is still kept.
    ///
    /// Register every consumer of the program before the first event: a row that all registered
    /// consumers have passed is removed.
    pub async fn register(store: Store, name: &'static str) -> Result<Self, StoreError> {
        steps::register(&store, name).await?;
        let owner = store.entropy().uuid();
        Ok(Self { store, name, owner, kinds: None })
    }

    /// Hands over events of these kinds only and passes the others without reading them whole.
    pub fn only(mut self, kinds: &'static [&'static str]) -> Self {
        self.kinds = Some(kinds);
        self
    }

    /// The kind of the jobs that parked events become; register a handler for it with the job runner
    /// and read the event with [`Event::from_parked`].
    pub fn parked_kind(name: &str) -> String {
        format!("outbox.{name}")
    }

    /// Runs until `shutdown` asks for the end.
    pub async fn run<F, R>(self, shutdown: Shutdown, handler: F)
    where
        F: Fn(Event) -> R + Send + Sync,
        R: Future<Output = Delivery> + Send,
    {
        let mut wakes = self.store.wakes().subscribe(OUTBOX_TOPIC);
        let mut trims = tokio::time::interval(TRIM_INTERVAL);
        // Passing the events of others costs a commit, which is better paid once for many.
        let rest = if self.kinds.is_some() { SKIM_PAUSE } else { Duration::ZERO };
        loop {
            wakes.forget_pending();
            let looked = tokio::select! {
                () = shutdown.requested() => return,
                looked = self.look(&handler) => looked,
            };
            match looked {
                Ok(Look::Handled(count)) if count > 0 => {
                    tokio::select! {
                        biased;
                        () = shutdown.requested() => return,
                        _ = trims.tick() => self.trim(&mut trims).await,
                        () = tokio::time::sleep(rest) => {}
                    }
                    continue;
                }
                Ok(_) | Err(StoreError::LeaseLost) => {}
                Err(failure) => {
                    tracing::warn!(consumer = self.name, %failure, "the outbox could not be read; trying again");
                }
            }
            tokio::select! {
                () = shutdown.requested() => return,
                woken = wakes.next() => if woken.is_none() { return },
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                _ = trims.tick() => self.trim(&mut trims).await,
            }
        }
    }

    /// Numbers what was committed, hands the next events to `handler` and moves the cursor.
    ///
    /// **Errors**: [`StoreError::LeaseLost`] when another node took over; the events it has not moved
    /// past will be delivered again.
    pub async fn look<F, R>(&self, handler: &F) -> Result<Look, StoreError>
    where
        F: Fn(Event) -> R + Send + Sync,
        R: Future<Output = Delivery> + Send,
    {
        if !self.hold_lease().await? {
            return Ok(Look::HeldElsewhere);
        }
        steps::number_committed(&self.store).await?;
        let batch = match self.kinds {
            None => steps::read(&self.store, self.name, EVENTS_AT_ONCE).await?,
            Some(kinds) => steps::read_only(&self.store, self.name, kinds, EVENTS_AT_ONCE).await?,
        };
        let (passed, to) = (batch.passed, batch.through);
        if to == passed {
            return Ok(Look::Handled(0));
        }
        let parked = tokio::select! {
            parked = self.deliver(batch.events, handler) => parked,
            lost = self.keep_lease() => return Err(lost),
        };
        steps::advance(&self.store, self.name, self.owner, (passed, to), parked).await?;
        Ok(Look::Handled(usize::try_from(to - passed).unwrap_or(usize::MAX)))
    }

    async fn deliver<F, R>(&self, events: Vec<Event>, handler: &F) -> Vec<Parked>
    where
        F: Fn(Event) -> R + Send + Sync,
        R: Future<Output = Delivery> + Send,
    {
        let mut parked = Vec::new();
        for event in events {
            // The call itself may panic as well as the future.
            let handled = AssertUnwindSafe(async { handler(event.clone()).await }).catch_unwind().await;
            let reason = match handled {
                Ok(Delivery::Delivered) => continue,
                Ok(Delivery::Park { reason }) => reason,
                Err(_) => "the handler panicked".to_owned(),
            };
            tracing::warn!(
                consumer = self.name,
                sequence = event.sequence,
                kind = event.kind,
                reason,
                "an event was parked; it is tried again as a job"
            );
            parked.push(Parked { event, job_kind: Self::parked_kind(self.name) });
        }
        parked
    }

    /// SQLite belongs to one process, which runs each consumer once: no lease, and no write to take it.
    async fn hold_lease(&self) -> Result<bool, StoreError> {
        match self.store.engine() {
            Engine::Sqlite => Ok(true),
            Engine::Postgres => {
                steps::lease(&self.store, self.name, self.owner, self.store.clock().now()).await
            }
        }
    }

    /// Extends the lease while events are handled; returns when it is lost.
    async fn keep_lease(&self) -> StoreError {
        loop {
            tokio::time::sleep(RENEW_INTERVAL).await;
            match self.hold_lease().await {
                Ok(true) => {}
                Ok(false) => return StoreError::LeaseLost,
                Err(failure) => {
                    tracing::warn!(consumer = self.name, %failure, "the consumer's lease could not be extended");
                }
            }
        }
    }

    async fn trim(&self, trims: &mut tokio::time::Interval) {
        match steps::trim(&self.store, self.store.clock().now(), self.store.outbox_keep()).await {
            Ok(trimmed) if trimmed.is_more => trims.reset_after(TRIM_PAUSE),
            Ok(_) => {}
            Err(failure) => {
                tracing::warn!(%failure, "passed events could not be removed; they stay for now");
            }
        }
    }
}
