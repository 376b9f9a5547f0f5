//! The TLS side of listeners and of the client.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::{CertificateFiles, Leaves, NetError};

/// What clients of a relay call their protocol (RFC 7443 §4).
pub(crate) const TURN: &[u8] = b"stun.turn";

/// Which certificates a listener presents.
///
/// For a client that names a host: the first certificate file with that name, else the own authority's
/// (if it may), else none, which ends the handshake. For a client that names none: the first certificate
/// file, else the own authority's standard certificate.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// Certificate files of the configuration.
    pub files: Option<Arc<CertificateFiles>>,
    /// Certificates of the own authority.
    pub leaves: Option<Arc<Leaves>>,
}

impl Certificates {
    /// The certificate for a client that asks for `server_name`.
    pub fn find(&self, server_name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let from_file = self.files.as_ref().and_then(|files| match server_name {
            Some(name) => files.find(name),
            None => files.first(),
        });
        from_file.or_else(|| self.leaves.as_ref()?.find(server_name))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN, session tickets with keys that live in memory and rotate.
///
/// **Errors**: only when the crypto library is broken.
pub fn server_config(certificates: Certificates) -> Result<Arc<ServerConfig>, NetError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    // A relay's client that offers HTTP as well means the relay.
    config.alpn_protocols = [TURN, b"h2", b"http/1.1"].map(<[u8]>::to_vec).to_vec();
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}

/// For outbound connections that trust `roots`.
///
/// **Errors**: only when the crypto library is broken.
pub fn client_config(roots: RootCertStore) -> Result<ClientConfig, NetError> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
