//! What the chat service says and hears: requests, replies, notifications.
//!
//! | module | what |
//! |---|---|
//! | [`identifiers`] | who somebody is |
//! | [`threads`], [`participants`], [`messages`], [`receipts`], [`images`] | the published operations |
//! | [`users`] | what users have beyond them |
//! | [`errors`] | errors inside a success |
//! | [`dates`] | instants as chat writes them |

pub mod dates;
pub mod errors;
pub mod identifiers;
pub mod images;
pub mod messages;
pub mod participants;
pub mod realtime;
pub mod receipts;
pub mod server;
pub mod threads;
pub mod users;

pub use dates::Date;
pub use errors::CommunicationError;
pub use identifiers::{CommunicationIdentifierModel, IdentifierError};
pub use images::UploadChatImageResult;
pub use messages::{
    ChatAttachment, ChatAttachmentType, ChatMessage, ChatMessageContent, ChatMessageType, Metadata,
    MetadataPatch, SendChatMessageRequest, SendChatMessageResult, SendTypingNotificationRequest,
    UpdateChatMessageRequest,
};
pub use participants::{AddChatParticipantsRequest, AddChatParticipantsResult, ChatParticipant};
pub use receipts::{ChatMessageReadReceipt, SendReadReceiptRequest};
pub use threads::{
    ChatRetentionPolicy, ChatThreadItem, ChatThreadProperties, CreateChatThreadRequest,
    CreateChatThreadResult, UpdateChatThreadRequest,
};

use serde::{Deserialize, Deserializer};

/// Tells `null` from absent in a merge patch: `Some(None)` is `null`, and `#[serde(default)]` makes absent `None`.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
