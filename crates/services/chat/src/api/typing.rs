//! Typing: told to whoever is connected, and kept nowhere.

use std::sync::Arc;

use http::StatusCode;
use trunkline_chat_wire::SendTypingNotificationRequest;
use trunkline_web::{ApiError, Context, Reply};

use super::{Asked, asked};
use crate::ChatService;
use crate::error::ChatError;
use crate::notify::Typing;
use crate::rows::ThreadView;
use crate::rows::threads::milliseconds;
use crate::rules::access::{self, Wanted};
use crate::rules::names::display_name;

pub(crate) async fn chat_thread_send_typing_notification(
    service: Arc<ChatService>,
    context: Context,
) -> Result<Reply, ApiError> {
    let body: SendTypingNotificationRequest = context.json_or_default()?;
    let name = display_name(body.sender_display_name, "senderDisplayName")?;
    let Asked { resource, thread, caller } = asked(&service, &context).await?;
    let (person, raw_id) = (caller.person, caller.raw_id.to_string());
    let view: ThreadView = service
        .store
        .read(move |tx| {
            let (view, _) = access::enter(tx, resource, &thread, &caller, Wanted::Write)?;
            Ok::<_, ChatError>(view)
        })
        .await?;
    if service.tells_of_people(&view) {
        let name = if name.is_empty() { view.caller_name() } else { &name };
        let (name, at_ms) = (name.to_owned(), milliseconds(context.now));
        service.realtime.typing(&Typing { thread: view.number, person, raw_id, name, at_ms });
    }
    Ok(Reply::empty(StatusCode::OK))
}

impl ChatService {
    /// Whether a thread is small enough that its participants are told who reads and types.
    pub(crate) fn tells_of_people(&self, view: &ThreadView) -> bool {
        self.settings.receipts_max.is_none_or(|most| view.member_count <= most)
    }
}
