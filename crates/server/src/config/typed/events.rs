//! The settings of event delivery as types.

use std::time::Duration;

use trunkline_kernel::Secret;
use trunkline_net::outbound::IpNetwork;

use super::Reader;

/// Event delivery.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    /// Networks that are not public and that web hooks may be in all the same.
    pub(crate) allowed_networks: Vec<IpNetwork>,
    /// Whether endpoints may be reached without TLS.
    pub(crate) allow_http: bool,
    /// How long published events are kept.
    pub(crate) history: Duration,
    /// How many published events are kept.
    pub(crate) history_rows_max: u32,
    /// How long delivery attempts are kept.
    pub(crate) log: Duration,
    /// How many delivery attempts are kept.
    pub(crate) log_rows_max: u32,
    /// Deliveries that may wait for one subscription.
    pub(crate) pending_max: u32,
    /// The name that the handshake of `CloudEvents` asks endpoints to allow.
    pub(crate) webhook_origin: String,
    /// The server behind NATS destinations; `None` refuses them.
    pub(crate) nats: Option<Nats>,
}

/// A NATS server.
#[derive(Clone, Debug)]
pub(crate) struct Nats {
    /// `nats://HOST:PORT` or `tls://HOST:PORT`.
    pub(crate) url: String,
    /// The user, with a password.
    pub(crate) user: Option<String>,
    /// The user's password.
    pub(crate) password: Option<Secret<String>>,
    /// A token, in place of user and password.
    pub(crate) token: Option<Secret<String>>,
}

impl Reader<'_> {
    pub(super) fn events(&self) -> Events {
        let count = |key: &str| self.integer(key).unwrap_or_default();
        let nats = |url: String| Nats {
            url,
            user: self.text("events.nats.user"),
            password: self.text("events.nats.password").map(Secret::new),
            token: self.text("events.nats.token").map(Secret::new),
        };
        Events {
            allowed_networks: self.parsed_list("events.allowed_networks"),
            allow_http: self.switch("events.allow_http"),
            history: self.seconds("events.history_hours", 3_600),
            history_rows_max: count("events.history_rows_max"),
            log: self.seconds("events.log_days", 86_400),
            log_rows_max: count("events.log_rows_max"),
            pending_max: count("events.pending_max"),
            webhook_origin: self.text("events.webhook_origin").unwrap_or_default(),
            nats: self.text("events.nats.url").map(nats),
        }
    }
}
