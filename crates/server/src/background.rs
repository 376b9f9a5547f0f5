//! Background work of a node: durable jobs, readers of the outbox, followers of wake-ups.
//!
//! | work | when |
//! |---|---|
//! | `server.backup` | asked for by an operator |
//! | delivery of events | always, on one node; its handshakes and replays are jobs |
//! | deletion of a resource group | asked for through ARM |
//! | `server.housekeeping` | every hour, on one node: expired records, operations and sign-ins, signing keys |
//! | outbox consumer `identity` | a resource was deleted: its users and role assignments go |
//! | outbox consumer `chat`, its jobs | a user, thread or resource was deleted: what was said goes; retention |
//! | outbox consumer `calling` | a user was deleted: the traces in calls go; running calls of a deleted resource end |
//! | `server.sweep` | a while later: what requests left that were under way at the deletion |
//! | spend limits | every minute, on every node: resources that reached theirs |
//! | key refresh | every minute, on every node: signing keys another node made |
//!
//! A command without a running server does none of it that delivers events or deletes blobs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use trunkline_events::{HANDSHAKE_JOB, REPLAY_JOB};
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_resources::{GROUP_DELETION_JOB, RESOURCE_DELETED};
use trunkline_store::jobs::{Job, JobFailure, JobRunner, RetryPolicy};
use trunkline_store::outbox::{Delivery, Event, OutboxConsumer};
use trunkline_store::{Key, NewJob, Store, StoreError};
use trunkline_tasks::{Shutdown, Tasks};
use trunkline_web::long_running::{self, OperationError};
use trunkline_web::repeatability;

use crate::chat;
use crate::erasure;
use crate::platform::{BACKUP_JOB, BackupPayload, Platform};
use crate::revocations;

/// The kind and key of the hourly job.
const HOUSEKEEPING_JOB: &str = "server.housekeeping";
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_hours(1);

/// The consumer that deletes what belongs to deleted resources, and the kind of the jobs it parks.
const IDENTITY_CONSUMER: &str = "identity";
const IDENTITY_PARKED_JOB: &str = "outbox.identity";

/// Deletes once more what belongs to a deleted resource. No request is under way for so long: reading a body
/// and running a handler are bounded well below.
const SWEEP_JOB: &str = "server.sweep";
const SWEEP_DELAY: Duration = Duration::from_mins(5);

/// A backup is tried once more: what fails twice needs a person.
const BACKUP_RETRY: RetryPolicy =
    RetryPolicy { attempts_max: 2, pause_first: Duration::from_secs(1), pause_last: Duration::from_secs(1) };

/// Housekeeping never gives up.
const FOR_EVER: RetryPolicy = RetryPolicy {
    attempts_max: u32::MAX,
    pause_first: Duration::from_secs(1),
    pause_last: Duration::from_mins(10),
};

/// The request that reaches a limit may be the last one; a minute later somebody is told all the same.
const SPEND_INTERVAL: Duration = Duration::from_mins(1);

/// New signing keys are published a day before they sign, so a minute is soon enough.
const KEY_REFRESH_INTERVAL: Duration = Duration::from_mins(1);

/// Starts everything that runs beside requests.
pub(crate) async fn start(
    tasks: &Tasks,
    platform: &Arc<Platform>,
    is_server: bool,
) -> Result<(), StoreError> {
    let store = &platform.store;
    schedule_housekeeping(store, Duration::ZERO).await?;
    let (identity, directory) = (Arc::clone(&platform.identity), Arc::clone(&platform.directory));
    let consumer =
        OutboxConsumer::register(store.clone(), IDENTITY_CONSUMER).await?.only(&[RESOURCE_DELETED]);
    let deliver = {
        let platform = Arc::clone(platform);
        move |event: Event| delivery(Arc::clone(&platform), event)
    };
    erasure::start(tasks, store, &platform.chat).await?;
    erasure::start(tasks, store, &platform.calling).await?;
    if is_server {
        tasks.spawn("outbox: identity", consumer.run(tasks.shutdown(), deliver));
        let events = Arc::clone(&platform.events);
        tasks.spawn("event delivery", events.run(tasks.clone(), tasks.shutdown()));
        let chat = &platform.chat;
        tasks.spawn("chat", Arc::clone(chat).run(tasks.shutdown()));
        let follow = revocations::follow(Arc::clone(chat) as _, store.clone(), tasks.shutdown());
        tasks.spawn("chat: revocations", follow);
        let calling = &platform.calling;
        tasks.spawn("calling", Arc::clone(calling).run(tasks.shutdown()));
        let follow = revocations::follow(Arc::clone(calling) as _, store.clone(), tasks.shutdown());
        tasks.spawn("calling: revocations", follow);
    }
    tasks.spawn("jobs", jobs(platform, is_server).run(tasks.shutdown()));
    tasks.spawn("resource changes", Arc::clone(&platform.resources).follow_changes(tasks.shutdown()));
    tasks.spawn("revocations", Arc::clone(&identity).follow_revocations(tasks.shutdown()));
    tasks.spawn("directory changes", Arc::clone(&directory).follow_changes(tasks.shutdown()));
    tasks.spawn("spend limits", check_spending(Arc::clone(platform), tasks.shutdown()));
    tasks.spawn("signing keys", refresh_keys(Arc::clone(platform), tasks.shutdown()));
    Ok(())
}

