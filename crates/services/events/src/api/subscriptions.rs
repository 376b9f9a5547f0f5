//! `ResourceEventSubscriptions_*`: event subscriptions as operators see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkline_delivery::Outcome;
use trunkline_kernel::{Secret, Timestamp};
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply, ResourceView};

use crate::changes::{self, Maker, Place};
use crate::model::{
    DeadLetterPlace, Destination, Filter, Mapping, MappingKind, Provisioning, Schema, Spec, Subscription,
};
use crate::rows::{self, AttemptFilter, PageKey, Scope, SubscriptionRow};
use crate::rules::{self, Proposal, ProposedDestination, ProposedMapping, ProposedMappingKind};
use crate::{EventsError, EventsService};

/// What an event subscription shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewSubscription {
    /// Where the events go.
    pub(crate) destination: NewDestination,
    /// Which events; all when left out.
    #[serde(default)]
    pub(crate) filter: Filter,
    /// The envelope.
    #[serde(default)]
    pub(crate) schema: Schema,
    /// How often and how long a delivery is tried.
    #[serde(default)]
    pub(crate) retry: NewRetry,
    /// Keeps what cannot be delivered; dropped when left out.
    #[serde(default)]
    pub(crate) dead_letter: Option<DeadLetterContainer>,
    /// Words of the client, kept as they are.
    #[serde(default)]
    pub(crate) labels: Vec<String>,
    /// From when on nothing is delivered any more.
    #[serde(default)]
    pub(crate) expires_on: Option<Timestamp>,
}

/// Where the events go: one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum NewDestination {
    /// An HTTP endpoint.
    WebHook(NewWebHook),
    /// A subject of the NATS server of the configuration.
    Nats(NatsSubject),
}

/// An HTTP endpoint.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewWebHook {
    /// Its whole address.
    pub(crate) url: String,
    /// The most events of one request, 1 to 5,000; 1 when left out.
    #[serde(default)]
    pub(crate) max_events_per_batch: Option<f64>,
    /// How large a request of several events may be, 1 to 1,024 KiB; 64 when left out.
    #[serde(default)]
    pub(crate) preferred_batch_size_in_kilobytes: Option<f64>,
    /// Headers of each request, at most 10.
    #[serde(default)]
    pub(crate) headers: Vec<Header>,
}

impl std::fmt::Debug for NewWebHook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Address and headers are secrets.
        formatter.debug_struct("NewWebHook").finish_non_exhaustive()
    }
}

/// A header of each request: with a value, or with the value of a field of the event.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Header {
    /// Its name.
    pub(crate) name: String,
    /// Its value. A secret one is not shown, and may be left out to keep the one there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    /// Whether the value is never shown.
    #[serde(default)]
    pub(crate) is_secret: bool,
    /// The field of the event that has the value, such as `data.from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
}

impl std::fmt::Debug for Header {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Header").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A subject of the NATS server.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NatsSubject {
    /// The subject, such as `acs.events`.
    pub(crate) subject: String,
}

/// How often and how long a delivery shall be tried.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRetry {
    /// The most attempts, 1 to 30; 30 when left out.
    #[serde(default)]
    pub(crate) max_delivery_attempts: Option<f64>,
    /// For how long, 1 to 1,440 minutes; 1,440 when left out.
    #[serde(default)]
    pub(crate) event_time_to_live_in_minutes: Option<f64>,
}

/// How often and how long a delivery is tried.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetryReply {
    /// The most attempts.
    pub(crate) max_delivery_attempts: u32,
    /// For how many minutes.
    pub(crate) event_time_to_live_in_minutes: u32,
}

/// Where events are kept that cannot be delivered.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeadLetterContainer {
    /// 3 to 63 characters `a-z`, `0-9` and `-`.
    pub(crate) container: String,
}

/// An event subscription, without its secrets.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionReply {
    /// Its name.
    pub(crate) name: String,
    /// The system topic it was made under; absent for one of the resource itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system_topic: Option<String>,
    /// How far its making has come. It gets events from `Succeeded` on.
    pub(crate) state: Provisioning,
    /// Why its last handshake failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// Where the events go.
    pub(crate) destination: DestinationReply,
    /// Which events.
    pub(crate) filter: Filter,
    /// The envelope.
    pub(crate) schema: Schema,
    /// How often and how long a delivery is tried.
    pub(crate) retry: RetryReply,
    /// Where events are kept that cannot be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter: Option<DeadLetterContainer>,
    /// Words of the client.
    pub(crate) labels: Vec<String>,
    /// From when on nothing is delivered any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_on: Option<Timestamp>,
    /// When it was made.
    pub(crate) created_on: Timestamp,
    /// When it was changed last.
    pub(crate) last_modified_on: Timestamp,
    /// How its deliveries go; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<StatusReply>,
}

