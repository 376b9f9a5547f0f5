//! `ResourceEventSubscriptions_Replay`.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkline_store::{NewJob, Tx};
use trunkline_web::{ApiError, Context, Reply, long_running};
use uuid::Uuid;

use super::subscriptions::place_of;
use super::{history, time_of};
use crate::{EventsError, EventsService, REPLAY_JOB, changes};

/// A window without an end goes as far as events do: those of this very microsecond are in it.
const PRESENT: Duration = Duration::from_micros(1);

/// Which window to send again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReplayWindow {
    /// The beginning: a time, or how long ago such as `1h`.
    pub(crate) from: String,
    /// The end, likewise; now when left out.
    #[serde(default)]
    pub(crate) to: Option<String>,
}

/// The operation that writes the window into the due rows; `operation-location` polls it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplayReply {
    /// The id of the operation. Its result has `events`: how many wait for the subscription.
    pub(crate) id: Uuid,
}

/// What the job carries; its key is the id of the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplayOrder {
    /// The subscription's number.
    pub(crate) subscription: i64,
    /// Events after this one,
    pub(crate) after: u64,
    /// up to this one.
    pub(crate) through: u64,
}

pub(crate) async fn resource_event_subscriptions_replay(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let place = place_of(&context).await?;
    let asked: ReplayWindow = context.json()?;
    let from = time_of(&asked.from, "from", context.now)?;
    let to = asked.to.as_deref().map(|text| time_of(text, "to", context.now)).transpose()?;
    let to = to.unwrap_or_else(|| context.now.plus(PRESENT));
    if from >= to {
        return Err(ApiError::invalid("from", "The beginning of the window lies before its end."));
    }
    service.reader.number_committed().await?;
    let (after, through) = (history::before(&service, from).await?, history::before(&service, to).await?);
    let id = service.entropy.uuid();
    let location = context.operation_location(&id.to_string());
    let write = move |tx: &mut Tx<'_>| -> Result<(), EventsError> {
        let row = changes::load(tx, &place)?;
        let number = row.subscription.number;
        if row.subscription.from_sequence == changes::NEVER {
            return Err(EventsError::NotActive(place.name.clone()));
        }
        let (key, resource) = (id.to_string(), place.resource.to_string());
        long_running::start(tx, &key, "replay", context.now)?;
        let order = ReplayOrder { subscription: number, after, through };
        let payload = serde_json::to_string(&order).expect("numbers are JSON");
        let job =
            NewJob { resource: &resource, kind: REPLAY_JOB, key: &key, payload: &payload, due: context.now };
        tx.schedule(&job)?;
        let target = format!("{}/{}", place.resource_name, place.name);
        let detail = json!({ "number": number, "after": after, "through": through });
        Ok(context.audit(tx, &target, &detail)?)
    };
    service.store.write(changes::lock(), write).await?;
    Ok(Reply::json(StatusCode::ACCEPTED, &ReplayReply { id }).with_operation_location(&location))
}
