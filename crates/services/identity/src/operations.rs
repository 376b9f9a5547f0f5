//! The operations of this service, as data.
//!
//! Published: `CommunicationIdentity`, api-versions 2021-03-07 to 2025-06-30, limits in requests for each
//! resource (ACS service limits). The others are our own.

use trunkline_kernel::limits::{NamedLimit, RequestRate};
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::signing_keys::KeySet;
use trunkline_web::{Allow, Method, Operation, Page, RequestBody, Role};

use crate::api::assignments::{
    TeamsExtensionAssignmentCreateOrUpdateRequest, TeamsExtensionAssignmentResponse,
};
use crate::api::discovery::Discovery;
use crate::api::exchanges::TeamsExtensionExchangeTokenRequest;
use crate::api::identities::{
    CommunicationIdentityAccessToken, CommunicationIdentityAccessTokenRequest,
    CommunicationIdentityAccessTokenResult, CommunicationIdentityCreateRequest,
};
use crate::api::teams::TeamsUserExchangeTokenRequest;
use crate::api::tokens::{InspectReply, InspectRequest};
use crate::api::users::{NewUser, User, UserPatch};

const VERSIONS: &[&str] = &["2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01", "2025-06-30"];

/// The exchange came with the second one.
const EXCHANGE_VERSIONS: &[&str] = &["2022-06-01", "2022-10-01", "2023-10-01", "2025-06-30"];

/// The Teams extension; clients of the preview send the same.
const EXTENSION_VERSIONS: &[&str] = &["2025-03-02-preview", "2025-06-30"];

/// The exchange of Entra tokens was published in previews only; SDKs send the second, and older ones the first.
const ENTRA_VERSIONS: &[&str] = &["2024-04-01-preview", "2025-03-02-preview", "2025-06-30"];

/// Who may call the published operations.
const CALLERS: &[Allow] = &[Allow::ResourceKey, Allow::Application(Role::Contributor)];

/// Who may look at what the published operations change.
const LOOKERS: &[Allow] = &[Allow::ResourceKey, Allow::Application(Role::Reader)];

/// The meter of exchanges.
const EXCHANGES: Option<&str> = Some("identity.exchanges");

const fn published(id: &'static str, method: Method, path: &'static str, requests_in_30_s: u32) -> Operation {
    Operation {
        service: "identity",
        versions: VERSIONS,
        // Python's asynchronous client signs the decoded target.
        accepts_decoded_signature: true,
        rate: NamedLimit { generous: None, acs: Some(RequestRate::per_seconds(requests_in_30_s, 30)) },
        ..Operation::own(id, method, path, CALLERS)
    }
}

/// `CommunicationIdentity_Create`.
pub static COMMUNICATION_IDENTITY_CREATE: Operation = Operation {
    success: 201,
    body: RequestBody::OptionalJson(schema_of::<CommunicationIdentityCreateRequest>),
    reply: Some(schema_of::<CommunicationIdentityAccessTokenResult>),
    meter: Some("identity.users"),
    summary: "Creates an identity, and an access token where scopes are asked for.",
    ..published("CommunicationIdentity_Create", Method::Post, "/identities", 1000)
};

/// `CommunicationIdentity_Delete`.
pub static COMMUNICATION_IDENTITY_DELETE: Operation = Operation {
    success: 204,
    summary: "Deletes an identity, revokes its tokens and deletes what belongs to it.",
    ..published("CommunicationIdentity_Delete", Method::Delete, "/identities/{id}", 500)
};

/// `CommunicationIdentity_IssueAccessToken`.
pub static COMMUNICATION_IDENTITY_ISSUE_ACCESS_TOKEN: Operation = Operation {
    body: RequestBody::Json(schema_of::<CommunicationIdentityAccessTokenRequest>),
    reply: Some(schema_of::<CommunicationIdentityAccessToken>),
    summary: "Issues an access token for an identity.",
    ..published(
        "CommunicationIdentity_IssueAccessToken",
        Method::Post,
        "/identities/{id}/:issueAccessToken",
        1000,
    )
};

/// `CommunicationIdentity_RevokeAccessTokens`.
pub static COMMUNICATION_IDENTITY_REVOKE_ACCESS_TOKENS: Operation = Operation {
    success: 204,
    summary: "Revokes all access tokens of an identity.",
    ..published(
        "CommunicationIdentity_RevokeAccessTokens",
        Method::Post,
        "/identities/{id}/:revokeAccessTokens",
        500,
    )
};