/// Where the events go.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DestinationReply {
    /// An HTTP endpoint.
    WebHook(WebHookReply),
    /// A subject of the NATS server of the configuration.
    Nats(NatsSubject),
}

/// An HTTP endpoint.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebHookReply {
    /// Its address without the query.
    pub(crate) url: String,
    /// The most events of one request.
    pub(crate) max_events_per_batch: u32,
    /// How large a request of several events may be, in KiB.
    pub(crate) preferred_batch_size_in_kilobytes: u32,
    /// Headers of each request, secret ones without their value.
    pub(crate) headers: Vec<Header>,
}

/// How the deliveries of a subscription go.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusReply {
    /// `failing` when the last attempt failed, else `healthy`; `unknown` before the first one.
    pub(crate) health: &'static str,
    /// Events that wait for another attempt.
    pub(crate) pending: u64,
    /// When the next of them is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_attempt_on: Option<Timestamp>,
    /// The newest attempt in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_attempt: Option<LastAttemptReply>,
}

/// How the newest attempt ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastAttemptReply {
    /// When it ended.
    pub(crate) at: Timestamp,
    /// How, such as `Delivered` or `TimedOut`.
    pub(crate) outcome: String,
    /// The HTTP status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u32>,
}

/// What is secret about an event subscription.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevealedSecrets {
    /// The whole address.
    pub(crate) url: String,
    /// Secret headers by name.
    pub(crate) headers: BTreeMap<String, String>,
}

impl SubscriptionReply {
    /// The subscription as it is asked to be: with the change that waits for its handshake, if one does.
    fn of(row: SubscriptionRow) -> Self {
        let SubscriptionRow { mut subscription, proposal, failure, .. } = row;
        if let Some(proposal) = proposal {
            subscription.spec = proposal.spec;
        }
        Self { failure, ..Self::of_subscription(subscription) }
    }

    fn of_subscription(subscription: Subscription) -> Self {
        let Spec { destination, filter, labels, expires, schema, retry, dead_letter } = subscription.spec;
        Self {
            name: subscription.name,
            system_topic: subscription.system_topic,
            state: subscription.state,
            failure: None,
            destination: DestinationReply::of(destination),
            filter,
            schema,
            retry: RetryReply {
                max_delivery_attempts: retry.max_delivery_attempts,
                event_time_to_live_in_minutes: retry.event_time_to_live_minutes,
            },
            dead_letter: dead_letter.map(|place| DeadLetterContainer { container: place.container }),
            labels,
            expires_on: expires,
            created_on: subscription.created,
            last_modified_on: subscription.modified,
            status: None,
        }
    }
}

impl DestinationReply {
    fn of(destination: Destination) -> Self {
        match destination {
            Destination::WebHook { base_url, max_events_per_batch, preferred_batch_size_kb, mappings } => {
                Self::WebHook(WebHookReply {
                    url: base_url,
                    max_events_per_batch,
                    preferred_batch_size_in_kilobytes: preferred_batch_size_kb,
                    headers: mappings.into_iter().map(Header::of).collect(),
                })
            }
            Destination::Nats { subject } => Self::Nats(NatsSubject { subject }),
        }
    }
}

impl Header {
    fn of(mapping: Mapping) -> Self {
        let name = mapping.name;
        match mapping.kind {
            MappingKind::Static { value, is_secret } => Self { name, value, is_secret, field: None },
            MappingKind::Dynamic { source_field } => {
                Self { name, value: None, is_secret: false, field: Some(source_field) }
            }
        }
    }

    fn into_proposed(self) -> Result<ProposedMapping, ApiError> {
        let kind = match self.field {
            Some(_) if self.value.is_some() || self.is_secret => {
                let message =
                    format!("The header '{}' has either a value or a field of the event.", self.name);
                return Err(ApiError::invalid("headers", message));
            }
            Some(source_field) => ProposedMappingKind::Dynamic { source_field },
            None => {
                ProposedMappingKind::Static { value: self.value.map(Secret::new), is_secret: self.is_secret }
            }
        };
        Ok(ProposedMapping { name: self.name, kind })
    }
}

impl NewSubscription {
    fn into_proposal(self) -> Result<Proposal, ApiError> {
        let destination = match self.destination {
            NewDestination::WebHook(hook) => ProposedDestination::WebHook {
                url: Secret::new(hook.url),
                max_events_per_batch: hook.max_events_per_batch,
                preferred_batch_size_kb: hook.preferred_batch_size_in_kilobytes,
                mappings: hook.headers.into_iter().map(Header::into_proposed).collect::<Result<_, _>>()?,
            },
            NewDestination::Nats(NatsSubject { subject }) => ProposedDestination::Nats { subject },
        };
        let place = |place: DeadLetterContainer| DeadLetterPlace {
            resource_id: String::new(),
            container: place.container,
        };
        Ok(Proposal {
            destination,
            filter: self.filter,
            labels: self.labels,
            schema: self.schema,
            max_delivery_attempts: self.retry.max_delivery_attempts,
            event_time_to_live_minutes: self.retry.event_time_to_live_in_minutes,
            dead_letter: self.dead_letter.map(place),
            expires: self.expires_on,
        })
    }
}

