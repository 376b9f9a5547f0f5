//! What chat is made of: adapters to identity and event delivery, settings, background work.

use std::sync::Arc;
use std::time::Duration;

use trunkline_chat::{ChatService, ERASE_JOB, FindUsers, HeldToken, RETENTION_JOB, Settings};
use trunkline_events::ports::{PortError, Publication, Translate};
use trunkline_identity::{Identity, REVOKED_TOPIC, USER_DELETED};
use trunkline_kernel::ResourceId;
use trunkline_resources::Directory;
use trunkline_store::jobs::{Job, JobFailure, JobRunner, RetryPolicy};
use trunkline_store::outbox::{Delivery, Event, OutboxConsumer};
use trunkline_store::{Store, StoreError, Wake};
use trunkline_tasks::{Shutdown, Tasks};
use trunkline_web::ApiError;
use trunkline_web::ports::{FindResource as _, PortFuture};

use crate::config::Config;

/// The consumer that erases what deleted users wrote, and the kind of the jobs it parks.
const CONSUMER: &str = "chat";
const PARKED_JOB: &str = "outbox.chat";

/// Revocations that may wait: more than one deletion of a large resource makes at once.
const REVOCATIONS_MAX: usize = 65_536;

/// Erasure never gives up.
const FOR_EVER: RetryPolicy = RetryPolicy {
    attempts_max: u32::MAX,
    pause_first: Duration::from_secs(1),
    pause_last: Duration::from_mins(1),
};

/// The limits and lengths that `config` sets; what it leaves open follows the set of limits.
pub(crate) fn settings(config: &Config) -> Settings {
    let (chat, preset) = (&config.chat, Settings::of(config.limits.set));
    let days_max = chat.retention_days_max.unwrap_or(*preset.retention_days.end());
    Settings {
        participants_max: chat.participants_max.unwrap_or(preset.participants_max),
        receipts_max: match chat.receipts_max {
            None => preset.receipts_max,
            Some(most) => (most > 0).then_some(most),
        },
        message_bytes_max: chat.message_bytes_max,
        image_bytes_max: chat.image_bytes_max,
        image_pixels_max: chat.image_pixels_max,
        retention_days: *preset.retention_days.start()..=days_max,
        resume_age: chat.resume_age,
        resume_changes_max: chat.resume_changes_max,
        move_time: chat.move_time,
        search: chat.search,
        connections_per_user: chat.connections_per_user,
        ..preset
    }
}

/// The users of resources, as identity knows them, and the keys their tokens were made with.
pub(crate) struct Users {
    pub(crate) identity: Arc<Identity>,
    pub(crate) resources: Arc<Directory>,
}

impl FindUsers for Users {
    fn known(&self, resource: ResourceId, raw_ids: Vec<String>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(async move { self.identity.known_users(resource, raw_ids).await.map_err(ApiError::from) })
    }

    fn still_good(&self, resource: ResourceId, tokens: Vec<HeldToken>) -> PortFuture<'_, Vec<bool>> {
        Box::pin(async move {
            let Some(resource) = self.resources.by_id(resource).await? else {
                return Ok(vec![false; tokens.len()]);
            };
            let of = |token: HeldToken| (token.raw_id, token.generation, token.access_key);
            let tokens = tokens.into_iter().map(of).collect();
            self.identity.still_good(&resource, tokens).await.map_err(ApiError::from)
        })
    }
}

/// Chat's own events as the published ones.
pub(crate) struct Translator(pub(crate) Arc<ChatService>);

impl Translate for Translator {
    fn kinds(&self) -> &'static [&'static str] {
        trunkline_chat::translate::KINDS
    }

    fn translate<'a>(
        &'a self,
        event: &'a Event,
    ) -> trunkline_events::ports::PortFuture<'a, Vec<Publication>> {
        Box::pin(async move {
            let found = self.0.expand(event).await.map_err(|cause| PortError(cause.to_string()))?;
            let publication = |one: trunkline_chat::Published| Publication {
                ordinal: one.ordinal,
                event_type: one.event_type.to_owned(),
                subject: one.subject,
                data: one.data,
                time: one.time,
            };
            Ok(found.into_iter().map(publication).collect())
        })
    }
}

/// Starts what runs beside requests.
pub(crate) async fn start(tasks: &Tasks, store: &Store, chat: &Arc<ChatService>) -> Result<(), StoreError> {
    let consumer = OutboxConsumer::register(store.clone(), CONSUMER).await?.only(&[USER_DELETED]);
    let for_users = Arc::clone(chat);
    let deliver = move |event: Event| delivery(Arc::clone(&for_users), event);
    tasks.spawn("outbox: chat", consumer.run(tasks.shutdown(), deliver));
    Ok(())
}

/// Ends connections whose tokens ended early, on whatever node that happened: they were revoked, the user or the resource
/// was deleted, or an access key regenerated.
pub(crate) async fn follow_revocations(chat: Arc<ChatService>, store: Store, shutdown: Shutdown) {
    let mut revocations = store.wakes().subscribe_deep(REVOKED_TOPIC, REVOCATIONS_MAX);
    let mut resources = store.wakes().subscribe(trunkline_resources::CHANGED_TOPIC);
    loop {
        let wake = tokio::select! {
            wake = revocations.next() => wake,
            Some(_) = resources.next() => {
                chat.check_tokens();
                continue;
            }
            () = shutdown.requested() => return,
        };
        let payload = match wake {
            Some(Wake::Payload(payload)) => payload,
            Some(Wake::Missed) => {
                chat.check_tokens();
                continue;
            }
            None => return,
        };
        let named = payload.split_once(' ');
        let user = named.and_then(|(id, raw_id)| Some((id.parse::<ResourceId>().ok()?, raw_id)));
        if let Some((resource, raw_id)) = user {
            chat.check_user(resource, raw_id).await;
        }
    }
}

/// Chat's durable jobs.
pub(crate) fn with_jobs(jobs: JobRunner, chat: &Arc<ChatService>) -> JobRunner {
    let with = || Arc::clone(chat);
    let (for_erasure, for_retention, for_parked) = (with(), with(), with());
    jobs.handle(ERASE_JOB, FOR_EVER, move |job| {
        let chat = Arc::clone(&for_erasure);
        async move { chat.run_erasure(job).await }
    })
    .handle(RETENTION_JOB, FOR_EVER, move |job| {
        let chat = Arc::clone(&for_retention);
        async move { chat.run_retention(job).await }
    })
    .handle(PARKED_JOB, FOR_EVER, move |job| deliver_parked(Arc::clone(&for_parked), job))
}

async fn delivery(chat: Arc<ChatService>, event: Event) -> Delivery {
    match forget_user(&chat, &event).await {
        Ok(()) => Delivery::Delivered,
        Err(cause) => Delivery::Park { reason: format!("{cause:#}") },
    }
}

async fn deliver_parked(chat: Arc<ChatService>, job: Job) -> Result<(), JobFailure> {
    match Event::from_parked(&job) {
        Some(event) => forget_user(&chat, &event)
            .await
            .map_err(|cause| JobFailure::Retry { reason: format!("{cause:#}") }),
        None => Err(JobFailure::Final { reason: "the parked event cannot be read".to_owned() }),
    }
}

/// Erases what a deleted user wrote; everything else is of no interest here.
async fn forget_user(chat: &ChatService, event: &Event) -> anyhow::Result<()> {
    if event.kind == USER_DELETED
        && let Ok(resource) = event.resource.parse::<ResourceId>()
    {
        chat.forget_person(resource, &event.subject, event.created_at).await?;
    }
    Ok(())
}
