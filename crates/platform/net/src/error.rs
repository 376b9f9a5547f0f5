//! What can go wrong on the network side, and what to do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// An error of a listener, a certificate or the outbound client.
///
/// Texts name the value and, where the reader can act, what to do.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Another program listens there.
    #[error(
        "address {address} is in use: stop the program that listens there (`ss -ltnp` names it), or choose \
         another port (0 takes a free one)"
    )]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The operating system refused an address for another reason.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address or socket path asked for.
        address: String,
        /// The system's answer.
        source: io::Error,
    },
    /// No address was given, or none of the machine's.
    #[error("no address to listen on: give at least one that this machine has")]
    NoAddress,
    /// A unix socket's path does not fit the system's structure.
    #[error(
        "socket path {path} has {bytes} bytes, the system allows {limit}: choose a data folder with a shorter path"
    )]
    SocketPathTooLong {
        /// The path asked for.
        path: PathBuf,
        /// Its length in bytes.
        bytes: usize,
        /// The longest allowed length in bytes.
        limit: usize,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The files of the own certificate authority cannot be used.
    #[error(
        "the certificate authority in {folder} cannot be used: {reason}; restore both files from a backup, or \
         delete them and start again to make a new authority (clients must then trust the new one)"
    )]
    Authority {
        /// The folder of `ca.pem` and `ca.key`.
        folder: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A configured certificate or key file cannot be used.
    #[error("certificate file {path} cannot be used: {reason}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A name that no certificate can carry.
    #[error("{name:?} is no host name or IP address that a certificate can name (wildcards are not issued)")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// Making or signing something failed: a bug or a broken crypto library.
    #[error("cannot make {what}: {reason}")]
    Make {
        /// What was made.
        what: &'static str,
        /// What the library says.
        reason: String,
    },
    /// The TLS library refused its configuration: a bug.
    #[error("TLS configuration: {0}")]
    Tls(#[from] rustls::Error),
    /// A request's address has no host or another scheme than `http` and `https`.
    #[error("{url:?} is no http or https address")]
    Url {
        /// The address asked for.
        url: String,
    },
    /// No connection: refused, no such name, or the certificate is not trusted.
    #[error("cannot connect to {host}: {reason}")]
    Connect {
        /// Host and port, or the socket path.
        host: String,
        /// The chain of causes.
        reason: String,
    },
    /// The connection broke or the other side does not speak HTTP.
    #[error("the exchange with {host} failed: {reason}")]
    Exchange {
        /// Host and port, or the socket path.
        host: String,
        /// The chain of causes.
        reason: String,
    },
    /// The answer did not come in time.
    #[error("{host} did not answer within {after:?}")]
    TimedOut {
        /// Host and port, or the socket path.
        host: String,
        /// The total time-out.
        after: Duration,
    },
    /// The answer's body is longer than the caller accepts.
    #[error("the answer of {host} is longer than {limit_bytes} bytes")]
    TooLarge {
        /// Host and port, or the socket path.
        host: String,
        /// The bound, in bytes.
        limit_bytes: usize,
    },
}

impl NetError {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { action, path: path.into(), source }
    }

    pub(crate) fn make(what: &'static str, cause: impl std::fmt::Display) -> Self {
        Self::Make { what, reason: cause.to_string() }
    }
}

/// The error and its causes in one line: libraries hide the useful part in `source`.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let part = cause.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = cause.source();
    }
    text
}
