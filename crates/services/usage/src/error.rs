//! What can go wrong, and how the client sees it.

use trunkline_store::StoreError;
use trunkline_web::ApiError;

/// Why usage could not be listed or turned into money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A sum of money is larger than can be counted.
    #[error("a sum of money is larger than can be counted; look at the prices in the configuration")]
    TooMuch,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UsageError> for ApiError {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::TooMuch => {
                tracing::error!(cause = %error, "usage cannot be turned into money");
                Self::internal()
            }
            UsageError::Store(cause) => cause.into(),
        }
    }
}
