//! Our operations for applications with the rights of the resource, and the same for operators.
//!
//! ```text
//! /trunkline/chat/server/...            an access key, or an application with a role on the resource
//! /trunkline/resources/{name}/chat/...  an operator; what the command line needs
//! ```

use trunkline_chat_wire::server::{
    ChatErasure, ImportChatMessagesRequest, ImportChatMessagesResult, ImportChatThreadRequest,
    ImportChatThreadResult, SendServerMessageRequest, ServerMessage, ServerThread,
};
use trunkline_chat_wire::{
    AddChatParticipantsRequest, AddChatParticipantsResult, ChatMessageReadReceipt, ChatParticipant,
    CommunicationIdentifierModel, CreateChatThreadRequest, CreateChatThreadResult, SendChatMessageResult,
    UpdateChatMessageRequest,
};
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

const LOOKERS: &[Allow] = &[Allow::ResourceKey, Allow::Application(Role::Reader)];
const CHANGERS: &[Allow] = &[Allow::ResourceKey, Allow::Application(Role::Contributor)];
const READER: &[Allow] = &[Allow::Operator(Role::Reader)];
/// Whoever may issue tokens for users can read what they read; a reader may not, so what was said is not theirs to see.
const CONTRIBUTOR: &[Allow] = &[Allow::Operator(Role::Contributor)];

const THREADS: &str = "/trunkline/chat/server/threads";
const THREAD: &str = "/trunkline/chat/server/threads/{chatThreadId}";
const MESSAGES: &str = "/trunkline/chat/server/threads/{chatThreadId}/messages";
const MESSAGE: &str = "/trunkline/chat/server/threads/{chatThreadId}/messages/{chatMessageId}";
const PARTICIPANTS: &str = "/trunkline/chat/server/threads/{chatThreadId}/participants";

/// 200 messages of 28 KiB, as JSON; of larger ones a program sends fewer at once.
const IMPORT_BYTES_MAX: Option<usize> = Some(16 * 1024 * 1024);
/// 10,000 participants, each with a name.
const IMPORT_THREAD_BYTES_MAX: Option<usize> = Some(4 * 1024 * 1024);

const PARTICIPANT: QueryParameter = QueryParameter {
    name: "participant",
    kind: "string",
    description: "Only threads this user is in: a raw id.",
};
const START_TIME: QueryParameter = QueryParameter {
    name: "startTime",
    kind: "string",
    description: "Only what is not older than this date (RFC 3339).",
};

const fn look(id: &'static str, path: &'static str) -> Operation {
    Operation { service: "chat", ..Operation::own(id, Method::Get, path, LOOKERS) }
}

/// What was said is shown to those who may issue tokens for users.
const fn read(id: &'static str, path: &'static str) -> Operation {
    Operation { service: "chat", ..Operation::own(id, Method::Get, path, CHANGERS) }
}

const fn change(id: &'static str, method: Method, path: &'static str) -> Operation {
    Operation { service: "chat", ..Operation::own(id, method, path, CHANGERS) }
}

/// `ChatServer_ListThreads`.
pub(crate) static CHAT_SERVER_LIST_THREADS: Operation = Operation {
    reply: Some(schema_of::<Page<ServerThread>>),
    query: &[PARTICIPANT, MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the threads of the resource, the last made first.",
    ..look("ChatServer_ListThreads", THREADS)
};

/// `ChatServer_CreateThread`.
pub(crate) static CHAT_SERVER_CREATE_THREAD: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<CreateChatThreadRequest>),
    reply: Some(schema_of::<CreateChatThreadResult>),
    summary: "Creates a thread of the participants that are named.",
    ..change("ChatServer_CreateThread", Method::Post, THREADS)
};

/// `ChatServer_GetThread`.
pub(crate) static CHAT_SERVER_GET_THREAD: Operation = Operation {
    reply: Some(schema_of::<ServerThread>),
    summary: "Shows a thread.",
    ..look("ChatServer_GetThread", THREAD)
};

