//! What can go wrong, and how clients see it.

use trunkline_calling_wire::ErrorName;
use trunkline_calling_wire::server::ErrorReply;
use trunkline_media::MediaError;
use trunkline_store::StoreError;
use trunkline_web::ApiError;

use crate::rules::Refusal;

/// Why something about calls failed.
#[derive(Debug, thiserror::Error)]
pub enum CallingError {
    /// A field of a message is missing or is not what it should be.
    #[error("{0}")]
    Malformed(String),
    /// There is no such type of message.
    #[error("there is no such message")]
    UnknownType,
    /// There is no such call or leg, or it is somebody else's.
    #[error("there is no such call")]
    UnknownCall,
    /// There is no such participant in the call.
    #[error("there is no such participant in the call")]
    UnknownParticipant,
    /// The token or role does not permit it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The call is not in the state for it.
    #[error("this cannot be done now")]
    NotNow,
    /// As many as there may be.
    #[error("{0}")]
    LimitReached(&'static str),
    /// Too often.
    #[error("this is done too often")]
    RateLimited,
    /// The session description is refused.
    #[error("{0}")]
    BadMedia(String),
    /// There is nobody of that kind to call.
    #[error("{0}")]
    NoEndpoint(&'static str),
    /// Meetings are of another service.
    #[error("meetings of other services cannot be joined")]
    MeetingUnknown,
    /// There is no such room.
    #[error("there is no such room")]
    RoomNotFound,
    /// The user is not invited to the room.
    #[error("the user is not invited to the room")]
    RoomNotInvited,
    /// The room is not open.
    #[error("the room is not open")]
    RoomNotOpen,
    /// Another service refused, such as the spend limit.
    #[error("{0}")]
    Refused(String),
    /// The media threads cannot take it now.
    #[error("media cannot be set up now")]
    MediaUnavailable,
    /// The server ended before it answered, or is ending.
    #[error("the server cannot do this now")]
    Unavailable,
    /// Another node has taken the resource, and runs its calls.
    #[error("the calls of the resource are on another node now")]
    Elsewhere,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CallingError {
    /// The refusal as it goes over the wire: code, sub-code and name.
    fn codes(&self) -> (u16, u32, ErrorName) {
        match self {
            Self::Malformed(_) => (400, 0, ErrorName::Malformed),
            Self::UnknownType => (400, 0, ErrorName::UnknownType),
            Self::UnknownCall => (404, 0, ErrorName::UnknownCall),
            Self::UnknownParticipant => (404, 0, ErrorName::UnknownParticipant),
            Self::NotAllowed(_) | Self::Refused(_) => (403, 10_124, ErrorName::NotAllowed),
            Self::NotNow => (409, 0, ErrorName::NotNow),
            Self::LimitReached(_) => (403, 0, ErrorName::LimitReached),
            Self::RateLimited => (429, 0, ErrorName::RateLimited),
            Self::BadMedia(_) => (410, 3111, ErrorName::BadMedia),
            Self::NoEndpoint(_) => (404, 0, ErrorName::NoEndpoint),
            // What the UI library has a page for.
            Self::MeetingUnknown => (404, 5751, ErrorName::NoEndpoint),
            Self::RoomNotFound => (404, 5732, ErrorName::RoomNotFound),
            Self::RoomNotInvited => (403, 5828, ErrorName::RoomNotInvited),
            Self::RoomNotOpen => (403, 5829, ErrorName::RoomNotOpen),
            Self::MediaUnavailable | Self::Unavailable | Self::Elsewhere | Self::Store(_) => {
                (503, 0, ErrorName::Unavailable)
            }
        }
    }

    /// The refusal as the client reads it. Causes inside the server are logged here and stay here.
    pub(crate) fn to_reply(&self) -> ErrorReply {
        let (code, sub_code, name) = self.codes();
        let message = match self {
            Self::Store(cause) => {
                tracing::error!(%cause, "a request about a call failed in the database");
                "The server cannot do this now; try again.".to_owned()
            }
            other => sentence(&other.to_string()),
        };
        ErrorReply { code, sub_code, message, name }
    }
}

/// A text of an error as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let dot = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{dot}", letters.as_str())
}

impl From<Refusal> for CallingError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownParticipant => Self::UnknownParticipant,
            Refusal::NotNow => Self::NotNow,
            Refusal::NotAllowed => Self::NotAllowed("the role in the call does not permit this"),
            Refusal::Full => Self::LimitReached("the call has as many as it may have"),
            Refusal::Over => Self::UnknownCall,
        }
    }
}

impl From<MediaError> for CallingError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Offer(refused) => Self::BadMedia(refused.to_string()),
            other => {
                tracing::warn!(cause = %other, "media of a leg cannot be set up");
                Self::MediaUnavailable
            }
        }
    }
}

impl From<ApiError> for CallingError {
    fn from(error: ApiError) -> Self {
        if error.status.is_server_error() { Self::Unavailable } else { Self::Refused(error.message) }
    }
}

impl From<CallingError> for ApiError {
    fn from(error: CallingError) -> Self {
        match error {
            CallingError::Store(cause) => cause.into(),
            CallingError::UnknownCall => Self::not_found("There is no such call in this resource."),
            other => {
                tracing::error!(cause = %other, "an operation on calls failed");
                Self::internal()
            }
        }
    }
}
