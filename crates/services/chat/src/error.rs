//! What can go wrong, and how the client sees it.

use http::StatusCode;
use trunkline_store::StoreError;
use trunkline_store::blobs::BlobError;
use trunkline_web::ApiError;

/// Why an operation on threads or messages failed.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The resource has no such thread, or it was deleted.
    #[error("the thread does not exist in this resource")]
    ThreadNotFound,
    /// The id of the imported thread is taken.
    #[error("the thread already exists in this resource")]
    ThreadTaken,
    /// The thread is being imported: nothing else may change it.
    #[error("the thread is being imported")]
    ThreadImporting,
    /// The import of the thread has ended.
    #[error("the thread is not being imported any more")]
    ThreadNotImporting,
    /// Two imported messages have one place.
    #[error("the messages {id} and {other} both have the sequence number {sequence}")]
    SequenceTaken {
        /// The message that was refused.
        id: i64,
        /// The one that has the place.
        other: i64,
        /// The place.
        sequence: i64,
    },
    /// An application speaks for somebody who is not in the thread.
    #[error("the sender is not a participant of the thread")]
    SenderNotAParticipant,
    /// Nobody with that identifier ever took part in a thread.
    #[error("nobody with this identifier took part in a thread")]
    PersonNotFound,
    /// The caller is not in the thread, or not any more.
    #[error("the caller is not a participant of the thread")]
    NotAParticipant,
    /// The thread has no such message, or the caller does not see it.
    #[error("the message does not exist in this thread")]
    MessageNotFound,
    /// Only the sender may change a message.
    #[error("the caller did not send the message")]
    NotTheSender,
    /// Nobody may change what the thread wrote itself.
    #[error("the message was written by the thread itself")]
    SystemMessage,
    /// A deleted message stays as it is.
    #[error("the message was deleted")]
    MessageDeleted,
    /// The message is too large.
    #[error("a message has at most {bytes_max} bytes")]
    MessageTooLarge {
        /// The bound.
        bytes_max: usize,
    },
    /// The topic says nothing.
    #[error("the topic is blank")]
    TopicBlank,
    /// The topic is too long.
    #[error("a topic has at most {chars_max} characters")]
    TopicTooLong {
        /// The bound.
        chars_max: usize,
    },
    /// The thread would have too many participants.
    #[error("a thread has at most {people_max} participants")]
    TooManyParticipants {
        /// The bound.
        people_max: u32,
    },
    /// The thread cannot be kept for so many days.
    #[error("a thread is kept for {days_min} to {days_max} days")]
    RetentionDays {
        /// The fewest.
        days_min: u32,
        /// The most.
        days_max: u32,
    },
    /// The thread has no such image, or the caller does not see it.
    #[error("the image does not exist in this thread")]
    ImageNotFound,
    /// The caller uploaded many images that no message shows.
    #[error("a user has at most {images_max} images that no message shows")]
    TooManyUnusedImages {
        /// The bound.
        images_max: u32,
    },
    /// Only who uploaded an image may delete it.
    #[error("the caller did not upload the image")]
    NotTheUploader,
    /// The message shows an image that its sender did not upload here, or that another message shows.
    #[error("the image {0} cannot be attached")]
    AttachmentNotFound(String),
    /// The message answers one that is not there, or cannot be answered.
    #[error("the message to answer does not exist in this thread")]
    ReplyTargetNotFound,
    /// The message names somebody who is not in the thread.
    #[error("{0} is not a participant of the thread")]
    MentionNotAParticipant(String),
    /// The message would have too many kinds of reactions.
    #[error("a message has at most {kinds_max} different reactions")]
    TooManyReactions {
        /// The bound.
        kinds_max: u32,
    },
    /// Erasure of something that nobody asked for, or long ago.
    #[error("the erasure does not exist")]
    ErasureNotFound,
    /// The request itself is refused.
    #[error("{}", .0.message)]
    Refused(ApiError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder with images failed.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl From<ApiError> for ChatError {
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal)
    }
}

/// 400 with a code of its own.
fn bad(code: &'static str, target: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, code, message).with_target(target)
}

