//! The operation of this service, as data.
//!
//! Published: `CommunicationNetworkTraversal`, api-version 2022-03-01-preview.

use trunkline_web::operation::schema_of;
use trunkline_web::{Allow, Method, Operation, RequestBody, Role};

use crate::api::{CommunicationRelayConfiguration, CommunicationRelayConfigurationRequest};

/// `CommunicationNetworkTraversal_IssueRelayConfiguration`.
pub static COMMUNICATION_NETWORK_TRAVERSAL_ISSUE_RELAY_CONFIGURATION: Operation = Operation {
    service: "traversal",
    versions: &["2022-03-01-preview"],
    // Python's asynchronous client signs the decoded target.
    accepts_decoded_signature: true,
    body: RequestBody::OptionalJson(schema_of::<CommunicationRelayConfigurationRequest>),
    reply: Some(schema_of::<CommunicationRelayConfiguration>),
    summary: "Issues the addresses of the relay with a name and password for it.",
    ..Operation::own(
        "CommunicationNetworkTraversal_IssueRelayConfiguration",
        Method::Post,
        "/networkTraversal/:issueRelayConfiguration",
        &[Allow::ResourceKey, Allow::Application(Role::Contributor)],
    )
};

/// Every operation of this service.
pub static ALL: &[&Operation] = &[&COMMUNICATION_NETWORK_TRAVERSAL_ISSUE_RELAY_CONFIGURATION];
