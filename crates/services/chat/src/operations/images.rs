//! Images of messages, published in a preview.

use trunkline_chat_wire::UploadChatImageResult;
use trunkline_web::operation::schema_of;
use trunkline_web::{Method, Operation, RequestBody};

use super::published::published;

/// Images came with this version; later ones are answered as this one.
const VERSIONS: &[&str] = &["2024-06-05-preview"];

/// Attachments came with this version, and with them the addresses that clients of any later one ask for.
pub(crate) const VIEWS_VERSION: &str = "2024-03-07";

/// What is read of an upload, and the most that can be configured: it is held in memory until it is put away.
pub(crate) const UPLOAD_BYTES_MAX: usize = 20 * 1024 * 1024;

const IMAGES: &str = "/chat/threads/{chatThreadId}/images";
const IMAGE: &str = "/chat/threads/{chatThreadId}/images/{imageId}";
const VIEW: &str = "/chat/threads/{chatThreadId}/images/{imageId}/view/{imageViewType}";
const VIEWS: &str = "/chat/threads/{chatThreadId}/images/{imageId}/views/{imageViewType}";

/// `ChatThread_UploadChatImage`.
pub(crate) static CHAT_THREAD_UPLOAD_CHAT_IMAGE: Operation = Operation {
    success: 201,
    versions: VERSIONS,
    body: RequestBody::Binary,
    body_bytes_max: Some(UPLOAD_BYTES_MAX),
    reply: Some(schema_of::<UploadChatImageResult>),
    summary: "Uploads an image, to be attached to a message of the caller.",
    ..published("ChatThread_UploadChatImage", Method::Post, IMAGES, &[])
};

/// `ChatThread_GetChatImage`.
pub(crate) static CHAT_THREAD_GET_CHAT_IMAGE: Operation = Operation {
    versions: VERSIONS,
    summary: "Shows an image, as it came or small.",
    ..published("ChatThread_GetChatImage", Method::Get, VIEW, &[])
};

/// The same under the path that attachments name.
pub(crate) static CHAT_THREAD_GET_CHAT_IMAGE_BY_VIEWS: Operation = Operation {
    versions: &[VIEWS_VERSION],
    summary: "Shows an image, as it came or small, under the path that attachments name.",
    ..published("ChatThread_GetChatImageByViews", Method::Get, VIEWS, &[])
};

/// `ChatThread_DeleteChatImage`.
pub(crate) static CHAT_THREAD_DELETE_CHAT_IMAGE: Operation = Operation {
    success: 204,
    versions: VERSIONS,
    summary: "Deletes an image the caller uploaded.",
    ..published("ChatThread_DeleteChatImage", Method::Delete, IMAGE, &[])
};

/// The operations of this file.
pub(super) static ALL: &[&Operation] = &[
    &CHAT_THREAD_UPLOAD_CHAT_IMAGE,
    &CHAT_THREAD_GET_CHAT_IMAGE,
    &CHAT_THREAD_GET_CHAT_IMAGE_BY_VIEWS,
    &CHAT_THREAD_DELETE_CHAT_IMAGE,
];
