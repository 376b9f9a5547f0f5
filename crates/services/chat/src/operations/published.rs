//! The published operations on threads, participants, messages, receipts and typing.
//!
//! Limits are those ACS publishes, for each user, thread, or both; they apply in its set of limits only.

use trunkline_chat_wire::{
    AddChatParticipantsRequest, AddChatParticipantsResult, ChatMessage, ChatMessageReadReceipt,
    ChatParticipant, ChatThreadItem, ChatThreadProperties, CommunicationIdentifierModel,
    CreateChatThreadRequest, CreateChatThreadResult, SendChatMessageRequest, SendChatMessageResult,
    SendReadReceiptRequest, SendTypingNotificationRequest, UpdateChatMessageRequest, UpdateChatThreadRequest,
};
use trunkline_kernel::limits::{NamedLimit, RequestRate};
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RateScope, RequestBody, ScopedRate};

/// The api-versions, oldest first.
const VERSIONS: &[&str] = &["2021-09-07", "2024-03-07", "2024-06-05-preview", "2025-03-15"];

/// The scopes of a token that may make and delete threads.
const OWNERS: &[Allow] = &[Allow::User(&["chat"])];
/// Those that may change who takes part.
const HOSTS: &[Allow] = &[Allow::User(&["chat", "chat.join"])];
/// Those that may take part.
const GUESTS: &[Allow] = &[Allow::User(&["chat", "chat.join", "chat.join.limited"])];

const THREADS: &str = "/chat/threads";
const THREAD: &str = "/chat/threads/{chatThreadId}";
const MESSAGES: &str = "/chat/threads/{chatThreadId}/messages";
const MESSAGE: &str = "/chat/threads/{chatThreadId}/messages/{chatMessageId}";
const RECEIPTS: &str = "/chat/threads/{chatThreadId}/readReceipts";
const PARTICIPANTS: &str = "/chat/threads/{chatThreadId}/participants";

const THREAD_PARAMETER: &str = "chatThreadId";

const SKIP: QueryParameter = QueryParameter {
    name: "skip",
    kind: "integer",
    description: "How many entries to leave out at the beginning.",
};
const START_TIME: QueryParameter = QueryParameter {
    name: "startTime",
    kind: "string",
    description: "Only what is not older than this date (RFC 3339).",
};

const fn acs(scope: RateScope, requests: u32, seconds: u64) -> ScopedRate {
    let rate = NamedLimit { generous: None, acs: Some(RequestRate::per_seconds(requests, seconds)) };
    ScopedRate { scope, rate }
}

const CALLER: RateScope = RateScope::Caller;
const IN_THREAD: RateScope = RateScope::Path(THREAD_PARAMETER);
const CALLER_IN_THREAD: RateScope = RateScope::CallerAndPath(THREAD_PARAMETER);

/// Making and deleting threads.
const OWN_RATES: &[ScopedRate] = &[acs(CALLER, 10, 10)];
/// Looking at threads.
const LOOK_RATES: &[ScopedRate] = &[acs(CALLER, 50, 10)];
/// Changes of a thread.
const UPDATE_THREAD_RATES: &[ScopedRate] = &[acs(IN_THREAD, 5, 10)];
/// Changes of participants, and of messages.
const CHANGE_RATES: &[ScopedRate] = &[acs(IN_THREAD, 10, 10), acs(IN_THREAD, 30, 60)];
const GET_MESSAGE_RATES: &[ScopedRate] = &[acs(CALLER_IN_THREAD, 50, 10), acs(IN_THREAD, 250, 10)];
const LIST_MESSAGES_RATES: &[ScopedRate] = &[
    acs(CALLER_IN_THREAD, 50, 10),
    acs(CALLER_IN_THREAD, 200, 60),
    acs(IN_THREAD, 250, 10),
    acs(IN_THREAD, 400, 60),
];
const RECEIPT_RATES: &[ScopedRate] = &[acs(CALLER_IN_THREAD, 10, 10), acs(CALLER_IN_THREAD, 30, 60)];
const TYPING_RATES: &[ScopedRate] = &[
    acs(CALLER_IN_THREAD, 5, 10),
    acs(CALLER_IN_THREAD, 15, 60),
    acs(IN_THREAD, 10, 10),
    acs(IN_THREAD, 30, 60),
];
const LIST_RECEIPTS_RATES: &[ScopedRate] = &[acs(CALLER_IN_THREAD, 5, 10), acs(IN_THREAD, 100, 10)];
const LIST_PARTICIPANTS_RATES: &[ScopedRate] = &[acs(CALLER_IN_THREAD, 10, 10), acs(IN_THREAD, 250, 10)];

