//! What can go wrong, and how the client sees it.

use http::StatusCode;
use trunkline_store::StoreError;
use trunkline_store::vault::VaultError;
use trunkline_web::ApiError;

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
    /// No issuer is configured whose tokens could be exchanged.
    #[error("no issuer is configured whose tokens could be exchanged; see teams_exchange.issuers")]
    ExchangeNotConfigured,
    /// The issuer's keys cannot be had.
    #[error("the issuer's keys cannot be fetched")]
    IssuerUnreachable,
    /// The request itself is refused: its repeatability headers.
    #[error("{}", .0.message)]
    Refused(ApiError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed signing key cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A signing key in the database is damaged.
    #[error("a signing key in the database cannot be read")]
    DamagedSigningKey,
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
                Self::denied("TeamsTokenRefused", format!("The token cannot be exchanged: {why}."))
            }
            IdentityError::ExchangeNotConfigured => Self::new(
                StatusCode::BAD_REQUEST,
                "TeamsExchangeNotConfigured",
                "No issuer is configured whose tokens could be exchanged; an operator sets teams_exchange.issuers.",
            ),
            IdentityError::IssuerUnreachable => {
                Self::unavailable("The keys of the token's issuer cannot be fetched right now; try again.")
            }
            IdentityError::Refused(refusal) => refusal,
            IdentityError::Store(cause) => cause.into(),
            IdentityError::Vault(cause) => {
                tracing::error!(%cause, "a signing key cannot be opened");
                Self::internal()
            }
            IdentityError::DamagedSigningKey => {
                tracing::error!("a signing key in the database cannot be read");
                Self::internal()
            }
        }
    }
}
