//! What users have beyond the published operations: replies, mentions, reactions, search, unread counts, presence.

use trunkline_chat_wire::users::{
    ChatReaction, ChatSearchResult, ChatUnread, ChatUserMessage, GetPresenceRequest, GetPresenceResult,
    MarkReadRequest, SendUserMessageRequest,
};
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, RequestBody};

/// Whoever may take part in threads.
const GUESTS: &[Allow] = &[Allow::User(&["chat", "chat.join", "chat.join.limited"])];

const MESSAGES: &str = "/trunkline/chat/threads/{chatThreadId}/messages";
const MESSAGE: &str = "/trunkline/chat/threads/{chatThreadId}/messages/{chatMessageId}";
const REPLIES: &str = "/trunkline/chat/threads/{chatThreadId}/messages/{chatMessageId}/replies";
const REACTIONS: &str = "/trunkline/chat/threads/{chatThreadId}/messages/{chatMessageId}/reactions";
const REACTION: &str = "/trunkline/chat/threads/{chatThreadId}/messages/{chatMessageId}/reactions/{emoji}";

const PAGES: &[QueryParameter] = &[MAX_PAGE_SIZE, CONTINUATION_TOKEN];

const SEARCH: &[QueryParameter] = &[
    QueryParameter {
        name: "q",
        kind: "string",
        description: "Words that must all be in a message, in any case and with or without accents; words in double \
                      quotes in that order. At most 256 characters and 10 words.",
    },
    QueryParameter { name: "thread", kind: "string", description: "Only messages of this thread." },
    QueryParameter { name: "from", kind: "string", description: "Only messages of this sender, a raw id." },
    QueryParameter {
        name: "before",
        kind: "string",
        description: "Only messages sent before this date (RFC 3339).",
    },
    QueryParameter {
        name: "after",
        kind: "string",
        description: "Only messages sent at this date (RFC 3339) or later.",
    },
    MAX_PAGE_SIZE,
    CONTINUATION_TOKEN,
];

const fn users(id: &'static str, method: Method, path: &'static str) -> Operation {
    Operation { service: "chat", ..Operation::own(id, method, path, GUESTS) }
}

/// `ChatUsers_SendMessage`.
pub(crate) static CHAT_USERS_SEND_MESSAGE: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<SendUserMessageRequest>),
    reply: Some(schema_of::<ChatUserMessage>),
    meter: Some("chat.messages"),
    summary: "Sends a message that may answer another one and name people; 200 when it was sent before.",
    ..users("ChatUsers_SendMessage", Method::Post, MESSAGES)
};

/// `ChatUsers_ListMessages`.
pub(crate) static CHAT_USERS_LIST_MESSAGES: Operation = Operation {
    reply: Some(schema_of::<Page<ChatUserMessage>>),
    query: PAGES,
    summary: "Lists the messages of a thread with their reactions, the newest first.",
    ..users("ChatUsers_ListMessages", Method::Get, MESSAGES)
};

/// `ChatUsers_GetMessage`.
pub(crate) static CHAT_USERS_GET_MESSAGE: Operation = Operation {
    reply: Some(schema_of::<ChatUserMessage>),
    summary: "Shows a message with what it answers, whom it names, and the reactions to it.",
    ..users("ChatUsers_GetMessage", Method::Get, MESSAGE)
};

/// `ChatUsers_ListReplies`.
pub(crate) static CHAT_USERS_LIST_REPLIES: Operation = Operation {
    reply: Some(schema_of::<Page<ChatUserMessage>>),
    query: PAGES,
    summary: "Lists the messages that answer a message, the oldest first.",
    ..users("ChatUsers_ListReplies", Method::Get, REPLIES)
};

/// `ChatUsers_AddReaction`.
pub(crate) static CHAT_USERS_ADD_REACTION: Operation = Operation {
    success: 204,
    summary: "Reacts to a message; nothing when the caller did so before.",
    ..users("ChatUsers_AddReaction", Method::Put, REACTION)
};

/// `ChatUsers_RemoveReaction`.
pub(crate) static CHAT_USERS_REMOVE_REACTION: Operation = Operation {
    success: 204,
    summary: "Takes the caller's reaction back; nothing when there is none.",
    ..users("ChatUsers_RemoveReaction", Method::Delete, REACTION)
};

/// `ChatUsers_ListReactions`.
pub(crate) static CHAT_USERS_LIST_REACTIONS: Operation = Operation {
    reply: Some(schema_of::<Page<ChatReaction>>),
    query: PAGES,
    summary: "Lists who reacted to a message, and how.",
    ..users("ChatUsers_ListReactions", Method::Get, REACTIONS)
};

/// `ChatUsers_Search`.
pub(crate) static CHAT_USERS_SEARCH: Operation = Operation {
    reply: Some(schema_of::<Page<ChatSearchResult>>),
    query: SEARCH,
    summary: "Finds messages by their words in the threads the caller takes part in, the newest first.",
    ..users("ChatUsers_Search", Method::Get, "/trunkline/chat/search")
};

/// `ChatUsers_ListUnread`.
pub(crate) static CHAT_USERS_LIST_UNREAD: Operation = Operation {
    reply: Some(schema_of::<Page<ChatUnread>>),
    query: PAGES,
    summary: "Counts the messages the caller has not read, by thread; threads without any are left out.",
    ..users("ChatUsers_ListUnread", Method::Get, "/trunkline/chat/unread")
};

/// `ChatUsers_MarkRead`.
pub(crate) static CHAT_USERS_MARK_READ: Operation = Operation {
    success: 204,
    body: RequestBody::OptionalJson(schema_of::<MarkReadRequest>),
    summary: "Notes that the caller has read up to a message, or all of them.",
    ..users("ChatUsers_MarkRead", Method::Post, "/trunkline/chat/threads/{chatThreadId}:markRead")
};

/// `ChatUsers_GetPresence`.
pub(crate) static CHAT_USERS_GET_PRESENCE: Operation = Operation {
    body: RequestBody::Json(schema_of::<GetPresenceRequest>),
    reply: Some(schema_of::<GetPresenceResult>),
    is_inspection: true,
    summary: "Tells who of the people in threads with the caller is connected.",
    ..users("ChatUsers_GetPresence", Method::Post, "/trunkline/chat/presence")
};

/// The operations of this file.
pub(super) static ALL: &[&Operation] = &[
    &CHAT_USERS_SEND_MESSAGE,
    &CHAT_USERS_LIST_MESSAGES,
    &CHAT_USERS_GET_MESSAGE,
    &CHAT_USERS_LIST_REPLIES,
    &CHAT_USERS_ADD_REACTION,
    &CHAT_USERS_REMOVE_REACTION,
    &CHAT_USERS_LIST_REACTIONS,
    &CHAT_USERS_SEARCH,
    &CHAT_USERS_LIST_UNREAD,
    &CHAT_USERS_MARK_READ,
    &CHAT_USERS_GET_PRESENCE,
];
