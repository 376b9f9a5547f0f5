//! Why a call to a customer's address failed, without saying more of the address than its host.

use crate::error::causes;

/// Why there is no answer. Texts never carry the path or query of the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The name has no address, or nobody could be asked in time.
    #[error("the host name could not be resolved: {reason}")]
    Resolution {
        /// What the resolver says.
        reason: String,
    },
    /// Every address of the host is one that may not be called.
    #[error("the host has no address that may be called: it is private, loopback, link-local or reserved")]
    Refused,
    /// No connection: refused, unreachable, or not in time.
    #[error("no connection: {reason}")]
    Connect {
        /// What the system says of the last address.
        reason: String,
    },
    /// The certificate is not trusted or the handshake failed.
    #[error("no secure connection: {reason}")]
    Tls {
        /// What the TLS library says.
        reason: String,
    },
    /// What came is no HTTP/1.1 answer.
    #[error("the answer is no HTTP/1.1: {reason}")]
    Protocol {
        /// What the parser says.
        reason: String,
    },
    /// The answer's head or body is longer than accepted.
    #[error("the answer is longer than accepted")]
    TooLarge,
    /// The other side knows who calls and does not allow it; only protocols without a status have this.
    #[error("the server refused: {reason}")]
    Denied {
        /// What the server says.
        reason: String,
    },
    /// The connection ended before an answer came. On a connection that was used before, a new one may help.
    #[error("the connection was closed before an answer came: {reason}")]
    Closed {
        /// What is known of the reason.
        reason: String,
    },
}

impl OutboundError {
    /// A short word for logs and tables, the same for every error of a kind.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Resolution { .. } => "resolution",
            Self::Refused => "address refused",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Protocol { .. } => "protocol",
            Self::TooLarge => "answer too large",
            Self::Denied { .. } => "denied",
            Self::Closed { .. } => "closed",
        }
    }

    pub(super) fn of_hyper(error: &hyper::Error) -> Self {
        let reason = causes(error);
        if error.is_parse_too_large() {
            Self::TooLarge
        } else if error.is_parse() || error.is_user() {
            Self::Protocol { reason }
        } else {
            Self::Closed { reason }
        }
    }
}

/// Why a text is no address to call. The text itself is not repeated: it may hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not an absolute address in visible ASCII.
    #[error("the address is no absolute URL in ASCII, such as https://example.com/events")]
    Invalid,
    /// Longer than [`super::URL_BYTES_MAX`].
    #[error("the address is longer than {} bytes", super::URL_BYTES_MAX)]
    TooLong,
    /// Neither `https` nor `http`.
    #[error("the address must begin with https://")]
    Scheme,
    /// `http` where only `https` is allowed.
    #[error("the address must begin with https://; plain http is allowed only in development")]
    NotSecure,
    /// A user name or password before the host.
    #[error("the address must not hold a user name or password; send a secret header instead")]
    UserInfo,
    /// A host that is neither a name nor an IP address.
    #[error("the host of the address is neither a name in ASCII nor an IP address")]
    Host,
    /// Port 0.
    #[error("the port of the address must be 1 to 65535")]
    Port,
}
