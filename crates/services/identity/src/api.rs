//! HTTP: wire types and one handler per operation.

pub(crate) mod assignments;
pub(crate) mod discovery;
pub(crate) mod exchanges;
pub(crate) mod identities;
pub(crate) mod teams;
pub(crate) mod tokens;
pub(crate) mod users;

use std::sync::Arc;

use trunkline_web::Routes;

use crate::{Identity, operations};

pub(crate) fn routes(service: &Arc<Identity>) -> Routes {
    Routes::new()
        .add(&operations::COMMUNICATION_IDENTITY_CREATE, service, identities::communication_identity_create)
        .add(&operations::COMMUNICATION_IDENTITY_DELETE, service, identities::communication_identity_delete)
        .add(
            &operations::COMMUNICATION_IDENTITY_ISSUE_ACCESS_TOKEN,
            service,
            identities::communication_identity_issue_access_token,
        )
        .add(
            &operations::COMMUNICATION_IDENTITY_REVOKE_ACCESS_TOKENS,
            service,
            identities::communication_identity_revoke_access_tokens,
        )
        .add(
            &operations::COMMUNICATION_IDENTITY_EXCHANGE_TEAMS_USER_ACCESS_TOKEN,
            service,
            teams::communication_identity_exchange_teams_user_access_token,
        )
        .add(&operations::ENTRA_TOKEN_EXCHANGE, service, exchanges::entra_token_exchange)
        .add(&operations::TEAMS_EXTENSION_TOKEN_EXCHANGE, service, exchanges::teams_extension_token_exchange)
        .add(
            &operations::TEAMS_EXTENSION_ASSIGNMENT_GET,
            service,
            assignments::teams_extension_assignment_get,
        )
        .add(
            &operations::TEAMS_EXTENSION_ASSIGNMENT_UPSERT,
            service,
            assignments::teams_extension_assignment_upsert,
        )
        .add(
            &operations::TEAMS_EXTENSION_ASSIGNMENT_DELETE,
            service,
            assignments::teams_extension_assignment_delete,
        )
        .add(&operations::USERS_LIST, service, users::users_list)
        .add(&operations::USERS_CREATE, service, users::users_create)
        .add(&operations::USERS_GET, service, users::users_get)
        .add(&operations::USERS_UPDATE, service, users::users_update)
        .add(&operations::USERS_DELETE, service, users::users_delete)
        .add(&operations::USERS_ISSUE_TOKEN, service, users::users_issue_token)
        .add(&operations::USERS_REVOKE_TOKENS, service, users::users_revoke_tokens)
        .add(&operations::TOKENS_INSPECT, service, tokens::tokens_inspect)
        .add(&operations::DISCOVERY_GET, service, discovery::discovery_get)
        .add(&operations::KEYS_GET, service, discovery::keys_get)
}