impl From<ChatError> for ApiError {
    #[expect(clippy::too_many_lines, reason = "one exhaustive match, a few lines for each variant")]
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::ThreadNotFound => {
                Self::not_found("The thread does not exist in this resource, or was deleted.")
                    .with_target("chatThreadId")
                    .with_inner_code("ChatThreadNotFound")
            }
            ChatError::ThreadTaken => Self::conflict("The resource already has a thread with this id, or is still erasing one.")
                .with_target("chatThreadId")
                .with_inner_code("ChatThreadAlreadyExists"),
            ChatError::ThreadImporting => Self::conflict(
                "The thread is being imported; it can be changed once the import has ended.",
            )
            .with_target("chatThreadId")
            .with_inner_code("ChatThreadImporting"),
            ChatError::ThreadNotImporting => Self::conflict(
                "The thread is open to its participants; nothing more can be imported into it.",
            )
            .with_target("chatThreadId")
            .with_inner_code("ChatThreadNotImporting"),
            ChatError::SequenceTaken { id, other, sequence } => bad(
                "BadRequest",
                "sequenceId",
                format!("The messages {id} and {other} both have the sequenceId {sequence}."),
            ),
            ChatError::SenderNotAParticipant => {
                bad("BadRequest", "sender", "The sender is not a participant of this thread.")
            }
            ChatError::PersonNotFound => {
                Self::not_found("Nobody with this identifier ever took part in a thread of this resource.")
                    .with_target("rawId")
                    .with_inner_code("ChatPersonNotFound")
            }
            ChatError::NotAParticipant => Self::forbidden(
                "The user is not a participant of this thread, or was removed from it; a participant can add them.",
            )
            .with_inner_code("NotAParticipant"),
            ChatError::MessageNotFound => {
                Self::not_found("The message does not exist in this thread, or is not shared with the user.")
                    .with_target("chatMessageId")
                    .with_inner_code("ChatMessageNotFound")
            }
            ChatError::NotTheSender => {
                Self::forbidden("Only the sender of a message may change or delete it.")
                    .with_inner_code("NotTheSender")
            }
            ChatError::SystemMessage => bad(
                "BadRequest",
                "chatMessageId",
                "The thread wrote this message itself; it can be neither changed nor deleted.",
            ),
            ChatError::MessageDeleted => {
                bad("BadRequest", "chatMessageId", "The message was deleted and cannot be changed.")
            }
            ChatError::MessageTooLarge { bytes_max } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "MessageSizeExceeded",
                format!("A message has at most {bytes_max} bytes of UTF-8 text."),
            )
            .with_target("content"),
            ChatError::TopicBlank => bad("BadRequest", "topic", "The topic must not be blank."),
            ChatError::TopicTooLong { chars_max } => {
                bad("BadRequest", "topic", format!("A topic has at most {chars_max} characters."))
            }
            ChatError::TooManyParticipants { people_max } => bad(
                "ThreadParticipantLimitExceeded",
                "participants",
                format!("A thread has at most {people_max} participants."),
            ),
            ChatError::RetentionDays { days_min, days_max } => bad(
                "BadRequest",
                "retentionPolicy.deleteThreadAfterDays",
                format!("A thread is kept for {days_min} to {days_max} days."),
            ),
            ChatError::ImageNotFound => {
                Self::not_found("The image does not exist in this thread, or is not shared with the user.")
                    .with_target("imageId")
                    .with_inner_code("ChatImageNotFound")
            }
            ChatError::TooManyUnusedImages { images_max } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyUnusedImages",
                format!(
                    "A user has at most {images_max} images that no message shows; send or delete some. They are deleted after a day."
                ),
            ),
            ChatError::NotTheUploader => {
                Self::forbidden("Only who uploaded an image may delete it.").with_inner_code("NotTheUploader")
            }
            ChatError::AttachmentNotFound(id) => bad(
                "BadRequest",
                "attachments",
                format!("The image '{id}' was not uploaded to this thread by the sender, or is in another message."),
            ),
            ChatError::ReplyTargetNotFound => bad(
                "BadRequest",
                "replyTo",
                "replyTo must name a message of this thread that the user sees, written by somebody and not deleted.",
            ),
            ChatError::MentionNotAParticipant(raw_id) => {
                bad("BadRequest", "mentions", format!("'{raw_id}' is not a participant of this thread."))
            }
            ChatError::TooManyReactions { kinds_max } => bad(
                "TooManyReactions",
                "emoji",
                format!("A message has at most {kinds_max} different reactions; use one of those it has."),
            ),
            ChatError::ErasureNotFound => {
                Self::not_found("There is no such erasure, or it was done long ago.").with_target("id")
            }
            ChatError::Refused(refusal) => refusal,
            ChatError::Store(cause) => cause.into(),
            ChatError::Blobs(cause) => {
                tracing::error!(%cause, "an image cannot be read or written");
                Self::unavailable("Images cannot be read or written right now; try again.")
            }
        }
    }
}
