//! Subscriptions, on a resource or on its system topic: look, create, change, delete.

use std::sync::Arc;

use http::StatusCode;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, Reply, Role};

use super::place::{Home, load, refusal};
use super::progress;
use super::types::{EventSubscriptionParameters, EventSubscriptionUpdateParameters};
use crate::EventsService;
use crate::changes::{self, Changed, Maker};
use crate::error::EventsError;

pub(crate) async fn event_subscriptions_get(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    get(&service, &context, Home::of_resource(&service, &context, Role::Reader).await?).await
}

pub(crate) async fn event_subscriptions_create_or_update(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_resource(&service, &context, Role::Contributor).await?;
    create_or_update(&service, context, home).await
}

pub(crate) async fn event_subscriptions_update(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_resource(&service, &context, Role::Contributor).await?;
    update(&service, context, home).await
}

pub(crate) async fn event_subscriptions_delete(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_resource(&service, &context, Role::Contributor).await?;
    delete(&service, context, home).await
}

pub(crate) async fn system_topic_event_subscriptions_get(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    get(&service, &context, Home::of_system_topic(&service, &context, Role::Reader).await?).await
}

pub(crate) async fn system_topic_event_subscriptions_create_or_update(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Contributor).await?;
    create_or_update(&service, context, home).await
}

pub(crate) async fn system_topic_event_subscriptions_update(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Contributor).await?;
    update(&service, context, home).await
}

pub(crate) async fn system_topic_event_subscriptions_delete(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let home = Home::of_system_topic(&service, &context, Role::Contributor).await?;
    delete(&service, context, home).await
}

async fn get(service: &EventsService, context: &Context, home: Home) -> Result<Reply, ApiError> {
    let place = home.place(context)?;
    let found = service.store.read(move |tx| load(tx, &home, &place)).await.map_err(refusal)?;
    Ok(Reply::json(StatusCode::OK, &found))
}

async fn create_or_update(service: &EventsService, context: Context, home: Home) -> Result<Reply, ApiError> {
    let place = home.place(&context)?;
    let asked: EventSubscriptionParameters = context.json()?;
    let proposal = asked.properties.unwrap_or_default().into_proposal().map_err(refusal)?;
    let (maker, context) = (Maker::of(service, context.now), Arc::new(context));
    let (asking, wanted) = (Arc::clone(&context), home.clone());
    let task = move |tx: &mut Tx<'_>| -> Result<Changed, EventsError> {
        wanted.check(tx)?;
        changes::put(tx, &maker, &place, proposal.clone(), &asking)
    };
    let changed = service.store.write(changes::lock(), task).await.map_err(refusal)?;
    Ok(reply(&context, &home, changed))
}

async fn update(service: &EventsService, context: Context, home: Home) -> Result<Reply, ApiError> {
    let place = home.place(&context)?;
    let asked: EventSubscriptionUpdateParameters = context.json()?;
    let (maker, context) = (Maker::of(service, context.now), Arc::new(context));
    let (asking, wanted) = (Arc::clone(&context), home.clone());
    let task = move |tx: &mut Tx<'_>| -> Result<Changed, EventsError> {
        wanted.check(tx)?;
        let asked = asked.clone();
        changes::patch(tx, &maker, &place, |before| asked.apply(before), &asking)
    };
    let changed = service.store.write(changes::lock(), task).await.map_err(refusal)?;
    Ok(reply(&context, &home, changed))
}

/// 201 also for what was there before: one of the SDKs takes nothing else.
fn reply(context: &Context, home: &Home, changed: Changed) -> Reply {
    let reply = Reply::json(StatusCode::CREATED, &home.show(changed.subscription));
    match changed.operation {
        Some(operation) => progress::with_status(reply, context, home.subscription(), operation),
        None => reply,
    }
}

async fn delete(service: &EventsService, context: Context, home: Home) -> Result<Reply, ApiError> {
    let place = home.place(&context)?;
    let task = move |tx: &mut Tx<'_>| changes::delete(tx, &place, &context);
    let was_there = service.store.write(changes::lock(), task).await.map_err(refusal)?;
    Ok(Reply::empty(if was_there { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}
