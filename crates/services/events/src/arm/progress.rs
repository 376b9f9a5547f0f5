//! Handshakes as long-running operations that ARM's clients poll.

use std::sync::Arc;

use http::header::RETRY_AFTER;
use http::{HeaderName, StatusCode};
use trunkline_web::long_running::{self, Status};
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::place::subscription;
use super::types::{OperationError, OperationStatus};
use crate::EventsService;
use crate::changes::KIND_PREFIX;

/// Seconds between two polls; the clients wait 30 without it.
const POLL_SECONDS: &str = "1";

fn path(subscription: Uuid, id: impl std::fmt::Display) -> String {
    format!(
        "/subscriptions/{subscription}/providers/Microsoft.EventGrid/locations/global/operationsStatus/{id}"
    )
}

/// Says where an operation is polled.
pub(super) fn with_status(reply: Reply, context: &Context, subscription: Uuid, id: Uuid) -> Reply {
    let address = format!("{}{}?api-version={}", context.origin(), path(subscription, id), context.version);
    reply
        .with_header(HeaderName::from_static("azure-asyncoperation"), &address)
        .with_header(RETRY_AFTER, POLL_SECONDS)
}

pub(crate) async fn operations_status_get(
    service: Arc<EventsService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let subscription = subscription(&service, &context).await?;
    let wanted = context.path("operationId").to_ascii_lowercase();
    let found: Option<long_running::OperationStatus> =
        service.store.read(move |tx| long_running::find(tx, &wanted)).await.map_err(ApiError::from)?;
    let found = found.filter(|found| found.kind.starts_with(KIND_PREFIX)).ok_or_else(|| {
        let message = "There is no such operation; it may have ended more than a week ago.";
        ApiError::new(StatusCode::NOT_FOUND, "OperationNotFound", message).with_target("operationId")
    })?;
    let (status, is_over) = match found.status {
        Status::NotStarted | Status::Running => ("InProgress", false),
        Status::Succeeded => ("Succeeded", true),
        Status::Failed => ("Failed", true),
    };
    let shown = OperationStatus {
        id: path(subscription, &found.id),
        name: found.id,
        status,
        start_time: found.created_on,
        end_time: is_over.then_some(found.last_updated_on),
        error: found.error.map(|error| OperationError { code: error.code, message: error.message }),
    };
    let reply = Reply::json(StatusCode::OK, &shown);
    Ok(if is_over { reply } else { reply.with_header(RETRY_AFTER, POLL_SECONDS) })
}
