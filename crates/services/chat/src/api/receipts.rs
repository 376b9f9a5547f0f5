//! Read receipts.

use std::sync::Arc;

use http::StatusCode;
use trunkline_chat_wire::SendReadReceiptRequest;
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked};
use crate::ChatService;
use crate::changes::{self, Committed};
use crate::error::ChatError;
use crate::rules::access::{self, Wanted};
use crate::rules::messages;
use crate::rules::threads::key;

pub(crate) async fn chat_thread_send_chat_read_receipt(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: SendReadReceiptRequest = context.json()?;
    let id = messages::message_id(&body.chat_message_id).ok_or(ChatError::MessageNotFound)?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let within = Arc::clone(&service);
    let committed: Option<Committed> = service
        .store
        .write(key(resource, &thread), move |tx| -> Result<_, ChatError> {
            let (mut view, window) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            let message = access::load_message(tx, &view, &window, id)?;
            if !within.tells_of_people(&view) {
                return Ok(None);
            }
            changes::send_receipt(tx, &mut view, &caller, &message, context.now)
        })
        .await?;
    service.realtime.committed(committed.into_iter().collect());
    Ok(Reply::empty(StatusCode::OK))
}
