//! The operations of this service, as data.

use trunkline_calling_wire::operator::{CallDetails, CallView};
use trunkline_web::operation::{CONTINUATION_TOKEN, MAX_PAGE_SIZE, QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, Page, Role};

const READER: &[Allow] = &[Allow::Operator(Role::Reader)];

/// The resource, where the host is a node's own.
pub(crate) const RESOURCE: QueryParameter = QueryParameter {
    name: "resource",
    kind: "string",
    description: "The id of the resource, where it is not that of the host name: in the addresses of redirects.",
};

/// The signalling socket: `Calling_Connect`.
pub(crate) static CALLING_CONNECT: Operation = Operation {
    service: "calling",
    success: 101,
    is_quiet: true,
    query: &[RESOURCE],
    summary: "Upgrades to the WebSocket of signalling; the first message has the user's token.",
    ..Operation::own("Calling_Connect", Method::Get, "/calling/signalling", &[Allow::Anyone])
};

/// `Calls_List`.
pub(crate) static CALLS_LIST: Operation = Operation {
    service: "calling",
    reply: Some(schema_of::<Page<CallView>>),
    query: &[MAX_PAGE_SIZE, CONTINUATION_TOKEN],
    summary: "Lists the calls of a resource, the newest first.",
    ..Operation::own("Calls_List", Method::Get, "/trunkline/resources/{name}/calls", READER)
};

/// `Calls_Get`.
pub(crate) static CALLS_GET: Operation = Operation {
    service: "calling",
    reply: Some(schema_of::<CallDetails>),
    summary: "Shows a call and everybody who was in it.",
    ..Operation::own("Calls_Get", Method::Get, "/trunkline/resources/{name}/calls/{callId}", READER)
};

/// Placing and joining calls, which happens over the socket: named by spend limits and in the usage ledger.
pub(crate) static CALLING_START: Operation = Operation {
    service: "calling",
    meter: Some("calling.participant_minutes"),
    summary: "Places or joins a call, as a message of the signalling socket.",
    ..Operation::own(
        "Calling_Start",
        Method::Post,
        "/calling/signalling",
        &[Allow::User(&["voip", "voip.join"])],
    )
};

/// What is counted without a route of its own.
pub static METERED: &[&Operation] = &[&CALLING_START];

/// Every operation of this service that has a route, in the order of its routes.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    [&CALLING_CONNECT, &CALLS_LIST, &CALLS_GET].into_iter()
}
