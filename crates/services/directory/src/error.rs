//! What can go wrong, and how an operator sees it.

use http::StatusCode;
use trunkline_store::StoreError;
use trunkline_store::vault::VaultError;
use trunkline_web::ApiError;
use trunkline_web::signing_keys::SigningKeyError;

/// Why something in the directory failed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is no such application.
    #[error("there is no application '{0}'")]
    ApplicationNotFound(String),
    /// The application has no such credential.
    #[error("the application has no credential '{0}'")]
    CredentialNotFound(String),
    /// There is no such user.
    #[error("there is no directory user '{0}'")]
    UserNotFound(String),
    /// There is no such role assignment.
    #[error("there is no role assignment '{0}'")]
    RoleAssignmentNotFound(String),
    /// Nobody is called so, in the directory or elsewhere.
    #[error("there is neither an application nor a directory user '{0}'")]
    PrincipalNotFound(String),
    /// An application and a user are both called so.
    #[error("both an application and a directory user are called '{0}'; name the object id")]
    PrincipalAmbiguous(String),
    /// There is no such resource.
    #[error("there is no resource named '{0}'")]
    ResourceNotFound(String),
    /// The name belongs to another application or user.
    #[error("the name '{0}' is taken")]
    NameTaken(String),
    /// The id belongs to another application or user.
    #[error("the id {0} is taken")]
    IdTaken(String),
    /// The application has that credential already.
    #[error("the application has that credential already")]
    CredentialExists,
    /// The principal has that role there already.
    #[error("the principal has the role '{0}' there already")]
    RoleAssigned(String),
    /// There are as many as there may be.
    #[error("there can be at most {max} {what}")]
    TooMany {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How many there may be.
        max: u64,
    },
    /// A configured issuer could speak for the directory, or for another issuer.
    #[error("the issuer '{issuer}' of directory.issuers {fault}")]
    IssuerRefused {
        /// Its `iss`.
        issuer: String,
        /// What is wrong with it; continues "the issuer".
        fault: &'static str,
    },
    /// A value does not fit.
    #[error("{}", .0.message)]
    Refused(ApiError),
    /// Too many passwords are being checked at this moment.
    #[error("too many passwords are being checked right now")]
    Busy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something sealed cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys that sign tokens cannot be had.
    #[error(transparent)]
    SigningKeys(#[from] SigningKeyError),
}

impl From<ApiError> for DirectoryError {
    fn from(refusal: ApiError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        let message = format!("{}.", capitalised(&error.to_string()));
        let conflict = |code, message| Self::new(StatusCode::CONFLICT, code, message);
        match error {
            DirectoryError::ApplicationNotFound(_)
            | DirectoryError::CredentialNotFound(_)
            | DirectoryError::UserNotFound(_)
            | DirectoryError::RoleAssignmentNotFound(_) => Self::not_found(message),
            DirectoryError::PrincipalNotFound(_) => Self::not_found(message).with_target("principal"),
            DirectoryError::PrincipalAmbiguous(_) => Self::conflict(message).with_target("principal"),
            DirectoryError::ResourceNotFound(_) => Self::not_found(message).with_target("resource"),
            DirectoryError::NameTaken(_) => conflict("NameAlreadyExists", message).with_target("name"),
            DirectoryError::IdTaken(_) => conflict("IdAlreadyExists", message).with_target("id"),
            DirectoryError::CredentialExists
            | DirectoryError::TooMany { .. }
            | DirectoryError::IssuerRefused { .. } => Self::conflict(message),
            DirectoryError::RoleAssigned(_) => conflict("RoleAssignmentExists", message).with_target("role"),
            DirectoryError::Refused(refusal) => refusal,
            DirectoryError::Busy => Self::unavailable(message),
            DirectoryError::Store(cause) => cause.into(),
            DirectoryError::Vault(cause) => {
                tracing::error!(%cause, "a secret of the directory cannot be opened");
                Self::internal()
            }
            DirectoryError::SigningKeys(cause) => {
                tracing::error!(%cause, "the signing keys of the directory cannot be used");
                Self::internal()
            }
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + characters.as_str())
}
