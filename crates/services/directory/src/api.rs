//! HTTP: wire types and one handler per operation.

pub(crate) mod applications;
pub(crate) mod authorize;
pub(crate) mod credentials;
pub(crate) mod directory;
pub(crate) mod discovery;
pub(crate) mod metadata;
pub(crate) mod role_assignments;
pub(crate) mod token;
pub(crate) mod users;

use std::sync::Arc;

use trunkline_web::Routes;

use crate::{DirectoryService, operations, operations_oauth};

/// Every operation.
pub(crate) fn routes(service: &Arc<DirectoryService>) -> Routes {
    operator_routes(service).join(oauth_routes(service))
}

/// The operations of the token service.
fn oauth_routes(service: &Arc<DirectoryService>) -> Routes {
    use operations_oauth as oauth;
    Routes::new()
        .add(&oauth::OPEN_ID_CONFIGURATION_GET, service, discovery::open_id_configuration_get)
        .add(&oauth::OPEN_ID_CONFIGURATION_GET_WITHOUT_VERSION, service, discovery::open_id_configuration_get)
        .add(&oauth::DIRECTORY_KEYS_GET, service, discovery::directory_keys_get)
        .add(&oauth::DIRECTORY_TOKENS_ISSUE, service, token::directory_tokens_issue)
        .add(&oauth::SIGN_IN_SHOW, service, authorize::sign_in_show)
        .add(&oauth::SIGN_IN_SUBMIT, service, authorize::sign_in_submit)
        .add(&oauth::MANAGED_IDENTITY_GET_TOKEN, service, metadata::managed_identity_get_token)
        .add(&oauth::MANAGED_IDENTITY_GET_TOKEN_WITH_SLASH, service, metadata::managed_identity_get_token)
}

/// The operations of operators.
fn operator_routes(service: &Arc<DirectoryService>) -> Routes {
    Routes::new()
        .add(&operations::DIRECTORY_GET, service, directory::directory_get)
        .add(&operations::APPLICATIONS_LIST, service, applications::applications_list)
        .add(&operations::APPLICATIONS_CREATE, service, applications::applications_create)
        .add(&operations::APPLICATIONS_GET, service, applications::applications_get)
        .add(&operations::APPLICATIONS_UPDATE, service, applications::applications_update)
        .add(&operations::APPLICATIONS_DELETE, service, applications::applications_delete)
        .add(&operations::CREDENTIALS_ADD, service, credentials::credentials_add)
        .add(&operations::CREDENTIALS_DELETE, service, credentials::credentials_delete)
        .add(&operations::DIRECTORY_USERS_LIST, service, users::directory_users_list)
        .add(&operations::DIRECTORY_USERS_CREATE, service, users::directory_users_create)
        .add(&operations::DIRECTORY_USERS_GET, service, users::directory_users_get)
        .add(&operations::DIRECTORY_USERS_UPDATE, service, users::directory_users_update)
        .add(&operations::DIRECTORY_USERS_DELETE, service, users::directory_users_delete)
        .add(&operations::ROLE_ASSIGNMENTS_LIST, service, role_assignments::role_assignments_list)
        .add(&operations::ROLE_ASSIGNMENTS_CREATE, service, role_assignments::role_assignments_create)
        .add(&operations::ROLE_ASSIGNMENTS_DELETE, service, role_assignments::role_assignments_delete)
}
