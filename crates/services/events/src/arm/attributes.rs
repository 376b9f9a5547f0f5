//! What only whoever may change a subscription sees: its whole address, and its headers.

use std::sync::Arc;

use http::StatusCode;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply, Role};

use super::place::{Home, refusal};
use super::types::{DeliveryAttributeListResult, EventSubscriptionFullUrl};
use super::wire;
use crate::EventsService;
use crate::changes;
use crate::error::EventsError;

pub(crate) async fn event_subscriptions_get_full_url(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_resource(&service, &context, Role::Contributor).await?;
    full_url(&service, &context, home).await
}

pub(crate) async fn event_subscriptions_get_delivery_attributes(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_resource(&service, &context, Role::Contributor).await?;
    delivery_attributes(&service, &context, home).await
}

pub(crate) async fn system_topic_event_subscriptions_get_full_url(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Contributor).await?;
    full_url(&service, &context, home).await
}

pub(crate) async fn system_topic_event_subscriptions_get_delivery_attributes(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Contributor).await?;
    delivery_attributes(&service, &context, home).await
}

async fn full_url(service: &EventsService, context: &Context, home: Home) -> Result<Reply, ApiError> {
    let (place, vault) = (home.place(context)?, service.vault.clone());
    let task = move |tx: &mut Tx<'_>| -> Result<String, EventsError> {
        let found = changes::load(tx, &place)?;
        let secrets = changes::open(&vault, found.subscription.number, &found.sealed)?;
        Ok(secrets.endpoint_url.expose().clone())
    };
    let endpoint_url = service.store.read(task).await.map_err(refusal)?;
    if endpoint_url.is_empty() {
        let message = "the event subscription goes to a NATS subject and has no endpointUrl".to_owned();
        return Err(refusal(EventsError::Invalid("eventSubscriptionName", message)));
    }
    Ok(Reply::json(StatusCode::OK, &EventSubscriptionFullUrl { endpoint_url }))
}

async fn delivery_attributes(
    service: &EventsService,
    context: &Context,
    home: Home,
) -> Result<Reply, ApiError> {
    let place = home.place(context)?;
    let found = service.store.read(move |tx| changes::load(tx, &place)).await.map_err(refusal)?;
    let value = wire::attributes(found.subscription.spec.destination.mappings().to_vec());
    Ok(Reply::json(StatusCode::OK, &DeliveryAttributeListResult { value }))
}
