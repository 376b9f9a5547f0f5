//! What chat is made of: adapters to event delivery, settings, durable jobs.

use std::sync::Arc;

use trunkline_catalogue::Publication;
use trunkline_chat::{ChatService, ERASE_JOB, RETENTION_JOB, Settings};
use trunkline_events::ports::{PortError, Translate};
use trunkline_store::jobs::JobRunner;
use trunkline_store::outbox::Event;

use crate::config::Config;
use crate::erasure::{self, FOR_EVER};

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
        Box::pin(async move { self.0.expand(event).await.map_err(|cause| PortError(cause.to_string())) })
    }
}

/// Chat's durable jobs.
pub(crate) fn with_jobs(jobs: JobRunner, chat: &Arc<ChatService>) -> JobRunner {
    let with = || Arc::clone(chat);
    let (for_erasure, for_retention) = (with(), with());
    erasure::with_jobs(jobs, chat)
        .handle(ERASE_JOB, FOR_EVER, move |job| {
            let chat = Arc::clone(&for_erasure);
            async move { chat.run_erasure(job).await }
        })
        .handle(RETENTION_JOB, FOR_EVER, move |job| {
            let chat = Arc::clone(&for_retention);
            async move { chat.run_retention(job).await }
        })
}