/// ACS's limit of making threads and of adding participants, for each resource.
const RESOURCE_RATE: NamedLimit<RequestRate> =
    NamedLimit { generous: None, acs: Some(RequestRate::per_seconds(3000, 60)) };

pub(super) const fn published(
    id: &'static str,
    method: Method,
    path: &'static str,
    scoped_rates: &'static [ScopedRate],
) -> Operation {
    Operation {
        service: "chat",
        versions: VERSIONS,
        scoped_rates,
        ..Operation::own(id, method, path, GUESTS)
    }
}

/// `Chat_CreateChatThread`.
pub(crate) static CHAT_CREATE_CHAT_THREAD: Operation = Operation {
    success: 201,
    allow: OWNERS,
    body: RequestBody::Json(schema_of::<CreateChatThreadRequest>),
    reply: Some(schema_of::<CreateChatThreadResult>),
    rate: RESOURCE_RATE,
    summary: "Creates a thread; its creator takes part.",
    ..published("Chat_CreateChatThread", Method::Post, THREADS, OWN_RATES)
};

/// `Chat_ListChatThreads`.
pub(crate) static CHAT_LIST_CHAT_THREADS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatThreadItem>>),
    query: &[MAX_PAGE_SIZE, START_TIME, CONTINUATION_TOKEN],
    summary: "Lists the threads the caller takes part in, the last joined first.",
    ..published("Chat_ListChatThreads", Method::Get, THREADS, LOOK_RATES)
};

/// `Chat_DeleteChatThread`.
pub(crate) static CHAT_DELETE_CHAT_THREAD: Operation = Operation {
    success: 204,
    allow: OWNERS,
    summary: "Deletes a thread with everything in it.",
    ..published("Chat_DeleteChatThread", Method::Delete, THREAD, OWN_RATES)
};

/// `ChatThread_GetChatThreadProperties`.
pub(crate) static CHAT_THREAD_GET_CHAT_THREAD_PROPERTIES: Operation = Operation {
    reply: Some(schema_of::<ChatThreadProperties>),
    summary: "Shows a thread.",
    ..published("ChatThread_GetChatThreadProperties", Method::Get, THREAD, LOOK_RATES)
};

/// `ChatThread_UpdateChatThreadProperties`.
pub(crate) static CHAT_THREAD_UPDATE_CHAT_THREAD_PROPERTIES: Operation = Operation {
    success: 204,
    allow: OWNERS,
    body: RequestBody::MergePatch(schema_of::<UpdateChatThreadRequest>),
    summary: "Changes the topic, the metadata or the retention of a thread.",
    ..published("ChatThread_UpdateChatThreadProperties", Method::Patch, THREAD, UPDATE_THREAD_RATES)
};

/// `ChatThread_SendChatMessage`.
pub(crate) static CHAT_THREAD_SEND_CHAT_MESSAGE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<SendChatMessageRequest>),
    reply: Some(schema_of::<SendChatMessageResult>),
    meter: Some("chat.messages"),
    summary: "Sends a message to a thread.",
    ..published("ChatThread_SendChatMessage", Method::Post, MESSAGES, CHANGE_RATES)
};

/// `ChatThread_ListChatMessages`.
pub(crate) static CHAT_THREAD_LIST_CHAT_MESSAGES: Operation = Operation {
    reply: Some(schema_of::<Page<ChatMessage>>),
    query: &[MAX_PAGE_SIZE, START_TIME, CONTINUATION_TOKEN],
    summary: "Lists the messages of a thread, the last changed first.",
    ..published("ChatThread_ListChatMessages", Method::Get, MESSAGES, LIST_MESSAGES_RATES)
};

/// `ChatThread_GetChatMessage`.
pub(crate) static CHAT_THREAD_GET_CHAT_MESSAGE: Operation = Operation {
    reply: Some(schema_of::<ChatMessage>),
    summary: "Shows a message.",
    ..published("ChatThread_GetChatMessage", Method::Get, MESSAGE, GET_MESSAGE_RATES)
};

/// `ChatThread_UpdateChatMessage`.
pub(crate) static CHAT_THREAD_UPDATE_CHAT_MESSAGE: Operation = Operation {
    success: 204,
    body: RequestBody::MergePatch(schema_of::<UpdateChatMessageRequest>),
    summary: "Changes a message of the caller.",
    ..published("ChatThread_UpdateChatMessage", Method::Patch, MESSAGE, CHANGE_RATES)
};

