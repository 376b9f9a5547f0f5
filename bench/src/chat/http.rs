//! [`Place`] and [`Http`]: HTTP/1.1 with requests made beforehand, so that the generator costs little.

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// A connection, with TLS or without.
pub(crate) type Line = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where a server is, and whether it is spoken to with TLS.
#[derive(Clone)]
pub(crate) struct Place {
    /// What stands in `Host`.
    pub(crate) host: String,
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Place {
    /// The server at `endpoint`, an origin; `authority` is the file of the authority that signed its certificate.
    pub(crate) fn find(endpoint: &str, authority: Option<&Path>) -> Result<Self> {
        let (scheme, host) = endpoint.trim_end_matches('/').split_once("://").context("an origin")?;
        // The first address that answers: the name of this machine may have one that nobody listens on.
        let mut addresses = host.to_socket_addrs()?;
        let address = addresses.find(|address| StdStream::connect(address).is_ok());
        let address = address.with_context(|| format!("nobody listens at {host}"))?;
        let tls = match (scheme, authority) {
            ("http", _) => None,
            (_, Some(file)) => {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned();
                Some((connector(file)?, ServerName::try_from(name)?))
            }
            (_, None) => bail!("the certificate of {endpoint} is signed by an unknown authority"),
        };
        Ok(Self { host: host.to_owned(), address, tls })
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Line> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Either::Left(stream),
            Some((connector, name)) => {
                Either::Right(Box::new(connector.connect(name.clone(), stream).await?))
            }
        })
    }

    /// A new connection for requests.
    pub(crate) async fn open(&self) -> Result<Http> {
        Ok(Http { line: self.connect().await?, buffer: vec![0; ANSWER_BYTES_MAX] })
    }

    /// The bytes of a request with a JSON body.
    pub(crate) fn request(&self, method: &str, target: &str, headers: &str, body: &str) -> Vec<u8> {
        let (host, length) = (&self.host, body.len());
        format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}\r\n{headers}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

fn connector(authority: &Path) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A kept-alive connection with one request on its way at a time.
pub(crate) struct Http {
    line: Line,
    buffer: Vec<u8>,
}

impl Http {
    /// Sends a request and reads its answer: status and body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.line.write_all(request).await?;
        self.line.flush().await?;
        let mut filled = 0;
        loop {
            let count = self.line.read(&mut self.buffer[filled..]).await?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            filled += count;
            if let Some((status, start, length)) = read_head(&self.buffer[..filled])? {
                if start + length > self.buffer.len() {
                    bail!("an answer of {length} bytes");
                }
                if filled >= start + length {
                    return Ok((status, &self.buffer[start..start + length]));
                }
            }
        }
    }

    /// The same for an answer that must have the status `expected`.
    pub(crate) async fn expect(&mut self, request: &[u8], expected: u16) -> Result<&[u8]> {
        let (status, body) = self.ask(request).await?;
        if status != expected {
            bail!("a request was answered with {status}: {}", String::from_utf8_lossy(body));
        }
        Ok(body)
    }
}

/// Status, where the body starts and its length; `None` while the head is not whole.
fn read_head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = &bytes[..end];
    let number = |digits: &[u8]| {
        let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
        digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
    };
    let status = u16::try_from(number(head.get(9..).context("an answer has a status")?))?;
    let is_length = |window: &[u8]| window.eq_ignore_ascii_case(LENGTH);
    let length = head.windows(LENGTH.len()).position(is_length);
    let length = length.map_or(0, |at| number(&head[at + LENGTH.len()..]));
    Ok(Some((status, end + 4, length)))
}

#[cfg(test)]
mod tests {
    use super::read_head;

    #[test]
    fn answers_are_cut_where_they_end() {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx: y\r\n\r\n{\"id\":\"17\"}\n";
        assert_eq!(read_head(whole).unwrap(), Some((201, 50, 12)));
        assert_eq!(read_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(), Some((204, 27, 0)));
        assert_eq!(read_head(&whole[..30]).unwrap(), None);
    }
}
