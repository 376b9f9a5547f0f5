//! TLS over a connection that exists already, and one type for both kinds of streams.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{NetError, tls};

/// Begins TLS on connections. Clones share the sessions.
#[derive(Clone)]
pub struct Securer {
    connector: TlsConnector,
}

impl fmt::Debug for Securer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Securer")
    }
}

impl Securer {
    /// TLS that trusts `authorities` and offers `protocols` by ALPN (none when empty). Authorities that the
    /// TLS library cannot use are left out.
    ///
    /// **Errors**: only when the crypto library is broken.
    pub fn new(authorities: &[CertificateDer<'static>], protocols: &[&[u8]]) -> Result<Self, NetError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let mut config = tls::client_config(roots)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// TLS on `stream` with the server called `host`, a name or an IP address.
    ///
    /// **Errors**: the certificate is not trusted or for another name, the host cannot be in one, the
    /// connection broke.
    pub async fn secure_host(&self, stream: TcpStream, host: &str) -> io::Result<SecureStream> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        self.secure(stream, name).await
    }

    pub(super) async fn secure(
        &self,
        stream: TcpStream,
        name: ServerName<'static>,
    ) -> io::Result<SecureStream> {
        let stream = self.connector.connect(name, stream).await?;
        Ok(SecureStream { kind: Kind::Tls(Box::new(stream)) })
    }
}

/// A connection with or without TLS.
#[derive(Debug)]
pub struct SecureStream {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl SecureStream {
    /// Without TLS.
    pub fn plain(stream: TcpStream) -> Self {
        Self { kind: Kind::Plain(stream) }
    }
}

impl AsyncRead for SecureStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for SecureStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Kind::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Kind::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Plain(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_flush(context),
            Kind::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
