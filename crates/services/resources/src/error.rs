//! What can go wrong, and how the client sees it.

use http::StatusCode;
use trunkline_store::StoreError;
use trunkline_store::vault::VaultError;
use trunkline_web::ApiError;

/// Why an operation on resources or operators failed.
#[derive(Debug, thiserror::Error)]
pub enum ResourcesError {
    /// There is already a resource of that name.
    #[error("a resource named '{0}' already exists")]
    NameTaken(String),
    /// There is already a resource with that immutable id.
    #[error("a resource with the id {0} already exists")]
    IdTaken(String),
    /// No such resource.
    #[error("there is no resource named '{0}'")]
    ResourceNotFound(String),
    /// No such resource group.
    #[error("there is no resource group named '{0}'")]
    GroupNotFound(String),
    /// The resource group is on its way out.
    #[error("the resource group '{0}' is being deleted")]
    GroupBeingDeleted(String),
    /// There is already an operator of that name.
    #[error("an operator named '{0}' already exists")]
    OperatorTaken(String),
    /// No such operator.
    #[error("there is no operator named '{0}'")]
    OperatorNotFound(String),
    /// The request itself is refused: its repeatability headers.
    #[error("{}", .0.message)]
    Refused(ApiError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed key cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<ApiError> for ResourcesError {
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ResourcesError> for ApiError {
    fn from(error: ResourcesError) -> Self {
        let message = format!("{}.", capitalised(&error.to_string()));
        match error {
            ResourcesError::NameTaken(_) | ResourcesError::OperatorTaken(_) => {
                Self::new(StatusCode::CONFLICT, "NameAlreadyExists", message).with_target("name")
            }
            ResourcesError::IdTaken(_) => {
                Self::new(StatusCode::CONFLICT, "IdAlreadyExists", message).with_target("id")
            }
            ResourcesError::GroupNotFound(_) => Self::not_found(message).with_target("resourceGroup"),
            ResourcesError::GroupBeingDeleted(_) => {
                Self::new(StatusCode::CONFLICT, "ResourceGroupBeingDeleted", message)
                    .with_target("resourceGroup")
            }
            ResourcesError::ResourceNotFound(_) | ResourcesError::OperatorNotFound(_) => {
                Self::not_found(message).with_target("name")
            }
            ResourcesError::Refused(refusal) => refusal,
            ResourcesError::Store(cause) => cause.into(),
            ResourcesError::Vault(cause) => {
                tracing::error!(%cause, "an access key cannot be opened");
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