/// `ChatServer_DeleteThread`.
pub(crate) static CHAT_SERVER_DELETE_THREAD: Operation = Operation {
    success: 204,
    summary: "Deletes a thread for everybody.",
    ..change("ChatServer_DeleteThread", Method::Delete, THREAD)
};

/// `ChatServer_ListMessages`.
pub(crate) static CHAT_SERVER_LIST_MESSAGES: Operation = Operation {
    reply: Some(schema_of::<Page<ServerMessage>>),
    query: &[MAX_PAGE_SIZE, START_TIME, CONTINUATION_TOKEN],
    summary: "Lists the messages of a thread, the last changed first.",
    ..read("ChatServer_ListMessages", MESSAGES)
};

/// `ChatServer_GetMessage`.
pub(crate) static CHAT_SERVER_GET_MESSAGE: Operation = Operation {
    reply: Some(schema_of::<ServerMessage>),
    summary: "Shows a message.",
    ..read("ChatServer_GetMessage", MESSAGE)
};

/// `ChatServer_SendMessage`.
pub(crate) static CHAT_SERVER_SEND_MESSAGE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<SendServerMessageRequest>),
    reply: Some(schema_of::<SendChatMessageResult>),
    meter: Some("chat.messages"),
    summary: "Sends a message in the name of a participant.",
    ..change("ChatServer_SendMessage", Method::Post, MESSAGES)
};

/// `ChatServer_UpdateMessage`.
pub(crate) static CHAT_SERVER_UPDATE_MESSAGE: Operation = Operation {
    success: 204,
    body: RequestBody::MergePatch(schema_of::<UpdateChatMessageRequest>),
    summary: "Changes a message of anybody.",
    ..change("ChatServer_UpdateMessage", Method::Patch, MESSAGE)
};

/// `ChatServer_DeleteMessage`.
pub(crate) static CHAT_SERVER_DELETE_MESSAGE: Operation = Operation {
    success: 204,
    summary: "Deletes what a message of anybody says.",
    ..change("ChatServer_DeleteMessage", Method::Delete, MESSAGE)
};

/// `ChatServer_ListParticipants`.
pub(crate) static CHAT_SERVER_LIST_PARTICIPANTS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatParticipant>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists who takes part in a thread, in the order of joining.",
    ..look("ChatServer_ListParticipants", PARTICIPANTS)
};

/// `ChatServer_ListReadReceipts`.
pub(crate) static CHAT_SERVER_LIST_READ_RECEIPTS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatMessageReadReceipt>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists up to which message each participant has read.",
    ..look("ChatServer_ListReadReceipts", "/trunkline/chat/server/threads/{chatThreadId}/readReceipts")
};

/// `ChatServer_AddParticipants`.
pub(crate) static CHAT_SERVER_ADD_PARTICIPANTS: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<AddChatParticipantsRequest>),
    reply: Some(schema_of::<AddChatParticipantsResult>),
    summary: "Adds participants to a thread.",
    ..change(
        "ChatServer_AddParticipants",
        Method::Post,
        "/trunkline/chat/server/threads/{chatThreadId}/participants/:add",
    )
};

/// `ChatServer_RemoveParticipant`.
pub(crate) static CHAT_SERVER_REMOVE_PARTICIPANT: Operation = Operation {
    success: 204,
    body: RequestBody::Json(schema_of::<CommunicationIdentifierModel>),
    summary: "Removes a participant from a thread.",
    ..change(
        "ChatServer_RemoveParticipant",
        Method::Post,
        "/trunkline/chat/server/threads/{chatThreadId}/participants/:remove",
    )
};

/// `ChatServer_ImportThread`.
pub(crate) static CHAT_SERVER_IMPORT_THREAD: Operation = Operation {
    body: RequestBody::Json(schema_of::<ImportChatThreadRequest>),
    body_bytes_max: IMPORT_THREAD_BYTES_MAX,
    reply: Some(schema_of::<ImportChatThreadResult>),
    summary: "Begins the import of a thread with its id, times and people, or brings it in line.",
    ..change("ChatServer_ImportThread", Method::Put, "/trunkline/chat/server/import/threads/{chatThreadId}")
};

