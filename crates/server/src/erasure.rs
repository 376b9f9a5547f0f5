//! What deleted users leave behind in other services goes, on whatever node the deletion happened.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use trunkline_calling::CallingService;
use trunkline_chat::ChatService;
use trunkline_identity::USER_DELETED;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::jobs::{Job, JobFailure, JobRunner, RetryPolicy};
use trunkline_store::outbox::{Delivery, Event, OutboxConsumer};
use trunkline_store::{Store, StoreError};
use trunkline_tasks::Tasks;

/// Erasure never gives up.
pub(crate) const FOR_EVER: RetryPolicy = RetryPolicy {
    attempts_max: u32::MAX,
    pause_first: Duration::from_secs(1),
    pause_last: Duration::from_mins(1),
};

type Forgotten<'f> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'f>>;

/// A service that keeps traces of users.
pub(crate) trait ForgetUsers: Send + Sync + 'static {
    /// The name of its consumer of the outbox.
    const CONSUMER: &'static str;
    /// The kind of the jobs that consumer parks.
    const PARKED_JOB: &'static str;

    /// Erases the traces of a user who was deleted at that time.
    fn forget<'f>(&'f self, resource: ResourceId, raw_id: &'f str, deleted: Timestamp) -> Forgotten<'f>;
}

impl ForgetUsers for ChatService {
    const CONSUMER: &'static str = "chat";
    const PARKED_JOB: &'static str = "outbox.chat";

    fn forget<'f>(&'f self, resource: ResourceId, raw_id: &'f str, deleted: Timestamp) -> Forgotten<'f> {
        Box::pin(async move { Ok(self.forget_person(resource, raw_id, deleted).await?) })
    }
}

impl ForgetUsers for CallingService {
    const CONSUMER: &'static str = "calling";
    const PARKED_JOB: &'static str = "outbox.calling";

    fn forget<'f>(&'f self, resource: ResourceId, raw_id: &'f str, _: Timestamp) -> Forgotten<'f> {
        Box::pin(async move { Ok(self.forget_user(resource, raw_id).await?) })
    }
}

/// Starts the consumer of a service.
pub(crate) async fn start<S: ForgetUsers>(
    tasks: &Tasks,
    store: &Store,
    service: &Arc<S>,
) -> Result<(), StoreError> {
    let consumer = OutboxConsumer::register(store.clone(), S::CONSUMER).await?.only(&[USER_DELETED]);
    let service = Arc::clone(service);
    let deliver = move |event: Event| delivery(Arc::clone(&service), event);
    tasks.spawn(S::PARKED_JOB, consumer.run(tasks.shutdown(), deliver));
    Ok(())
}

/// Adds the jobs that the consumer parks.
pub(crate) fn with_jobs<S: ForgetUsers>(jobs: JobRunner, service: &Arc<S>) -> JobRunner {
    let service = Arc::clone(service);
    jobs.handle(S::PARKED_JOB, FOR_EVER, move |job| deliver_parked(Arc::clone(&service), job))
}

async fn delivery<S: ForgetUsers>(service: Arc<S>, event: Event) -> Delivery {
    match handle(&*service, &event).await {
        Ok(()) => Delivery::Delivered,
        Err(cause) => Delivery::Park { reason: format!("{cause:#}") },
    }
}

async fn deliver_parked<S: ForgetUsers>(service: Arc<S>, job: Job) -> Result<(), JobFailure> {
    match Event::from_parked(&job) {
        Some(event) => handle(&*service, &event)
            .await
            .map_err(|cause| JobFailure::Retry { reason: format!("{cause:#}") }),
        None => Err(JobFailure::Final { reason: "the parked event cannot be read".to_owned() }),
    }
}

/// Everything but the deletion of a user is of no interest here.
async fn handle(service: &impl ForgetUsers, event: &Event) -> anyhow::Result<()> {
    if event.kind == USER_DELETED
        && let Ok(resource) = event.resource.parse::<ResourceId>()
    {
        service.forget(resource, &event.subject, event.created_at).await?;
    }
    Ok(())
}
