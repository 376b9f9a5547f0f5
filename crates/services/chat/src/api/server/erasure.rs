//! Erasure of a person who keeps their identity.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;
use trunkline_chat_wire::Date;
use trunkline_chat_wire::server::{ChatErasure, ErasureStatus};
use trunkline_kernel::identifier::Identifier;
use trunkline_store::Key;
use trunkline_web::{ApiError, Context, Reply};

use super::resource;
use crate::ChatService;
use crate::deletion::ask_for_erasure;
use crate::error::ChatError;
use crate::rows::erasures::{ErasureRow, find_erasure};

/// What stands between the kind of an erasure and its number, inside and in addresses.
const INSIDE: &str = "/";
const OUTSIDE: &str = "-";

pub(crate) async fn chat_server_erase_person(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let raw_id = context.path("rawId").to_owned();
    if raw_id.len() > Identifier::RAW_ID_BYTES_MAX {
        return Err(ChatError::PersonNotFound.into());
    }
    let resource = resource(&context).await?.id;
    let person = raw_id.clone();
    let key = Key::new(resource, format!("person/{raw_id}"));
    let row: ErasureRow = service
        .store
        .write(key, move |tx| -> Result<_, ChatError> {
            let id = ask_for_erasure(tx, resource, &raw_id, context.now, context.now)?
                .ok_or(ChatError::PersonNotFound)?;
            context.audit(tx, &raw_id, &json!({ "erasure": outside(&id) }))?;
            find_erasure(tx, resource, &id)?.ok_or(ChatError::ErasureNotFound)
        })
        .await?;
    // What clients have not been told yet must not reach them any more.
    service.disconnect_user(resource, &person);
    Ok(Reply::json(StatusCode::ACCEPTED, &shown(&row)))
}

pub(crate) async fn chat_server_get_erasure(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let id = context.path("erasureId").replacen(OUTSIDE, INSIDE, 1);
    let resource = resource(&context).await?.id;
    let row: ErasureRow = service
        .store
        .read(move |tx| find_erasure(tx, resource, &id)?.ok_or(ChatError::ErasureNotFound))
        .await?;
    Ok(Reply::json(StatusCode::OK, &shown(&row)))
}

fn outside(id: &str) -> String {
    id.replacen(INSIDE, OUTSIDE, 1)
}

fn shown(row: &ErasureRow) -> ChatErasure {
    ChatErasure {
        id: outside(&row.id),
        what: row.what.clone(),
        status: if row.done_at.is_some() { ErasureStatus::Done } else { ErasureStatus::Running },
        asked_on: Date(row.asked_at),
        rows_erased_on: row.rows_done_at.map(Date),
        done_on: row.done_at.map(Date),
    }
}