/// `ChatServer_ImportMessages`.
pub(crate) static CHAT_SERVER_IMPORT_MESSAGES: Operation = Operation {
    body: RequestBody::Json(schema_of::<ImportChatMessagesRequest>),
    body_bytes_max: IMPORT_BYTES_MAX,
    reply: Some(schema_of::<ImportChatMessagesResult>),
    summary: "Imports messages with their ids, times and senders; the last ones open the thread.",
    ..change(
        "ChatServer_ImportMessages",
        Method::Post,
        "/trunkline/chat/server/import/threads/{chatThreadId}/messages:import",
    )
};

/// `ChatServer_ErasePerson`.
pub(crate) static CHAT_SERVER_ERASE_PERSON: Operation = Operation {
    success: 202,
    reply: Some(schema_of::<ChatErasure>),
    summary: "Erases what a user said, read and was called in every thread; the identity stays.",
    ..change("ChatServer_ErasePerson", Method::Post, "/trunkline/chat/server/people/{rawId}:erase")
};

/// `ChatServer_GetErasure`.
pub(crate) static CHAT_SERVER_GET_ERASURE: Operation = Operation {
    reply: Some(schema_of::<ChatErasure>),
    summary: "Shows how far an erasure has come.",
    ..look("ChatServer_GetErasure", "/trunkline/chat/server/erasures/{erasureId}")
};

/// `ResourceChat_ListThreads`.
pub(crate) static RESOURCE_CHAT_LIST_THREADS: Operation = Operation {
    reply: Some(schema_of::<Page<ServerThread>>),
    query: &[PARTICIPANT, MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the chat threads of a resource, the last made first.",
    ..Operation::own(
        "ResourceChat_ListThreads",
        Method::Get,
        "/trunkline/resources/{name}/chat/threads",
        READER,
    )
};

/// `ResourceChat_GetThread`.
pub(crate) static RESOURCE_CHAT_GET_THREAD: Operation = Operation {
    reply: Some(schema_of::<ServerThread>),
    summary: "Shows a chat thread.",
    ..Operation::own(
        "ResourceChat_GetThread",
        Method::Get,
        "/trunkline/resources/{name}/chat/threads/{chatThreadId}",
        READER,
    )
};

/// `ResourceChat_DeleteThread`.
pub(crate) static RESOURCE_CHAT_DELETE_THREAD: Operation = Operation {
    success: 204,
    summary: "Deletes a chat thread for everybody.",
    ..Operation::own(
        "ResourceChat_DeleteThread",
        Method::Delete,
        "/trunkline/resources/{name}/chat/threads/{chatThreadId}",
        CONTRIBUTOR,
    )
};

/// `ResourceChat_ListParticipants`.
pub(crate) static RESOURCE_CHAT_LIST_PARTICIPANTS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatParticipant>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists who takes part in a chat thread, in the order of joining.",
    ..Operation::own(
        "ResourceChat_ListParticipants",
        Method::Get,
        "/trunkline/resources/{name}/chat/threads/{chatThreadId}/participants",
        READER,
    )
};

/// `ResourceChat_ListReadReceipts`.
pub(crate) static RESOURCE_CHAT_LIST_READ_RECEIPTS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatMessageReadReceipt>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists up to which message each participant of a chat thread has read.",
    ..Operation::own(
        "ResourceChat_ListReadReceipts",
        Method::Get,
        "/trunkline/resources/{name}/chat/threads/{chatThreadId}/readReceipts",
        READER,
    )
};

