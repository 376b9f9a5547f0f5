//! The settings of listeners and certificates as types.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Reader;

/// The API's listener.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    /// 0 takes a free one.
    pub(crate) port: u16,
    /// At least one.
    pub(crate) addresses: Vec<IpAddr>,
    /// Open connections at most.
    pub(crate) connections_max: usize,
    /// To send the head of a request.
    pub(crate) header_timeout: Duration,
    /// To send the body of a request.
    pub(crate) body_timeout: Duration,
    /// Between requests.
    pub(crate) idle_timeout: Duration,
    /// The largest head.
    pub(crate) header_bytes_max: usize,
    /// The largest body.
    pub(crate) body_bytes_max: usize,
    /// To finish running requests when stopping.
    pub(crate) drain: Duration,
}

/// Certificates.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// Chain and key in PEM; `None` lets the server sign its own.
    pub(crate) files: Option<CertificateFiles>,
    /// Further names for own certificates.
    pub(crate) host_names: Vec<String>,
    /// The listener speaks plain HTTP: a proxy does the TLS.
    pub(crate) is_terminated_by_proxy: bool,
}

/// A certificate chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    /// The chain in PEM, leaf first.
    pub(crate) certificate: PathBuf,
    /// The private key in PEM.
    pub(crate) key: PathBuf,
}

/// The admin listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admin {
    /// Its address.
    pub(crate) address: IpAddr,
    /// 0 takes a free one.
    pub(crate) port: u16,
}

impl Reader<'_> {
    pub(super) fn http(&self) -> Http {
        Http {
            port: self.port("http.port").unwrap_or_default(),
            addresses: self.parsed_list("http.addresses"),
            connections_max: self.size("http.max_connections"),
            header_timeout: self.seconds("http.header_timeout_s", 1),
            body_timeout: self.seconds("http.body_timeout_s", 1),
            idle_timeout: self.seconds("http.idle_timeout_s", 1),
            header_bytes_max: self.size("http.max_header_bytes"),
            body_bytes_max: self.size("http.max_body_bytes"),
            drain: self.seconds("http.drain_s", 1),
        }
    }

    pub(super) fn tls(&self) -> Tls {
        let files = self.path("tls.certificate_file").zip(self.path("tls.key_file"));
        Tls {
            files: files.map(|(certificate, key)| CertificateFiles { certificate, key }),
            host_names: self.list("tls.host_names"),
            is_terminated_by_proxy: self.switch("tls.terminated_by_proxy"),
        }
    }

    pub(super) fn admin(&self) -> Option<Admin> {
        let address = self.text("admin.address")?.parse().ok()?;
        self.port("admin.port").map(|port| Admin { address, port })
    }
}