/// `CommunicationIdentity_ExchangeTeamsUserAccessToken`.
pub static COMMUNICATION_IDENTITY_EXCHANGE_TEAMS_USER_ACCESS_TOKEN: Operation = Operation {
    body: RequestBody::Json(schema_of::<TeamsUserExchangeTokenRequest>),
    reply: Some(schema_of::<CommunicationIdentityAccessToken>),
    versions: EXCHANGE_VERSIONS,
    meter: EXCHANGES,
    summary: "Exchanges a directory token of a Teams user for an access token with the same expiry.",
    ..published(
        "CommunicationIdentity_ExchangeTeamsUserAccessToken",
        Method::Post,
        "/teamsUser/:exchangeAccessToken",
        500,
    )
};

/// `EntraToken_Exchange`.
pub static ENTRA_TOKEN_EXCHANGE: Operation = Operation {
    allow: &[Allow::DirectoryUser],
    body: RequestBody::OptionalJson(schema_of::<TeamsExtensionExchangeTokenRequest>),
    reply: Some(schema_of::<CommunicationIdentityAccessTokenResult>),
    versions: ENTRA_VERSIONS,
    meter: EXCHANGES,
    summary: "Exchanges a directory user's token for an access token of the user's identity in the resource.",
    ..published("EntraToken_Exchange", Method::Post, "/access/entra/:exchangeAccessToken", 500)
};

/// `TeamsExtensionToken_Exchange`.
pub static TEAMS_EXTENSION_TOKEN_EXCHANGE: Operation = Operation {
    allow: &[Allow::DirectoryUser],
    body: RequestBody::OptionalJson(schema_of::<TeamsExtensionExchangeTokenRequest>),
    reply: Some(schema_of::<CommunicationIdentityAccessTokenResult>),
    versions: EXTENSION_VERSIONS,
    meter: EXCHANGES,
    summary: "Exchanges the token of a directory user with an assignment for an access token.",
    ..published(
        "TeamsExtensionToken_Exchange",
        Method::Post,
        "/access/teamsExtension/:exchangeAccessToken",
        500,
    )
};

const ASSIGNMENT: &str = "/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}";

/// `TeamsExtensionAssignment_Get`.
pub static TEAMS_EXTENSION_ASSIGNMENT_GET: Operation = Operation {
    allow: LOOKERS,
    reply: Some(schema_of::<TeamsExtensionAssignmentResponse>),
    versions: EXTENSION_VERSIONS,
    summary: "Shows whether, and with which applications, a directory user may use the Teams extension.",
    ..published("TeamsExtensionAssignment_Get", Method::Get, ASSIGNMENT, 500)
};

/// `TeamsExtensionAssignment_Upsert`; 200 where it replaces one.
pub static TEAMS_EXTENSION_ASSIGNMENT_UPSERT: Operation = Operation {
    success: 201,
    body: RequestBody::Json(schema_of::<TeamsExtensionAssignmentCreateOrUpdateRequest>),
    reply: Some(schema_of::<TeamsExtensionAssignmentResponse>),
    versions: EXTENSION_VERSIONS,
    summary: "Lets a directory user use the Teams extension; ends tokens where it takes an application away.",
    ..published("TeamsExtensionAssignment_Upsert", Method::Put, ASSIGNMENT, 500)
};

/// `TeamsExtensionAssignment_Delete`.
pub static TEAMS_EXTENSION_ASSIGNMENT_DELETE: Operation = Operation {
    success: 204,
    versions: EXTENSION_VERSIONS,
    summary: "Takes the Teams extension away from a directory user and ends the user's tokens.",
    ..published("TeamsExtensionAssignment_Delete", Method::Delete, ASSIGNMENT, 500)
};

const READER: &[Allow] = &[Allow::Operator(Role::Reader)];
const CONTRIBUTOR: &[Allow] = &[Allow::Operator(Role::Contributor)];
const USERS: &str = "/trunkline/resources/{name}/users";
const USER: &str = "/trunkline/resources/{name}/users/{id}";

const SEARCH: QueryParameter = QueryParameter {
    name: "search",
    kind: "string",
    description: "Part of the id or of a label's value; case does not matter.",
};
const LABEL: QueryParameter = QueryParameter {
    name: "label",
    kind: "string",
    description: "`name=value`: a label that must be there.",
};

