//! Handshakes as long-running operations that ARM's clients poll.

use std::sync::Arc;

use http::HeaderName;
use http::header::RETRY_AFTER;
use trunkline_web::management::{self, POLL_SECONDS};
use trunkline_web::{ApiError, Context, Reply};
use uuid::Uuid;

use super::place::subscription;
use crate::EventsService;
use crate::changes::KIND_PREFIX;

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
    let found = management::find_operation(&service.store, &context, KIND_PREFIX).await?;
    let path = path(subscription, &found.id);
    Ok(management::operation_status(found, path))
}
