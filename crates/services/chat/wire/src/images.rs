//! Images of messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::messages::ChatAttachmentType;

/// An image that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadChatImageResult {
    /// The id, to be named in the attachments of a message.
    pub id: String,
    /// `image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment_type: Option<ChatAttachmentType>,
    /// The name it was uploaded with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