/// Lists and searches users.
pub static USERS_LIST: Operation = Operation {
    reply: Some(schema_of::<Page<User>>),
    query: &[SEARCH, LABEL, MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the users of a resource by id, or searches among them.",
    ..Operation::own("Users_List", Method::Get, USERS, READER)
};

/// Creates a user, with a given id where wanted.
pub static USERS_CREATE: Operation = Operation {
    success: 201,
    body: RequestBody::OptionalJson(schema_of::<NewUser>),
    reply: Some(schema_of::<User>),
    summary: "Creates a user, with a given id where wanted, to keep identifiers from before a move.",
    ..Operation::own("Users_Create", Method::Post, USERS, CONTRIBUTOR)
};

/// Shows a user.
pub static USERS_GET: Operation = Operation {
    reply: Some(schema_of::<User>),
    summary: "Shows a user.",
    ..Operation::own("Users_Get", Method::Get, USER, READER)
};

/// Changes a user's labels.
pub static USERS_UPDATE: Operation = Operation {
    body: RequestBody::MergePatch(schema_of::<UserPatch>),
    reply: Some(schema_of::<User>),
    summary: "Changes the labels of a user; null removes one.",
    ..Operation::own("Users_Update", Method::Patch, USER, CONTRIBUTOR)
};

/// Deletes a user.
pub static USERS_DELETE: Operation = Operation {
    success: 204,
    summary: "Deletes a user, revokes its tokens and deletes what belongs to it.",
    ..Operation::own("Users_Delete", Method::Delete, USER, CONTRIBUTOR)
};

/// Issues a token as an operator.
pub static USERS_ISSUE_TOKEN: Operation = Operation {
    body: RequestBody::Json(schema_of::<CommunicationIdentityAccessTokenRequest>),
    reply: Some(schema_of::<CommunicationIdentityAccessToken>),
    summary: "Issues an access token for a user.",
    ..Operation::own(
        "Users_IssueToken",
        Method::Post,
        "/trunkline/resources/{name}/users/{id}/:issueToken",
        CONTRIBUTOR,
    )
};

/// Revokes a user's tokens as an operator.
pub static USERS_REVOKE_TOKENS: Operation = Operation {
    success: 204,
    summary: "Revokes all access tokens of a user.",
    ..Operation::own(
        "Users_RevokeTokens",
        Method::Post,
        "/trunkline/resources/{name}/users/{id}/:revokeTokens",
        CONTRIBUTOR,
    )
};

/// Says what a token is good for.
pub static TOKENS_INSPECT: Operation = Operation {
    body: RequestBody::Json(schema_of::<InspectRequest>),
    reply: Some(schema_of::<InspectReply>),
    summary: "Says what an access token is good for, and if for nothing, why.",
    is_inspection: true,
    ..Operation::own("Tokens_Inspect", Method::Post, "/trunkline/tokens/:inspect", READER)
};

/// OpenID Connect Discovery for user tokens.
pub static DISCOVERY_GET: Operation = Operation {
    reply: Some(schema_of::<Discovery>),
    summary: "Says where the keys are that verify user access tokens (OpenID Connect Discovery).",
    ..Operation::own("Discovery_Get", Method::Get, "/.well-known/openid-configuration", &[Allow::Anyone])
};

/// The key set for user tokens.
pub static KEYS_GET: Operation = Operation {
    reply: Some(schema_of::<KeySet>),
    summary: "The public keys that verify user access tokens (RFC 7517).",
    ..Operation::own("Keys_Get", Method::Get, "/trunkline/keys", &[Allow::Anyone])
};

/// Every operation of this service.
pub static ALL: &[&Operation] = &[
    &COMMUNICATION_IDENTITY_CREATE,
    &COMMUNICATION_IDENTITY_DELETE,
    &COMMUNICATION_IDENTITY_ISSUE_ACCESS_TOKEN,
    &COMMUNICATION_IDENTITY_REVOKE_ACCESS_TOKENS,
    &COMMUNICATION_IDENTITY_EXCHANGE_TEAMS_USER_ACCESS_TOKEN,
    &ENTRA_TOKEN_EXCHANGE,
    &TEAMS_EXTENSION_TOKEN_EXCHANGE,
    &TEAMS_EXTENSION_ASSIGNMENT_GET,
    &TEAMS_EXTENSION_ASSIGNMENT_UPSERT,
    &TEAMS_EXTENSION_ASSIGNMENT_DELETE,
    &USERS_LIST,
    &USERS_CREATE,
    &USERS_GET,
    &USERS_UPDATE,
    &USERS_DELETE,
    &USERS_ISSUE_TOKEN,
    &USERS_REVOKE_TOKENS,
    &TOKENS_INSPECT,
    &DISCOVERY_GET,
    &KEYS_GET,
];