/// `ChatThread_DeleteChatMessage`.
pub(crate) static CHAT_THREAD_DELETE_CHAT_MESSAGE: Operation = Operation {
    success: 204,
    summary: "Deletes what a message of the caller says.",
    ..published("ChatThread_DeleteChatMessage", Method::Delete, MESSAGE, CHANGE_RATES)
};

/// `ChatThread_ListChatReadReceipts`.
pub(crate) static CHAT_THREAD_LIST_CHAT_READ_RECEIPTS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatMessageReadReceipt>>),
    query: &[MAX_PAGE_SIZE, SKIP, CONTINUATION_TOKEN],
    summary: "Lists up to which message each participant has read.",
    ..published("ChatThread_ListChatReadReceipts", Method::Get, RECEIPTS, LIST_RECEIPTS_RATES)
};

/// `ChatThread_SendChatReadReceipt`.
pub(crate) static CHAT_THREAD_SEND_CHAT_READ_RECEIPT: Operation = Operation {
    body: RequestBody::Json(schema_of::<SendReadReceiptRequest>),
    summary: "Says up to which message the caller has read.",
    ..published("ChatThread_SendChatReadReceipt", Method::Post, RECEIPTS, RECEIPT_RATES)
};

/// `ChatThread_ListChatParticipants`.
pub(crate) static CHAT_THREAD_LIST_CHAT_PARTICIPANTS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatParticipant>>),
    query: &[MAX_PAGE_SIZE, SKIP, CONTINUATION_TOKEN],
    summary: "Lists who takes part in a thread, in the order of joining.",
    ..published("ChatThread_ListChatParticipants", Method::Get, PARTICIPANTS, LIST_PARTICIPANTS_RATES)
};

/// `ChatThread_AddChatParticipants`.
pub(crate) static CHAT_THREAD_ADD_CHAT_PARTICIPANTS: Operation = Operation {
    success: 201,
    allow: HOSTS,
    body: RequestBody::Json(schema_of::<AddChatParticipantsRequest>),
    reply: Some(schema_of::<AddChatParticipantsResult>),
    rate: RESOURCE_RATE,
    summary: "Adds participants to a thread.",
    ..published(
        "ChatThread_AddChatParticipants",
        Method::Post,
        "/chat/threads/{chatThreadId}/participants/:add",
        CHANGE_RATES,
    )
};

/// `ChatThread_RemoveChatParticipant`.
pub(crate) static CHAT_THREAD_REMOVE_CHAT_PARTICIPANT: Operation = Operation {
    success: 204,
    allow: HOSTS,
    body: RequestBody::Json(schema_of::<CommunicationIdentifierModel>),
    summary: "Removes a participant from a thread.",
    ..published(
        "ChatThread_RemoveChatParticipant",
        Method::Post,
        "/chat/threads/{chatThreadId}/participants/:remove",
        CHANGE_RATES,
    )
};

/// `ChatThread_SendTypingNotification`.
pub(crate) static CHAT_THREAD_SEND_TYPING_NOTIFICATION: Operation = Operation {
    body: RequestBody::OptionalJson(schema_of::<SendTypingNotificationRequest>),
    summary: "Tells the others that the caller is typing.",
    ..published(
        "ChatThread_SendTypingNotification",
        Method::Post,
        "/chat/threads/{chatThreadId}/typing",
        TYPING_RATES,
    )
};

/// The operations of this file.
pub(super) static ALL: &[&Operation] = &[
    &CHAT_CREATE_CHAT_THREAD,
    &CHAT_LIST_CHAT_THREADS,
    &CHAT_DELETE_CHAT_THREAD,
    &CHAT_THREAD_GET_CHAT_THREAD_PROPERTIES,
    &CHAT_THREAD_UPDATE_CHAT_THREAD_PROPERTIES,
    &CHAT_THREAD_SEND_CHAT_MESSAGE,
    &CHAT_THREAD_LIST_CHAT_MESSAGES,
    &CHAT_THREAD_GET_CHAT_MESSAGE,
    &CHAT_THREAD_UPDATE_CHAT_MESSAGE,
    &CHAT_THREAD_DELETE_CHAT_MESSAGE,
    &CHAT_THREAD_LIST_CHAT_READ_RECEIPTS,
    &CHAT_THREAD_SEND_CHAT_READ_RECEIPT,
    &CHAT_THREAD_LIST_CHAT_PARTICIPANTS,
    &CHAT_THREAD_ADD_CHAT_PARTICIPANTS,
    &CHAT_THREAD_REMOVE_CHAT_PARTICIPANT,
    &CHAT_THREAD_SEND_TYPING_NOTIFICATION,
];
