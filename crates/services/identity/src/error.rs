//! What can go wrong, and how the client sees it.

use http::StatusCode;
use trunkline_store::StoreError;
use trunkline_web::ApiError;
use trunkline_web::ports::DirectoryRefusal;
use trunkline_web::signing_keys::SigningKeyError;

/// Why an operation on users or tokens failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The resource has no such user.
    #[error("the identity does not exist in this resource")]
    UserNotFound,
    /// The id of the new user is taken.
    #[error("the identity already exists in this resource")]
    UserTaken,
    /// The token to be exchanged is refused.
    #[error("the token cannot be exchanged: {0}")]
    ExchangeRefused(&'static str),
    /// The token to be exchanged is meant for the other kind of exchange.
    #[error("the token has the audience of another exchange")]
    ForeignAudience,
    /// There is neither a built-in directory nor an issuer whose tokens could be exchanged.
    #[error(
        "no directory is configured whose tokens could be exchanged; see directory.enabled and directory.issuers"
    )]
    ExchangeNotConfigured,
    /// The issuer's keys cannot be had.
    #[error("the issuer's keys cannot be fetched")]
    IssuerUnreachable,
    /// The directory user may not use the resource through the Teams extension, or not with this application.
    #[error("the user has no assignment for this resource and application")]
    NotAssigned,
    /// The resource has no such assignment.
    #[error("the assignment does not exist in this resource")]
    AssignmentNotFound,
    /// The request itself is refused: its repeatability headers.
    #[error("{}", .0.message)]
    Refused(ApiError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing keys cannot be had.
    #[error(transparent)]
    SigningKeys(SigningKeyError),
}

impl From<SigningKeyError> for IdentityError {
    fn from(error: SigningKeyError) -> Self {
        match error {
            SigningKeyError::Store(cause) => Self::Store(cause),
            other => Self::SigningKeys(other),
        }
    }
}

impl From<DirectoryRefusal> for IdentityError {
    fn from(refusal: DirectoryRefusal) -> Self {
        match refusal {
            DirectoryRefusal::NotConfigured => Self::ExchangeNotConfigured,
            DirectoryRefusal::Unreachable => Self::IssuerUnreachable,
            DirectoryRefusal::Refused(why) => Self::ExchangeRefused(why),
        }
    }
}

impl From<ApiError> for IdentityError {
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::UserNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "IdentityNotFound",
                "The identity does not exist in this resource, or was deleted.",
            )
            .with_target("id"),
            IdentityError::UserTaken => Self::new(
                StatusCode::CONFLICT,
                "IdentityAlreadyExists",
                "The identity already exists in this resource.",
            )
            .with_target("id"),
            IdentityError::ExchangeRefused(why) => {
                Self::denied("DirectoryTokenRefused", format!("The token cannot be exchanged: {why}."))
            }
            IdentityError::ForeignAudience => Self::denied(
                "AudienceInvalid",
                "The token has the audience of another exchange: https://communication.azure.com/clients is for \
                 /access/entra, https://auth.msft.communication.azure.com for the Teams exchanges.",
            ),
            IdentityError::ExchangeNotConfigured => Self::new(
                StatusCode::BAD_REQUEST,
                "TeamsExchangeNotConfigured",
                "No directory is configured whose tokens could be exchanged; an operator sets directory.enabled or directory.issuers.",
            ),
            IdentityError::IssuerUnreachable => {
                Self::unavailable("The keys of the token's issuer cannot be fetched right now; try again.")
            }
            IdentityError::NotAssigned => Self::forbidden(
                "The user may not use this resource with this application; an assignment for the Teams extension \
                 is missing, or does not list the application.",
            )
            .with_inner_code("TeamsExtensionNotAssigned"),
            IdentityError::AssignmentNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "AssignmentNotFound",
                "The assignment does not exist in this resource, or was deleted.",
            )
            .with_target("objectId"),
            IdentityError::Refused(refusal) => refusal,
            IdentityError::Store(cause) => cause.into(),
            IdentityError::SigningKeys(cause) => {
                tracing::error!(%cause, "a signing key cannot be had");
                Self::internal()
            }
        }
    }
}
