//! The address of a call, checked once when it is given.

use std::fmt;
use std::net::IpAddr;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use rustls::pki_types::ServerName;
use trunkline_kernel::Secret;

use super::TargetError;

/// The longest address, in bytes: servers commonly accept 8 KiB for the request line with all headers.
pub const URL_BYTES_MAX: usize = 4096;

/// Where a request goes. Its query counts as secret: `Debug` and [`Target::shown`] leave it out.
#[derive(Clone)]
pub struct Target {
    is_secure: bool,
    host: TargetHost,
    port: u16,
    path_and_query: PathAndQuery,
    host_header: HeaderValue,
    server_name: ServerName<'static>,
    shown: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TargetHost {
    Name(String),
    Address(IpAddr),
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({})", self.shown)
    }
}

impl Target {
    /// Reads `url`; plain `http` only where `allow_http` says so. A fragment is left out.
    ///
    /// **Errors**: [`TargetError`], which never repeats the address.
    pub fn parse(url: &Secret<String>, allow_http: bool) -> Result<Self, TargetError> {
        let text = url.expose();
        if text.len() > URL_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetError::Invalid);
        }
        let parts = text.parse::<Uri>().map_err(|_| TargetError::Invalid)?.into_parts();
        let scheme = parts.scheme.ok_or(TargetError::Invalid)?;
        let is_secure = match scheme {
            _ if scheme == Scheme::HTTPS => true,
            _ if scheme == Scheme::HTTP && allow_http => false,
            _ if scheme == Scheme::HTTP => return Err(TargetError::NotSecure),
            _ => return Err(TargetError::Scheme),
        };
        let authority = parts.authority.ok_or(TargetError::Invalid)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::UserInfo);
        }
        let host_text = authority.host().to_ascii_lowercase();
        let (host, server_name) = read_host(&host_text)?;
        let default_port = if is_secure { 443 } else { 80 };
        let port = read_port(&authority, default_port)?;
        let place = if port == default_port { host_text } else { format!("{host_text}:{port}") };
        let path_and_query = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self {
            is_secure,
            host,
            port,
            host_header: HeaderValue::from_str(&place).map_err(|_| TargetError::Host)?,
            server_name,
            shown: format!("{scheme}://{place}{}", path_and_query.path()),
            path_and_query,
        })
    }

    /// `scheme://host:port/path`, without the query; the port only when it is not the scheme's own.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether requests go over TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The port, the scheme's own when the address names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn host(&self) -> &TargetHost {
        &self.host
    }

    pub(super) fn path_and_query(&self) -> &PathAndQuery {
        &self.path_and_query
    }

    pub(super) fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    pub(super) fn server_name(&self) -> ServerName<'static> {
        self.server_name.clone()
    }
}

/// The parser of addresses leaves out a port that is too large; it must not become the scheme's own.
fn read_port(authority: &Authority, default: u16) -> Result<u16, TargetError> {
    let after_host = authority.as_str().get(authority.host().len()..).unwrap_or_default();
    match after_host.strip_prefix(':').unwrap_or(after_host) {
        "" => Ok(default),
        digits => digits.parse().ok().filter(|port| *port != 0).ok_or(TargetError::Port),
    }
}

fn read_host(text: &str) -> Result<(TargetHost, ServerName<'static>), TargetError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(inside) => Some(inside.parse::<IpAddr>().map_err(|_| TargetError::Host)?),
        None => text.parse::<IpAddr>().ok(),
    };
    if let Some(address) = address {
        return Ok((TargetHost::Address(address), ServerName::IpAddress(address.into())));
    }
    let name = ServerName::try_from(text.to_owned()).map_err(|_| TargetError::Host)?;
    Ok((TargetHost::Name(text.to_owned()), name))
}

#[cfg(test)]
mod tests;