/// The jobs of this process.
fn jobs(platform: &Arc<Platform>, is_server: bool) -> JobRunner {
    let (for_backup, for_groups) = (Arc::clone(platform), Arc::clone(platform));
    let jobs = JobRunner::new(platform.store.clone())
        .handle(BACKUP_JOB, BACKUP_RETRY, move |job| back_up(Arc::clone(&for_backup), job))
        .handle(GROUP_DELETION_JOB, FOR_EVER, move |job| delete_group(Arc::clone(&for_groups), job));
    if !is_server {
        return jobs;
    }
    let jobs = with_event_jobs(with_deleting_jobs(jobs, platform), platform);
    erasure::with_jobs(chat::with_jobs(jobs, &platform.chat), &platform.calling)
}

/// Jobs that delete blobs: a command on a shared database may have none, and what it does not find counts as deleted.
fn with_deleting_jobs(jobs: JobRunner, platform: &Arc<Platform>) -> JobRunner {
    let with = || Arc::clone(platform);
    let (for_housekeeping, for_parked, for_sweeps) = (with(), with(), with());
    jobs.handle(HOUSEKEEPING_JOB, FOR_EVER, move |_| keep_house(Arc::clone(&for_housekeeping)))
        .handle(SWEEP_JOB, FOR_EVER, move |job| sweep(Arc::clone(&for_sweeps), job))
        .handle(IDENTITY_PARKED_JOB, FOR_EVER, move |job| deliver_parked(Arc::clone(&for_parked), job))
}

/// Jobs that only a process which delivers events can do.
fn with_event_jobs(jobs: JobRunner, platform: &Arc<Platform>) -> JobRunner {
    let (for_handshakes, for_replays) = (Arc::clone(&platform.events), Arc::clone(&platform.events));
    jobs.handle(HANDSHAKE_JOB, FOR_EVER, move |job| {
        let events = Arc::clone(&for_handshakes);
        async move { events.run_handshake(&job).await }
    })
    .handle(REPLAY_JOB, FOR_EVER, move |job| {
        let events = Arc::clone(&for_replays);
        async move { events.run_replay(&job).await }
    })
}

async fn schedule_housekeeping(store: &Store, delay: Duration) -> Result<(), StoreError> {
    let due = store.clock().now().plus(delay);
    let job = move |tx: &mut trunkline_store::Tx<'_>| {
        tx.schedule(&NewJob { resource: "", kind: HOUSEKEEPING_JOB, key: "", payload: "{}", due })
    };
    store.write(Key::system(HOUSEKEEPING_JOB), job).await
}

async fn keep_house(platform: Arc<Platform>) -> Result<(), JobFailure> {
    let (store, now) = (&platform.store, platform.clock.now());
    while store.write(Key::system("web/repeatability"), move |tx| repeatability::purge(tx, now)).await? {}
    while store.write(Key::system("web/operations"), move |tx| long_running::purge(tx, now)).await? {}
    platform.identity.rotate_signing_keys().await?;
    platform.directory.rotate_signing_keys().await?;
    platform.directory.purge().await?;
    platform.events.purge().await?;
    platform.chat.purge().await?;
    platform.calling.purge().await?;
    Ok(schedule_housekeeping(store, HOUSEKEEPING_INTERVAL).await?)
}

async fn delete_group(platform: Arc<Platform>, job: Job) -> Result<(), JobFailure> {
    Ok(platform.resources.run_group_deletion(&job.payload).await?)
}

async fn back_up(platform: Arc<Platform>, job: Job) -> Result<(), JobFailure> {
    let payload: BackupPayload = serde_json::from_str(&job.payload)?;
    let (id, now) = (job.key.clone(), platform.clock.now());
    platform.store.write(Key::system("server/backup"), move |tx| long_running::run(tx, &id, now)).await?;
    let outcome: Result<Value, OperationError> = platform.run_backup(&payload).await.map_err(|cause| {
        tracing::error!(%cause, "a backup failed");
        OperationError { code: "BackupFailed".to_owned(), message: cause.to_string() }
    });
    let now = platform.clock.now();
    platform
        .store
        .write(Key::system("server/backup"), move |tx| -> Result<(), StoreError> {
            long_running::finish(tx, &job.key, &outcome, now)?;
            tx.finish_job(&job)
        })
        .await?;
    Ok(())
}

/// Deletes what belongs to a deleted resource; everything else is of no interest here.
async fn handle(platform: &Platform, event: &Event) -> anyhow::Result<()> {
    if event.kind == RESOURCE_DELETED
        && let Ok(resource) = event.subject.parse::<ResourceId>()
    {
        delete_belongings(platform, resource, event.created_at).await?;
        schedule_sweep(platform, resource, event.created_at).await?;
    }
    Ok(())
}

