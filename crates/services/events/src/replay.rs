//! A window of the past once more: the job that writes it into the due rows of one subscription.

use std::sync::Arc;

use serde_json::json;
use trunkline_delivery::{DeliveryKey, DueRow, Phase, SubscriptionKey};
use trunkline_store::jobs::{Job, JobFailure};
use trunkline_store::outbox::steps;
use trunkline_store::{Event, Key, StoreError, Tx};
use trunkline_web::long_running::{self, OperationError};

use crate::api::replay::ReplayOrder;
use crate::filters::Matcher;
use crate::rows::{self, SubscriptionRow};
use crate::runtime::{Publisher, with_view};
use crate::{CONSUMER, EventsService};

/// Rows of the outbox looked at for one transaction: some 10 ms.
const ROWS_AT_ONCE: u32 = 1000;
/// Their payloads, in bytes; the largest event has one MiB.
const READ_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl EventsService {
    /// Writes the window into the due rows: the handler of [`REPLAY_JOB`](crate::REPLAY_JOB).
    ///
    /// When it is interrupted it starts over, and some events come once more than asked for.
    pub async fn run_replay(self: &Arc<Self>, job: &Job) -> Result<(), JobFailure> {
        let order: ReplayOrder = serde_json::from_str(&job.payload)?;
        let outcome = match self.replay(order).await {
            Ok(events) => Ok(json!({ "events": events })),
            Err(ReplayError::Refused(error)) => Err(error),
            Err(ReplayError::Failed(reason)) => return Err(JobFailure::Retry { reason }),
        };
        let (job, now) = (job.clone(), self.clock.now());
        let finish = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            long_running::finish(tx, &job.key, &outcome, now)?;
            tx.finish_job(&job)
        };
        Ok(self.store.write(Key::system("events/replay"), finish).await?)
    }

    async fn replay(self: &Arc<Self>, order: ReplayOrder) -> Result<u64, ReplayError> {
        let number = order.subscription;
        let read = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
            let waiting = rows::arrears_of(tx, number)?.rows;
            Ok((rows::find_subscription_by_number(tx, number)?, waiting, steps::cursor(tx, CONSUMER)?))
        };
        let (found, waiting, cursor) = self.store.read(read).await?;
        let Some(row) = found else {
            return Err(refusal("SubscriptionNotFound", "The event subscription was deleted."));
        };
        if waiting >= self.settings.pending_max {
            return Err(refusal("PendingLimitExceeded", "Too many events wait for the event subscription."));
        }
        let matcher = Matcher::compile(&row.subscription.spec.filter, row.subscription.spec.schema)
            .map_err(|failure| refusal("InvalidFilter", &failure.to_string()))?;
        // What lies behind both is on its way to the subscription without us.
        let through = order.through.min(cursor.max(row.subscription.from_sequence));
        let publisher = Publisher::new(Arc::clone(self));
        let (mut after, mut count) = (order.after, 0);
        while after < through {
            let rows =
                self.store.read(move |tx| steps::read_after(tx, after, ROWS_AT_ONCE, READ_BYTES_MAX)).await;
            let rows: Vec<Event> = rows.map_err(|failure: StoreError| ReplayError::from(failure))?;
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            let mut due = Vec::new();
            for event in rows.into_iter().filter(|event| event.sequence <= through) {
                due.extend(self.due_rows(&publisher, &row, &matcher, event).await?);
            }
            count += self.write_replayed(number, due).await?;
        }
        Ok(count)
    }

    async fn due_rows(
        &self,
        publisher: &Publisher,
        row: &SubscriptionRow,
        matcher: &Matcher,
        event: Event,
    ) -> Result<Vec<(DeliveryKey, DueRow)>, ReplayError> {
        let resource = row.subscription.resource;
        if publisher.resource_of(&event) != Some(resource) {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let published = publisher.publish(event, resource).await?;
        let wanted =
            published.iter().filter(|event| with_view(&event.published, |view| matcher.matches(view)));
        let due_row = |event: &Arc<crate::runtime::Encoded>| {
            let facts = event.facts();
            let key = DeliveryKey {
                subscription: SubscriptionKey(row.subscription.number),
                position: facts.position,
            };
            (
                key,
                DueRow { event: facts, base: now, attempts: 0, due: now, last: None, phase: Phase::Waiting },
            )
        };
        Ok(wanted.map(due_row).collect())
    }

    async fn write_replayed(&self, number: i64, due: Vec<(DeliveryKey, DueRow)>) -> Result<u64, StoreError> {
        let Some(oldest) = due.first().map(|(key, _)| key.position.sequence) else { return Ok(0) };
        let write = move |tx: &mut Tx<'_>| -> Result<u64, StoreError> {
            if !rows::mark_replayed(tx, number)? {
                return Ok(0);
            }
            let inserted = rows::insert_pending(tx, &due)?;
            // The events must stay from now on, not from the next time that the holder is moved.
            let held = steps::cursor(tx, crate::HOLDER)?;
            steps::hold_in(tx, crate::HOLDER, held.min(oldest.saturating_sub(1)))?;
            Ok(inserted)
        };
        self.store.write(crate::changes::lock(), write).await
    }
}

/// Why a replay ended early.
enum ReplayError {
    /// It can never be done; who asked is told.
    Refused(OperationError),
    /// It may be done later.
    Failed(String),
}

impl From<StoreError> for ReplayError {
    fn from(failure: StoreError) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<crate::ports::PortError> for ReplayError {
    fn from(failure: crate::ports::PortError) -> Self {
        Self::Failed(failure.to_string())
    }
}

fn refusal(code: &str, message: &str) -> ReplayError {
    ReplayError::Refused(OperationError { code: code.to_owned(), message: message.to_owned() })
}
