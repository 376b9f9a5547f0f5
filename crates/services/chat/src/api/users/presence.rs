//! Who is there, of the people the caller has a thread with.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use trunkline_chat_wire::users::{GetPresenceRequest, GetPresenceResult};
use trunkline_web::{ApiError, Context, Reply};

use crate::api::caller;
use crate::error::ChatError;
use crate::rows::presence::{PresenceRow, list_presence};
use crate::{ChatService, convert};

/// People asked about at once: a screen full of names.
const PEOPLE_MAX: usize = 100;
/// A connected client is noted every 30 s; whoever was not three times in a row left with a node that died.
const ONLINE_FOR: Duration = Duration::from_secs(90);

pub(super) async fn chat_users_get_presence(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: GetPresenceRequest = context.json()?;
    if body.identifiers.len() > PEOPLE_MAX {
        let message = format!("At most {PEOPLE_MAX} people can be asked about at once.");
        return Err(ApiError::invalid("identifiers", message));
    }
    let mut raw_ids = Vec::with_capacity(body.identifiers.len());
    for identifier in &body.identifiers {
        let identifier = identifier.to_identifier();
        let identifier = identifier.map_err(|cause| ApiError::invalid("identifiers", cause.as_text()))?;
        raw_ids.push(identifier.raw_id());
    }
    let person = caller(&service, &context).await?.person;
    let (resource, online_since) = (context.resource().id, context.now.minus(ONLINE_FOR));
    let asked = raw_ids.clone();
    let mut found: Vec<PresenceRow> = service
        .store
        .read(move |tx| Ok::<_, ChatError>(list_presence(tx, resource, person, &asked, online_since)?))
        .await?;
    found.sort_by_key(|row| raw_ids.iter().position(|raw_id| *raw_id == row.raw_id));
    let value = found.iter().map(convert::users::presence).collect();
    Ok(Reply::json(StatusCode::OK, &GetPresenceResult { value }))
}