/// `ResourceChat_ListMessages`.
pub(crate) static RESOURCE_CHAT_LIST_MESSAGES: Operation = Operation {
    reply: Some(schema_of::<Page<ServerMessage>>),
    query: &[MAX_PAGE_SIZE, START_TIME, CONTINUATION_TOKEN],
    summary: "Lists the messages of a chat thread, the last changed first.",
    ..Operation::own(
        "ResourceChat_ListMessages",
        Method::Get,
        "/trunkline/resources/{name}/chat/threads/{chatThreadId}/messages",
        CONTRIBUTOR,
    )
};

/// `ResourceChat_DeleteMessage`.
pub(crate) static RESOURCE_CHAT_DELETE_MESSAGE: Operation = Operation {
    success: 204,
    summary: "Deletes what a chat message says.",
    ..Operation::own(
        "ResourceChat_DeleteMessage",
        Method::Delete,
        "/trunkline/resources/{name}/chat/threads/{chatThreadId}/messages/{chatMessageId}",
        CONTRIBUTOR,
    )
};

/// `ResourceChat_ImportThread`.
pub(crate) static RESOURCE_CHAT_IMPORT_THREAD: Operation = Operation {
    body: RequestBody::Json(schema_of::<ImportChatThreadRequest>),
    body_bytes_max: IMPORT_THREAD_BYTES_MAX,
    reply: Some(schema_of::<ImportChatThreadResult>),
    summary: "Begins the import of a chat thread with its id, times and people, or brings it in line.",
    ..Operation::own(
        "ResourceChat_ImportThread",
        Method::Put,
        "/trunkline/resources/{name}/chat/import/threads/{chatThreadId}",
        CONTRIBUTOR,
    )
};

/// `ResourceChat_ImportMessages`.
pub(crate) static RESOURCE_CHAT_IMPORT_MESSAGES: Operation = Operation {
    body: RequestBody::Json(schema_of::<ImportChatMessagesRequest>),
    body_bytes_max: IMPORT_BYTES_MAX,
    reply: Some(schema_of::<ImportChatMessagesResult>),
    summary: "Imports chat messages with their ids, times and senders; the last ones open the thread.",
    ..Operation::own(
        "ResourceChat_ImportMessages",
        Method::Post,
        "/trunkline/resources/{name}/chat/import/threads/{chatThreadId}/messages:import",
        CONTRIBUTOR,
    )
};

/// Those for applications, in the order of the routes.
pub(crate) const APPLICATIONS: &[&Operation] = &[
    &CHAT_SERVER_LIST_THREADS,
    &CHAT_SERVER_CREATE_THREAD,
    &CHAT_SERVER_GET_THREAD,
    &CHAT_SERVER_DELETE_THREAD,
    &CHAT_SERVER_LIST_MESSAGES,
    &CHAT_SERVER_GET_MESSAGE,
    &CHAT_SERVER_SEND_MESSAGE,
    &CHAT_SERVER_UPDATE_MESSAGE,
    &CHAT_SERVER_DELETE_MESSAGE,
    &CHAT_SERVER_LIST_PARTICIPANTS,
    &CHAT_SERVER_LIST_READ_RECEIPTS,
    &CHAT_SERVER_ADD_PARTICIPANTS,
    &CHAT_SERVER_REMOVE_PARTICIPANT,
    &CHAT_SERVER_IMPORT_THREAD,
    &CHAT_SERVER_IMPORT_MESSAGES,
    &CHAT_SERVER_ERASE_PERSON,
    &CHAT_SERVER_GET_ERASURE,
];

/// Those for operators, in the order of the routes.
pub(crate) const OPERATORS: &[&Operation] = &[
    &RESOURCE_CHAT_LIST_THREADS,
    &RESOURCE_CHAT_GET_THREAD,
    &RESOURCE_CHAT_DELETE_THREAD,
    &RESOURCE_CHAT_LIST_PARTICIPANTS,
    &RESOURCE_CHAT_LIST_READ_RECEIPTS,
    &RESOURCE_CHAT_LIST_MESSAGES,
    &RESOURCE_CHAT_DELETE_MESSAGE,
    &RESOURCE_CHAT_IMPORT_THREAD,
    &RESOURCE_CHAT_IMPORT_MESSAGES,
];