/// The place that path and query name.
pub(super) async fn place_of(context: &Context) -> Result<Place, ApiError> {
    let resource = context.resource_in_path("name").await?;
    Ok(place_on(&resource, context, context.query("systemTopic")))
}

fn place_on(resource: &ResourceView, context: &Context, system_topic: Option<&str>) -> Place {
    Place {
        resource: resource.id,
        resource_name: resource.name.to_string(),
        system_topic: system_topic.map(str::to_lowercase),
        name: context.path("subscription").to_owned(),
    }
}

pub(crate) async fn resource_event_subscriptions_list(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let limit = context.page_size()?;
    let after = context.continuation::<(String, String)>()?;
    let after = after.map(|(system_topic, name)| PageKey { resource, system_topic, name });
    let read = move |tx: &mut Tx<'_>| {
        rows::list_subscriptions(tx, Scope::WholeResource(resource), after.as_ref(), limit)
    };
    let found = service.store.read(read).await.map_err(EventsError::Store)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| {
        let key = last.page_key();
        (key.system_topic, key.name)
    });
    let value = found.into_iter().map(SubscriptionReply::of).collect();
    Ok(Reply::json(StatusCode::OK, &context.page(value, next.as_ref())))
}

pub(crate) async fn resource_event_subscriptions_get(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = place_of(&context).await?;
    let read = move |tx: &mut Tx<'_>| -> Result<_, EventsError> {
        let row = changes::load(tx, &place)?;
        let status = status_of(tx, row.subscription.number)?;
        Ok(SubscriptionReply { status: Some(status), ..SubscriptionReply::of(row) })
    };
    Ok(Reply::json(StatusCode::OK, &service.store.read(read).await?))
}

fn status_of(tx: &mut Tx<'_>, number: i64) -> Result<StatusReply, EventsError> {
    let arrears = rows::arrears_of(tx, number)?;
    let filter = AttemptFilter { subscriptions: vec![number], ..AttemptFilter::default() };
    let newest = rows::list_attempts(tx, &filter, 1)?.pop();
    let health = match &newest {
        None => "unknown",
        Some(attempt) if attempt.outcome == Outcome::Delivered.name() => "healthy",
        Some(_) => "failing",
    };
    Ok(StatusReply {
        health,
        pending: arrears.rows,
        next_attempt_on: arrears.next_due,
        last_attempt: newest.map(|attempt| LastAttemptReply {
            at: attempt.at,
            outcome: attempt.outcome,
            status: attempt.status,
        }),
    })
}

pub(crate) async fn resource_event_subscriptions_create_or_update(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?;
    let place = place_on(&resource, &context, None);
    rules::check_name(&place.name).map_err(EventsError::from)?;
    let asked: NewSubscription = context.json()?;
    let proposal = asked.into_proposal()?;
    let maker = Maker::of(&service, context.now);
    let write = move |tx: &mut Tx<'_>| -> Result<_, EventsError> {
        changes::put(tx, &maker, &place, proposal.clone(), &context)
    };
    let changed = service.store.write(changes::lock(), write).await?;
    Ok(Reply::json(StatusCode::CREATED, &SubscriptionReply::of_subscription(changed.subscription)))
}

pub(crate) async fn resource_event_subscriptions_delete(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = place_of(&context).await?;
    let write = move |tx: &mut Tx<'_>| -> Result<(), EventsError> {
        if changes::delete(tx, &place, &context)? {
            return Ok(());
        }
        Err(EventsError::SubscriptionNotFound(place.name.clone()))
    };
    service.store.write(changes::lock(), write).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn resource_event_subscriptions_reveal(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = place_of(&context).await?;
    let vault = service.vault.clone();
    let write = move |tx: &mut Tx<'_>| -> Result<_, EventsError> {
        let row = changes::load(tx, &place)?;
        let sealed = row.proposal.as_ref().map_or(&row.sealed, |proposal| &proposal.sealed);
        let secrets = changes::open(&vault, row.subscription.number, sealed)?;
        let target = format!("{}/{}", place.resource_name, place.name);
        context.audit(tx, &target, &json!({ "number": row.subscription.number }))?;
        Ok(secrets)
    };
    let secrets = service.store.write(changes::lock(), write).await?;
    let exposed = |(name, value): (&String, &Secret<String>)| (name.clone(), value.expose().clone());
    let revealed = RevealedSecrets {
        url: secrets.endpoint_url.expose().clone(),
        headers: secrets.headers.iter().map(exposed).collect(),
    };
    Ok(Reply::json(StatusCode::OK, &revealed))
}
