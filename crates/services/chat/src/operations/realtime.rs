//! The operations of the realtime channel, as the SDK's transport calls them. They are in no published description.

use trunkline_chat_wire::realtime::{Allocation, RealtimeConfiguration, Registration};
use trunkline_kernel::limits::{NamedLimit, RequestRate};
use trunkline_web::operation::{QueryParameter, schema_of};
use trunkline_web::{Allow, Method, Operation, RateScope, RequestBody, ScopedRate};

/// Whoever may take part may listen.
const LISTENERS: &[Allow] = &[Allow::User(&["chat", "chat.join", "chat.join.limited"])];

/// The header with the user's token, bare.
const TOKEN_HEADER: Option<&str> = Some("x-skypetoken");

/// A client builds a connection in one handshake and tries again after a second or more.
const HANDSHAKES: RequestRate = RequestRate::per_seconds(60, 60);
const HANDSHAKE_RATES: &[ScopedRate] = &[ScopedRate {
    scope: RateScope::Caller,
    rate: NamedLimit { generous: Some(HANDSHAKES), acs: Some(HANDSHAKES) },
}];

/// A client registers once for each connection.
const REGISTRATIONS: RequestRate = RequestRate::per_seconds(120, 60);
const REGISTRATION_RATES: &[ScopedRate] = &[ScopedRate {
    scope: RateScope::Caller,
    rate: NamedLimit { generous: Some(REGISTRATIONS), acs: Some(REGISTRATIONS) },
}];

/// The largest body of a poll's answer, as of a WebSocket frame.
const POLL_BYTES_MAX: Option<usize> = Some(64 * 1024);

const fn realtime(id: &'static str, method: Method, path: &'static str) -> Operation {
    Operation {
        service: "realtime",
        token_header: TOKEN_HEADER,
        ..Operation::own(id, method, path, LISTENERS)
    }
}

/// Where the channel is.
pub(crate) const REALTIME_GET_CONFIGURATION: Operation = Operation {
    token_header: None,
    reply: Some(schema_of::<RealtimeConfiguration>),
    summary: "Tells where realtime notifications are.",
    ..realtime("Realtime_GetConfiguration", Method::Get, "/chat/config/realTimeNotifications")
};

/// The first connection of a client.
pub(crate) const REALTIME_ALLOCATE: Operation = Operation {
    body: RequestBody::Text,
    reply: Some(schema_of::<Allocation>),
    scoped_rates: HANDSHAKE_RATES,
    summary: "Gives a client the parameters to connect with.",
    ..realtime("Realtime_Allocate", Method::Post, "/trouter/v4/a")
};

/// Its later connections.
pub(crate) const REALTIME_REALLOCATE: Operation = Operation {
    body: RequestBody::Text,
    reply: Some(schema_of::<Allocation>),
    scoped_rates: HANDSHAKE_RATES,
    summary: "Gives a client that was connected new parameters.",
    ..realtime("Realtime_Reallocate", Method::Post, "/v4/a")
};

/// The handshake of Socket.IO.
pub(crate) const REALTIME_HANDSHAKE: Operation = Operation {
    scoped_rates: HANDSHAKE_RATES,
    query: &[QueryParameter {
        name: "trunkline",
        kind: "string",
        description: "`1` for notifications that ACS does not have.",
    }],
    summary: "Opens a session and names the transports.",
    ..realtime("Realtime_Handshake", Method::Get, "/socket.io/1/")
};

/// The WebSocket.
pub(crate) const REALTIME_CONNECT: Operation = Operation {
    success: 101,
    allow: &[Allow::Anyone],
    token_header: None,
    is_quiet: true,
    summary: "Upgrades to a WebSocket; the session id in the path says who connects.",
    ..realtime("Realtime_Connect", Method::Get, "/socket.io/1/websocket/{sessionId}")
};

/// A poll.
pub(crate) const REALTIME_POLL: Operation = Operation {
    is_quiet: true,
    summary: "Waits for frames, for clients without a WebSocket.",
    ..realtime("Realtime_Poll", Method::Get, "/socket.io/1/xhr-polling/{sessionId}")
};

/// Frames of a polling client.
pub(crate) const REALTIME_POLL_SEND: Operation = Operation {
    body: RequestBody::Text,
    body_bytes_max: POLL_BYTES_MAX,
    is_inspection: true,
    is_quiet: true,
    summary: "Takes frames of a client without a WebSocket.",
    ..realtime("Realtime_PollSend", Method::Post, "/socket.io/1/xhr-polling/{sessionId}")
};

/// A registration.
pub(crate) const REALTIME_REGISTER: Operation = Operation {
    success: 202,
    scoped_rates: REGISTRATION_RATES,
    body: RequestBody::Json(schema_of::<Registration>),
    summary: "Registers a client for notifications.",
    ..realtime("Realtime_Register", Method::Post, "/registrar/v3/registrations")
};

/// Its end.
pub(crate) const REALTIME_UNREGISTER: Operation = Operation {
    scoped_rates: REGISTRATION_RATES,
    summary: "Ends the registration of a client.",
    ..realtime("Realtime_Unregister", Method::Delete, "/registrar/v3/registrations/{registrationId}")
};

/// Whether the server is there.
pub(crate) const REALTIME_CHECK: Operation = Operation {
    allow: &[Allow::Anyone],
    token_header: None,
    query: &[QueryParameter {
        name: "check",
        kind: "string",
        description: "Any value; without it nothing is here.",
    }],
    summary: "Tells a client that lost its connection whether the server can be reached.",
    ..realtime("Realtime_Check", Method::Get, "/")
};

/// Every one of them, in the order of the routes.
pub(crate) const ALL: &[&Operation] = &[
    &REALTIME_GET_CONFIGURATION,
    &REALTIME_ALLOCATE,
    &REALTIME_REALLOCATE,
    &REALTIME_HANDSHAKE,
    &REALTIME_CONNECT,
    &REALTIME_POLL,
    &REALTIME_POLL_SEND,
    &REALTIME_REGISTER,
    &REALTIME_UNREGISTER,
    &REALTIME_CHECK,
];
