//! Long-running operations as ARM's clients poll them.

use std::sync::Arc;

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};
use trunkline_kernel::Timestamp;
use trunkline_store::{StoreError, Tx};
use trunkline_web::long_running::{self, Status};
use trunkline_web::management::{self, POLL_SECONDS};
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::place;
use crate::Resources;

/// Kinds of operations that are polled here begin so; a backup is nobody's business in ARM.
const KIND_PREFIX: &str = "arm.";

/// Accepts an operation that runs on.
pub(crate) fn start(tx: &mut Tx<'_>, id: Uuid, what: &str, now: Timestamp) -> Result<(), StoreError> {
    long_running::start(tx, &id.to_string(), &format!("{KIND_PREFIX}{what}"), now)
}

/// Ends an operation well.
pub(crate) fn succeed(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), StoreError> {
    long_running::finish(tx, id, &Ok::<Value, _>(json!({})), now)
}

/// Accepts an operation that is done with this very transaction.
pub(crate) fn start_done(tx: &mut Tx<'_>, id: Uuid, what: &str, now: Timestamp) -> Result<(), StoreError> {
    start(tx, id, what, now)?;
    succeed(tx, &id.to_string(), now)
}

fn provider_path(subscription: Uuid, collection: &str, id: impl std::fmt::Display) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.Communication/locations/global/{collection}/{id}"
    )
}

fn address(context: &Context, path: &str) -> String {
    format!("{}{path}?api-version={}", context.origin(), context.version)
}

/// Says where an operation of `Microsoft.Communication` is polled.
pub(crate) fn with_status(reply: Reply, context: &Context, subscription: Uuid, id: Uuid) -> Reply {
    let status = address(context, &provider_path(subscription, "operationStatuses", id));
    reply
        .with_header(HeaderName::from_static("azure-asyncoperation"), &status)
        .with_header(RETRY_AFTER, POLL_SECONDS)
}

/// Says where the outcome of an operation of `Microsoft.Communication` will be.
pub(crate) fn with_result(reply: Reply, context: &Context, subscription: Uuid, id: Uuid) -> Reply {
    let result = address(context, &provider_path(subscription, "operationResults", id));
    reply.with_header(LOCATION, &result)
}

/// Says where the outcome of an operation of ARM itself will be.
pub(crate) fn with_subscription_result(
    reply: Reply,
    context: &Context,
    subscription: Uuid,
    id: &str,
) -> Reply {
    let result = address(context, &format!("/subscriptions/{subscription}/operationresults/{id}"));
    reply.with_header(LOCATION, &result).with_header(RETRY_AFTER, POLL_SECONDS)
}

async fn load(service: &Resources, context: &Context) -> Result<long_running::OperationStatus, ApiError> {
    management::find_operation(&service.store, context, KIND_PREFIX).await
}

pub(crate) async fn operation_statuses_get(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = place::subscription(&service, &context).await?;
    let found = load(&service, &context).await?;
    let path = provider_path(subscription, "operationStatuses", &found.id);
    Ok(management::operation_status(found, path))
}

pub(crate) async fn operation_results_get(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = place::subscription(&service, &context).await?;
    let found = load(&service, &context).await?;
    let path = provider_path(subscription, "operationResults", &found.id);
    result(&context, &path, found)
}

pub(crate) async fn operation_results_get_in_subscription(
    service: Arc<Resources>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = place::subscription(&service, &context).await?;
    let found = load(&service, &context).await?;
    let path = format!("/subscriptions/{subscription}/operationresults/{}", found.id);
    result(&context, &path, found)
}

fn result(context: &Context, path: &str, found: long_running::OperationStatus) -> Result<Reply, ApiError> {
    match found.status {
        Status::NotStarted | Status::Running => Ok(Reply::empty(StatusCode::ACCEPTED)
            .with_header(LOCATION, &address(context, path))
            .with_header(RETRY_AFTER, POLL_SECONDS)),
        Status::Succeeded => Ok(Reply::empty(StatusCode::NO_CONTENT)),
        Status::Failed => {
            let message = found.error.map_or_else(String::new, |error| error.message);
            Err(ApiError::new(StatusCode::CONFLICT, "OperationFailed", message))
        }
    }
}
