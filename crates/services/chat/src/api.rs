//! HTTP: one handler per operation.
//!
//! ```text
//! parse and check ── enter the thread and change it, one transaction ── tell whoever is connected ── reply
//! ```

pub(crate) mod images;
pub(crate) mod listing;
pub(crate) mod messages;
pub(crate) mod participants;
pub(crate) mod properties;
pub(crate) mod realtime;
pub(crate) mod receipts;
mod server;
pub(crate) mod threads;
pub(crate) mod typing;
mod users;

use std::sync::Arc;

use trunkline_kernel::ResourceId;
use trunkline_web::{ApiError, Context, Principal, Routes};

use crate::ChatService;
use crate::error::ChatError;
use crate::operations;
use crate::rules::access::Caller;
use crate::rules::threads::check_id;

pub(crate) fn routes(service: &Arc<ChatService>) -> Routes {
    published(service)
        .join(image_routes(service))
        .join(users::routes(service))
        .join(server::routes(service))
        .join(realtime::routes(service))
}

fn published(service: &Arc<ChatService>) -> Routes {
    use operations::published as operation;
    Routes::new()
        .add(&operation::CHAT_CREATE_CHAT_THREAD, service, threads::chat_create_chat_thread)
        .add(&operation::CHAT_LIST_CHAT_THREADS, service, listing::chat_list_chat_threads)
        .add(&operation::CHAT_DELETE_CHAT_THREAD, service, threads::chat_delete_chat_thread)
        .add(
            &operation::CHAT_THREAD_GET_CHAT_THREAD_PROPERTIES,
            service,
            properties::chat_thread_get_chat_thread_properties,
        )
        .add(
            &operation::CHAT_THREAD_UPDATE_CHAT_THREAD_PROPERTIES,
            service,
            properties::chat_thread_update_chat_thread_properties,
        )
        .add(&operation::CHAT_THREAD_SEND_CHAT_MESSAGE, service, messages::chat_thread_send_chat_message)
        .add(&operation::CHAT_THREAD_LIST_CHAT_MESSAGES, service, listing::chat_thread_list_chat_messages)
        .add(&operation::CHAT_THREAD_GET_CHAT_MESSAGE, service, messages::chat_thread_get_chat_message)
        .add(&operation::CHAT_THREAD_UPDATE_CHAT_MESSAGE, service, messages::chat_thread_update_chat_message)
        .add(&operation::CHAT_THREAD_DELETE_CHAT_MESSAGE, service, messages::chat_thread_delete_chat_message)
        .add(
            &operation::CHAT_THREAD_LIST_CHAT_READ_RECEIPTS,
            service,
            listing::chat_thread_list_chat_read_receipts,
        )
        .add(
            &operation::CHAT_THREAD_SEND_CHAT_READ_RECEIPT,
            service,
            receipts::chat_thread_send_chat_read_receipt,
        )
        .add(
            &operation::CHAT_THREAD_LIST_CHAT_PARTICIPANTS,
            service,
            listing::chat_thread_list_chat_participants,
        )
        .add(
            &operation::CHAT_THREAD_ADD_CHAT_PARTICIPANTS,
            service,
            participants::chat_thread_add_chat_participants,
        )
        .add(
            &operation::CHAT_THREAD_REMOVE_CHAT_PARTICIPANT,
            service,
            participants::chat_thread_remove_chat_participant,
        )
        .add(
            &operation::CHAT_THREAD_SEND_TYPING_NOTIFICATION,
            service,
            typing::chat_thread_send_typing_notification,
        )
}

fn image_routes(service: &Arc<ChatService>) -> Routes {
    use operations::images as operation;
    Routes::new()
        .add(&operation::CHAT_THREAD_UPLOAD_CHAT_IMAGE, service, images::chat_thread_upload_chat_image)
        .add(&operation::CHAT_THREAD_GET_CHAT_IMAGE, service, images::chat_thread_get_chat_image)
        .add(&operation::CHAT_THREAD_GET_CHAT_IMAGE_BY_VIEWS, service, images::chat_thread_get_chat_image)
        .add(&operation::CHAT_THREAD_DELETE_CHAT_IMAGE, service, images::chat_thread_delete_chat_image)
}

/// The thread of a request and who wants something there.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) resource: ResourceId,
    pub(crate) thread: Arc<str>,
    pub(crate) caller: Caller,
}

/// The thread that the path names, and the user who calls. Nothing is looked up in the thread yet.
///
/// **Errors**: 404 for a text that is no thread's id; 403 for a caller who is no user.
pub(crate) async fn asked(service: &ChatService, context: &Context) -> Result<Asked, ApiError> {
    let thread: Arc<str> = context.path("chatThreadId").into();
    check_id(&thread)?;
    Ok(Asked { resource: context.resource().id, thread, caller: caller(service, context).await? })
}

/// The user who calls.
pub(crate) async fn caller(service: &ChatService, context: &Context) -> Result<Caller, ApiError> {
    let Principal::User { raw_id, .. } = &context.principal else {
        return Err(ApiError::forbidden("Only a user can do this."));
    };
    Ok(service.caller(context.resource().id, raw_id).await?)
}

/// The message that the path names.
///
/// **Errors**: no message has such an id.
pub(crate) fn message_id(context: &Context) -> Result<i64, ChatError> {
    crate::rules::messages::message_id(context.path("chatMessageId")).ok_or(ChatError::MessageNotFound)
}
