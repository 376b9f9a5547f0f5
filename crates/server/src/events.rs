//! What event delivery is made of: adapters to resources and the network, settings, blobs.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::CertificateDer;
use trunkline_events::nats::{NatsPublisher, NatsSettings};
use trunkline_events::ports::{
    NatsMessage, OutboundFuture, PortError, PortFuture, SendWebhook, WebhookConnection,
};
use trunkline_events::{FindTopic, PublishNats, Settings, Topic};
use trunkline_kernel::{Clock, ResourceId};
use trunkline_net::outbound::{
    AddressRules, Outbound, OutboundBounds, OutboundError, Securer, SystemResolver, Target,
};
use trunkline_resources::{Resources, ResourcesError};
use trunkline_store::blobs::{BlobPlace, Blobs};
use trunkline_tasks::Tasks;
use uuid::Uuid;

use crate::config::Config;

/// The largest blob, in bytes: a file of 500 dead letters of one MiB each, and what is written about them.
const BLOB_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The ways out to web hooks and to the NATS server.
pub(crate) struct Ways {
    pub(crate) webhooks: Arc<dyn SendWebhook>,
    pub(crate) nats: Option<Arc<dyn PublishNats>>,
}

impl Ways {
    /// Those of a server, which trusts `authorities`.
    ///
    /// **Errors**: the TLS library; an address of the NATS server that cannot be one.
    pub(crate) fn open(
        config: &Config,
        authorities: &[CertificateDer<'static>],
        clock: &Arc<dyn Clock>,
        tasks: &Tasks,
    ) -> anyhow::Result<Self> {
        let rules = AddressRules::new(config.events.allowed_networks.clone());
        let (bounds, resolver) = (OutboundBounds::default(), Arc::new(SystemResolver));
        let outbound = Outbound::new(authorities, rules, bounds, resolver, Arc::clone(clock))?;
        let mut nats = None;
        if let Some(server) = &config.events.nats {
            let settings = NatsSettings {
                url: server.url.clone(),
                user: server.user.clone(),
                password: server.password.clone(),
                token: server.token.clone(),
            };
            let publisher = NatsPublisher::start(settings, Securer::new(authorities, &[])?, tasks);
            let publisher: Arc<dyn PublishNats> = publisher.context("events.nats.url")?;
            nats = Some(publisher);
        }
        Ok(Self { webhooks: Arc::new(outbound), nats })
    }

    /// Those of a command in its own process: it delivers nothing, a server does when it starts.
    pub(crate) fn closed(config: &Config) -> Self {
        let nats = config.events.nats.as_ref().map(|_| Arc::new(Closed) as Arc<dyn PublishNats>);
        Self { webhooks: Arc::new(Closed), nats }
    }
}

/// No way out.
#[derive(Debug)]
struct Closed;

fn closed() -> OutboundError {
    OutboundError::Connect { reason: "this process delivers nothing".to_owned() }
}

impl SendWebhook for Closed {
    fn connect<'a>(&'a self, _: &'a Target) -> OutboundFuture<'a, Box<dyn WebhookConnection>> {
        Box::pin(std::future::ready(Err(closed())))
    }
}

impl PublishNats for Closed {
    fn publish<'a>(&'a self, _: &'a str, _: &'a [NatsMessage]) -> OutboundFuture<'a, ()> {
        Box::pin(std::future::ready(Err(closed())))
    }
}

/// Where resources lie, as `resources` knows it.
#[derive(Debug)]
pub(crate) struct Topics(pub(crate) Arc<Resources>);

fn port_error(cause: &ResourcesError) -> PortError {
    PortError(cause.to_string())
}

impl FindTopic for Topics {
    fn topic(&self, resource: ResourceId) -> PortFuture<'_, Option<Topic>> {
        Box::pin(async move {
            let place = self.0.place_of(resource).await.map_err(|cause| port_error(&cause))?;
            Ok(place.map(|place| Topic {
                arm_id: place.id.into(),
                name: place.name.into(),
                group: place.group.into(),
            }))
        })
    }

    fn resource<'a>(&'a self, group: &'a str, name: &'a str) -> PortFuture<'a, Option<ResourceId>> {
        Box::pin(async move { self.0.find_in_group(group, name).await.map_err(|cause| port_error(&cause)) })
    }

    fn subscription_id(&self) -> PortFuture<'_, Uuid> {
        Box::pin(async move { self.0.subscription_id().await.map_err(|cause| port_error(&cause)) })
    }
}

/// How events are delivered.
pub(crate) fn settings(config: &Config, public_origin: &str) -> Settings {
    let events = &config.events;
    Settings {
        allow_http: events.allow_http,
        webhook_origin: events.webhook_origin.clone(),
        public_url: public_origin.to_owned(),
        log_age_max: events.log,
        log_rows_max: u64::from(events.log_rows_max),
        pending_max: u64::from(events.pending_max),
        limits: config.limits.set,
    }
}

/// Where dead letters go.
pub(crate) fn open_blobs(config: &Config) -> anyhow::Result<Blobs> {
    let place =
        if config.ephemeral { BlobPlace::Memory } else { BlobPlace::Folder(config.data.join("blobs")) };
    Ok(Blobs::open(&place, BLOB_BYTES_MAX)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_provider_names_the_versions_that_are_answered() {
        let answered = trunkline_events::operations::arm::VERSIONS;
        assert_eq!(trunkline_resources::EVENT_GRID_VERSIONS, answered);
    }
}
