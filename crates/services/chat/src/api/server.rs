//! What applications with the rights of the resource do in any thread: moderation, import, erasure. Operators do the
//! same through routes of their own.

pub(crate) mod erasure;
pub(crate) mod import;
pub(crate) mod messages;
pub(crate) mod participants;
pub(crate) mod threads;

use std::sync::Arc;

use trunkline_kernel::ResourceId;
use trunkline_store::Tx;
use trunkline_web::{ApiError, Context, ResourceView, Routes};

use crate::error::ChatError;
use crate::operations::server as operation;
use crate::rows::ThreadView;
use crate::rules::access::{self, Caller, Wanted, Window};
use crate::rules::threads::check_id;
use crate::{ChatService, convert};

pub(crate) fn routes(service: &Arc<ChatService>) -> Routes {
    applications(service).join(operators(service))
}

fn applications(service: &Arc<ChatService>) -> Routes {
    Routes::new()
        .add(&operation::CHAT_SERVER_LIST_THREADS, service, threads::chat_server_list_threads)
        .add(&operation::CHAT_SERVER_CREATE_THREAD, service, threads::chat_server_create_thread)
        .add(&operation::CHAT_SERVER_GET_THREAD, service, threads::chat_server_get_thread)
        .add(&operation::CHAT_SERVER_DELETE_THREAD, service, threads::chat_server_delete_thread)
        .add(&operation::CHAT_SERVER_LIST_MESSAGES, service, messages::chat_server_list_messages)
        .add(&operation::CHAT_SERVER_GET_MESSAGE, service, messages::chat_server_get_message)
        .add(&operation::CHAT_SERVER_SEND_MESSAGE, service, messages::chat_server_send_message)
        .add(&operation::CHAT_SERVER_UPDATE_MESSAGE, service, messages::chat_server_update_message)
        .add(&operation::CHAT_SERVER_DELETE_MESSAGE, service, messages::chat_server_delete_message)
        .add(&operation::CHAT_SERVER_LIST_PARTICIPANTS, service, participants::chat_server_list_participants)
        .add(
            &operation::CHAT_SERVER_LIST_READ_RECEIPTS,
            service,
            participants::chat_server_list_read_receipts,
        )
        .add(&operation::CHAT_SERVER_ADD_PARTICIPANTS, service, participants::chat_server_add_participants)
        .add(
            &operation::CHAT_SERVER_REMOVE_PARTICIPANT,
            service,
            participants::chat_server_remove_participant,
        )
        .add(&operation::CHAT_SERVER_IMPORT_THREAD, service, import::chat_server_import_thread)
        .add(&operation::CHAT_SERVER_IMPORT_MESSAGES, service, import::chat_server_import_messages)
        .add(&operation::CHAT_SERVER_ERASE_PERSON, service, erasure::chat_server_erase_person)
        .add(&operation::CHAT_SERVER_GET_ERASURE, service, erasure::chat_server_get_erasure)
}

fn operators(service: &Arc<ChatService>) -> Routes {
    Routes::new()
        .add(&operation::RESOURCE_CHAT_LIST_THREADS, service, threads::chat_server_list_threads)
        .add(&operation::RESOURCE_CHAT_GET_THREAD, service, threads::chat_server_get_thread)
        .add(&operation::RESOURCE_CHAT_DELETE_THREAD, service, threads::chat_server_delete_thread)
        .add(
            &operation::RESOURCE_CHAT_LIST_PARTICIPANTS,
            service,
            participants::chat_server_list_participants,
        )
        .add(
            &operation::RESOURCE_CHAT_LIST_READ_RECEIPTS,
            service,
            participants::chat_server_list_read_receipts,
        )
        .add(&operation::RESOURCE_CHAT_LIST_MESSAGES, service, messages::chat_server_list_messages)
        .add(&operation::RESOURCE_CHAT_DELETE_MESSAGE, service, messages::chat_server_delete_message)
        .add(&operation::RESOURCE_CHAT_IMPORT_THREAD, service, import::chat_server_import_thread)
        .add(&operation::RESOURCE_CHAT_IMPORT_MESSAGES, service, import::chat_server_import_messages)
}

/// The resource a request is about: that of its host, or for operators the one in the path.
async fn resource(context: &Context) -> Result<Arc<ResourceView>, ApiError> {
    if context.operation.operator_role().is_some() {
        return context.resource_in_path("name").await;
    }
    Ok(Arc::clone(context.resource()))
}

/// A thread of the resource, and who acts there.
#[derive(Clone)]
struct Served {
    resource: ResourceId,
    thread: Arc<str>,
    caller: Caller,
    /// The absolute address of the thread for its participants.
    url: String,
}

/// The thread that the path names. Nothing is looked up in it yet.
///
/// **Errors**: 404 for a text that is no thread's id.
async fn served(service: &ChatService, context: &Context) -> Result<Served, ApiError> {
    let thread: Arc<str> = context.path("chatThreadId").into();
    check_id(&thread)?;
    let view = resource(context).await?;
    let caller = service.server_caller(view.id).await?;
    let url = format!("{}{}", view.origin, convert::thread_path(&thread));
    Ok(Served { resource: view.id, thread, caller, url })
}

impl Served {
    /// The thread, to look at.
    ///
    /// **Errors**: no such thread; the store's.
    fn enter(&self, tx: &mut Tx<'_>) -> Result<(ThreadView, Window), ChatError> {
        access::enter(tx, self.resource, &self.thread, &self.caller, Wanted::Manage)
    }

    /// The thread, to change something in it.
    ///
    /// **Errors**: no such thread; one that is being imported; the store's.
    fn enter_to_change(&self, tx: &mut Tx<'_>) -> Result<(ThreadView, Window), ChatError> {
        let (view, window) = self.enter(tx)?;
        if view.is_importing {
            return Err(ChatError::ThreadImporting);
        }
        Ok((view, window))
    }
}
