//! `Deliveries_List`: the log of requests to endpoints.

use std::collections::HashMap;
use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use trunkline_delivery::Outcome;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::{history, number_in_query, time_in_query};
use crate::envelope::event_id;
use crate::rows::{self, AttemptFilter, LoggedAttempt, Scope};
use crate::{EventsError, EventsService};

/// Ids shown of one request; one has at most 5,000 events.
const EVENT_IDS_MAX: usize = 100;

/// More subscriptions than a resource may have.
const SUBSCRIPTIONS_MAX: u32 = 10_000;

/// One request to an endpoint.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    /// Rises with time.
    pub(crate) id: i64,
    /// The subscription's name.
    pub(crate) subscription: String,
    /// When it ended.
    pub(crate) at: Timestamp,
    /// How it ended, such as `Delivered` or `TimedOut`.
    pub(crate) outcome: String,
    /// The HTTP status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u32>,
    /// How long it took.
    pub(crate) duration_ms: f64,
    /// Which attempt it was for its first event, from 1.
    pub(crate) attempt: u32,
    /// The ids of its events, at most 100.
    pub(crate) event_ids: Vec<Uuid>,
    /// The sequence number of its first event.
    pub(crate) sequence: u64,
    /// How many events it carried.
    pub(crate) event_count: usize,
    /// When the earliest of them is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_attempt_on: Option<Timestamp>,
    /// Whether the answer came after the time-out.
    pub(crate) is_late: bool,
    /// A word about the cause, such as `tls`; absent where the outcome says all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Delivery {
    fn new(attempt: LoggedAttempt, name: String, installation: Uuid) -> Self {
        let ids = attempt.positions.iter().take(EVENT_IDS_MAX);
        Self {
            id: attempt.id,
            subscription: name,
            at: attempt.at,
            outcome: attempt.outcome,
            status: attempt.status,
            duration_ms: f64::from(u32::try_from(attempt.took.as_micros()).unwrap_or(u32::MAX)) / 1_000.0,
            attempt: attempt.tries + 1,
            event_ids: ids.map(|position| event_id(installation, *position)).collect(),
            sequence: attempt.positions.first().map_or(0, |position| position.sequence),
            event_count: attempt.positions.len(),
            next_attempt_on: attempt.next,
            is_late: attempt.is_late,
            detail: Some(attempt.detail).filter(|detail| !detail.is_empty()),
        }
    }
}

pub(crate) async fn deliveries_list(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let resource = context.resource_in_path("name").await?.id;
    let limit = context.page_size()?;
    let after = number_in_query(&context, "after")?.map(u64::cast_signed);
    let before = context.continuation::<(i64, i64)>()?;
    let (outcome, is_failed) = outcome_in_query(&context)?;
    let mut filter = AttemptFilter {
        from: time_in_query(&context, "from")?,
        to: time_in_query(&context, "to")?,
        outcome,
        is_failed,
        after,
        before: before.map(|(at, id)| (Timestamp::from_micros(at), id)),
        ..AttemptFilter::default()
    };
    if let Some(event) = context.query("event") {
        let Some(sequence) = sequence_of(&service, resource, event).await? else {
            return Ok(Reply::json(StatusCode::OK, &context.page(Vec::<Delivery>::new(), None::<&()>)));
        };
        filter.sequence = Some(sequence);
    }
    let wanted = context.query("subscription").map(str::to_lowercase);
    let read = move |tx: &mut Tx<'_>| -> Result<_, EventsError> {
        let names = names_of(tx, resource, wanted.as_deref())?;
        let filter = AttemptFilter { subscriptions: names.keys().copied().collect(), ..filter.clone() };
        Ok((rows::list_attempts(tx, &filter, limit)?, names))
    };
    let (found, names) = service.store.read(read).await?;
    if let Some(name) = context.query("subscription").filter(|_| names.is_empty()) {
        return Err(EventsError::SubscriptionNotFound(name.to_owned()).into());
    }
    // Forward, the next page is asked for with `after`.
    let last = found.last().filter(|_| after.is_none() && found.len() == limit as usize);
    let next = last.map(|last| (last.at.as_micros(), last.id));
    let name = |attempt: &LoggedAttempt| names.get(&attempt.subscription).cloned().unwrap_or_default();
    let value = found.into_iter().map(|attempt| {
        let name = name(&attempt);
        Delivery::new(attempt, name, service.installation)
    });
    Ok(Reply::json(StatusCode::OK, &context.page(value.collect(), next.as_ref())))
}

/// A word of [`Outcome`] in any case, or `failed`.
fn outcome_in_query(context: &Context) -> Result<(Option<String>, bool), ApiError> {
    let Some(text) = context.query("outcome") else { return Ok((None, false)) };
    if text.eq_ignore_ascii_case("failed") {
        return Ok((None, true));
    }
    let known = Outcome::ALL.into_iter().find(|outcome| outcome.name().eq_ignore_ascii_case(text));
    let known = known.ok_or_else(|| {
        let names = Outcome::ALL.map(Outcome::name).join(", ");
        ApiError::invalid("outcome", format!("outcome is failed, or one of {names}."))
    })?;
    Ok((Some(known.name().to_owned()), false))
}

/// The numbers and names of the resource's subscriptions, or of those that are called `wanted`.
fn names_of(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    wanted: Option<&str>,
) -> Result<HashMap<i64, String>, EventsError> {
    let found = rows::list_subscriptions(tx, Scope::WholeResource(resource), None, SUBSCRIPTIONS_MAX)?;
    let names = found.into_iter().map(|row| (row.subscription.number, row.subscription.name));
    Ok(names.filter(|(_, name)| wanted.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted))).collect())
}

/// The sequence of an event, given as such or as an id; `None` for an event that is no longer kept.
async fn sequence_of(
    service: &EventsService,
    resource: ResourceId,
    event: &str,
) -> Result<Option<u64>, ApiError> {
    if let Ok(sequence) = event.parse::<u64>() {
        return Ok(Some(sequence).filter(|sequence| i64::try_from(*sequence).is_ok()));
    }
    let id: Uuid = event.parse().map_err(|_| {
        ApiError::invalid("event", "event is the id of an event, a GUID, or its sequence number.")
    })?;
    history::find_by_id(service, resource, id).await
}