/// Deletes what a resource had until it was deleted; one made again with the same id keeps what it got since.
async fn delete_belongings(
    platform: &Platform,
    resource: ResourceId,
    until: Timestamp,
) -> anyhow::Result<()> {
    platform.identity.delete_users_of(resource, until).await?;
    platform.directory.forget_resource(resource, until).await?;
    platform.events.forget_resource(resource, until).await?;
    platform.calling.forget_resource(resource, until).await?;
    platform.chat.disconnect_resource(resource);
    platform.chat.forget_resource(resource, until).await?;
    Ok(())
}

async fn schedule_sweep(
    platform: &Platform,
    resource: ResourceId,
    deleted_at: Timestamp,
) -> Result<(), StoreError> {
    let due = platform.clock.now().plus(SWEEP_DELAY);
    let job = move |tx: &mut trunkline_store::Tx<'_>| {
        let (key, payload) = (resource.to_string(), deleted_at.as_micros().to_string());
        tx.schedule(&NewJob { resource: &key, kind: SWEEP_JOB, key: &key, payload: &payload, due })
    };
    platform.store.write(Key::new(resource, SWEEP_JOB), job).await
}

/// A request that was under way when its resource was deleted may have written after the deletion was handled;
/// the time of what it made is that of its arrival.
async fn sweep(platform: Arc<Platform>, job: Job) -> Result<(), JobFailure> {
    let (resource, deleted_at) = (job.key.parse(), job.payload.parse());
    let (Ok(resource), Ok(deleted_at)) = (resource, deleted_at) else {
        return Err(JobFailure::Final { reason: "the job cannot be read".to_owned() });
    };
    delete_belongings(&platform, resource, Timestamp::from_micros(deleted_at))
        .await
        .map_err(|cause| JobFailure::Retry { reason: format!("{cause:#}") })
}

async fn delivery(platform: Arc<Platform>, event: Event) -> Delivery {
    match handle(&platform, &event).await {
        Ok(()) => Delivery::Delivered,
        Err(cause) => Delivery::Park { reason: format!("{cause:#}") },
    }
}

async fn deliver_parked(platform: Arc<Platform>, job: Job) -> Result<(), JobFailure> {
    match Event::from_parked(&job) {
        Some(event) => handle(&platform, &event)
            .await
            .map_err(|cause| JobFailure::Retry { reason: format!("{cause:#}") }),
        None => Err(JobFailure::Final { reason: "the parked event cannot be read".to_owned() }),
    }
}

async fn refresh_keys(platform: Arc<Platform>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(KEY_REFRESH_INTERVAL) => {}
            () = shutdown.requested() => return,
        }
        if let Err(cause) = platform.identity.tokens().keys().reload().await {
            tracing::warn!(%cause, "the signing keys cannot be read again; those in memory stay in use");
        }
        if let Err(cause) = platform.directory.reload_signing_keys().await {
            tracing::warn!(%cause, "the directory's keys cannot be read again; those in memory stay in use");
        }
    }
}

async fn check_spending(platform: Arc<Platform>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SPEND_INTERVAL) => {}
            () = shutdown.requested() => return,
        }
        if let Err(cause) = platform.usage.check_all().await {
            tracing::warn!(%cause, "what resources have spent cannot be summed");
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use trunkline_chat::ERASE_JOB;

    use super::*;
    use crate::config::{self, Flag, Inputs};
    use crate::{node, program};

    #[tokio::test]
    async fn only_a_server_deletes_blobs() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let flag = |key: &str, value: String| Flag { key: key.to_owned(), value, shown: "--set".to_owned() };
        let flags = vec![
            flag("ephemeral", "true".to_owned()),
            flag("data", folder.path().join("data").display().to_string()),
        ];
        let machine_file = folder.path().join("absent");
        let inputs = Inputs { file: None, machine_file, environment: Vec::new(), flags };
        let config = config::load(&inputs).expect("valid").config;
        let tasks = Tasks::new();
        let surroundings = program::surroundings(&config);
        let mut registry = Registry::default();
        let platform = node::open_services(&config, &surroundings, &tasks, &mut registry).await;
        let platform = platform.expect("opens");
        let due = platform.clock.now();
        let schedule = move |tx: &mut trunkline_store::Tx<'_>| -> Result<(), StoreError> {
            for (kind, key) in [(ERASE_JOB, "images"), (HOUSEKEEPING_JOB, ""), (SWEEP_JOB, "")] {
                tx.schedule(&NewJob { resource: "", kind, key, payload: "{}", due })?;
            }
            Ok(())
        };
        platform.store.write(Key::system("test"), schedule).await.expect("written");
        assert_eq!(jobs(&platform, false).run_due().await.expect("readable"), 0);
        assert_eq!(jobs(&platform, true).run_due().await.expect("readable"), 3);
        tasks.stop(Duration::from_secs(1)).await;
    }
}
