//! Every operation through the whole pipeline, on both engines.

mod all_operations;
mod communication_identity_create;
mod communication_identity_delete;
mod communication_identity_exchange_teams_user_access_token;
mod communication_identity_issue_access_token;
mod communication_identity_revoke_access_tokens;
mod discovery_get;
mod entra_token_exchange;
mod harness;
mod published_examples;
mod repeated_requests;
mod signing_key_rotation;
mod teams_extension_assignment_delete;
mod teams_extension_assignment_get;
mod teams_extension_assignment_upsert;
mod teams_extension_token_exchange;
mod token_ends;
mod tokens_inspect;
mod users_create;
mod users_delete;
mod users_get;
mod users_issue_token;
mod users_list;
mod users_revoke_tokens;
mod users_update;
