//! What can go wrong, and how the client sees it.

use http::StatusCode;
use trunkline_store::StoreError;
use trunkline_store::vault::VaultError;
use trunkline_web::ApiError;

use crate::ports::PortError;
use crate::rules::RuleError;

/// Why an operation on event subscriptions failed.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// No such resource.
    #[error("there is no resource named '{0}'")]
    ResourceNotFound(String),
    /// No such subscription on the resource or system topic.
    #[error("there is no event subscription named '{0}' here")]
    SubscriptionNotFound(String),
    /// No such system topic.
    #[error("there is no system topic named '{0}' in this resource group")]
    SystemTopicNotFound(String),
    /// A resource has one system topic; this is its name.
    #[error("the resource has the system topic '{0}' already")]
    SystemTopicTaken(String),
    /// There is a system topic of that name, of another resource.
    #[error("there is a system topic named '{0}' in this resource group, and its source cannot change")]
    SourceFixed(String),
    /// A system topic goes only when nobody listens to it any more.
    #[error("the system topic '{0}' has event subscriptions; delete them first")]
    SystemTopicInUse(String),
    /// The resource has as many subscriptions as it may have.
    #[error("a resource has at most {0} event subscriptions")]
    TooManySubscriptions(u32),
    /// The subscription cannot be replayed to before its endpoint has answered the handshake.
    #[error("the event subscription '{0}' is not active: its endpoint has not been validated")]
    NotActive(String),
    /// A subscription that breaks a rule; the first text is the field at fault.
    #[error("{1}")]
    Invalid(&'static str, String),
    /// The request itself is refused: what it asks for, or what it lacks.
    #[error("{}", .0.message)]
    Refused(ApiError),
    /// Where a resource lies cannot be found out right now.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed address cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<ApiError> for EventsError {
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<RuleError> for EventsError {
    fn from(broken: RuleError) -> Self {
        Self::Invalid(broken.target, broken.message)
    }
}

impl From<EventsError> for ApiError {
    fn from(error: EventsError) -> Self {
        let message = format!("{}.", capitalised(&error.to_string()));
        match error {
            EventsError::ResourceNotFound(_) => Self::not_found(message).with_target("name"),
            EventsError::SubscriptionNotFound(_) => Self::not_found(message).with_target("subscription"),
            EventsError::SystemTopicNotFound(_) => Self::not_found(message).with_target("systemTopicName"),
            EventsError::SystemTopicTaken(_) | EventsError::SourceFixed(_) => {
                Self::conflict(message).with_target("source")
            }
            EventsError::SystemTopicInUse(_) => Self::conflict(message).with_target("systemTopicName"),
            EventsError::TooManySubscriptions(_) => {
                Self::new(StatusCode::BAD_REQUEST, "SubscriptionsPerResourceLimitExceeded", message)
                    .with_target("subscription")
            }
            EventsError::NotActive(_) => Self::conflict(message).with_target("subscription"),
            EventsError::Invalid(target, _) => Self::invalid(target, message),
            EventsError::Refused(refusal) => refusal,
            EventsError::Port(cause) => {
                tracing::error!(%cause, "the place of a resource cannot be found out");
                Self::unavailable("The resource cannot be looked up right now; try again.")
            }
            EventsError::Store(cause) => cause.into(),
            EventsError::Vault(cause) => {
                tracing::error!(%cause, "the address of an event subscription cannot be opened");
                Self::internal()
            }
        }
    }
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + characters.as_str())
}
