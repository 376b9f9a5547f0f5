//! HTTP/1.1 requests over one connection that is kept, and may become a WebSocket in the end.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use trunkline_tasks::Tasks;

use super::client::ClientError;

/// Where a server is, and how it is spoken to.
#[derive(Clone)]
pub struct Origin {
    /// Where to connect to.
    pub address: SocketAddr,
    /// What stands in `Host`: the endpoint of the resource without its scheme.
    pub host: String,
    /// TLS with the name in `host`; `None` for plain text.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} at {}", self.host, self.address)
    }
}

/// A connection for requests, made when it is needed.
#[derive(Debug)]
pub struct Requests {
    pub(super) origin: Origin,
    tasks: Tasks,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
}

impl Requests {
    /// Requests to `origin`; `tasks` run their connection.
    pub fn new(origin: Origin, tasks: Tasks) -> Self {
        Self { origin, tasks, sender: None }
    }

    /// Sends a request; the body of the answer is still to be read.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Response<Incoming>, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .body(Full::new(body.into()))
            .map_err(|cause| ClientError::gone(target, &cause))?;
        *request.headers_mut() = headers;
        let host =
            HeaderValue::from_str(&self.origin.host).map_err(|cause| ClientError::gone(target, &cause))?;
        request.headers_mut().insert(http::header::HOST, host);
        let sender = self.ready().await?;
        sender.send_request(request).await.map_err(|cause| ClientError::gone(target, &cause))
    }

    /// Sends a request whose answer must have one of the success statuses; returns its body as text.
    ///
    /// **Errors**: any other status, or no answer: what was asked may then have been done all the same.
    pub async fn text(
        &mut self,
        method: &str,
        target: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<String, ClientError> {
        let answer = self.send(method, target, headers, body).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(|cause| ClientError::gone(target, &cause))?;
        let text = String::from_utf8_lossy(&bytes.to_bytes()).into_owned();
        if status.is_success() {
            return Ok(text);
        }
        let step = target.split('?').next().unwrap_or_default().to_owned();
        Err(ClientError::Refused { step, status: status.as_u16(), text })
    }

    /// Forgets the connection, which has become something else.
    pub(super) fn forget(&mut self) {
        self.sender = None;
    }

    async fn ready(&mut self) -> Result<&mut http1::SendRequest<Full<Bytes>>, ClientError> {
        let is_ready = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            self.sender = Some(self.connect().await?);
        }
        Ok(self.sender.as_mut().expect("it was just made or found ready"))
    }

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, ClientError> {
        let connecting = |cause: &dyn std::error::Error| ClientError::gone("connecting", cause);
        let stream = TcpStream::connect(self.origin.address).await.map_err(|cause| connecting(&cause))?;
        stream.set_nodelay(true).map_err(|cause| connecting(&cause))?;
        let Some(config) = &self.origin.tls else { return self.speak(stream).await };
        let name = self.origin.host.split(':').next().unwrap_or_default().to_owned();
        let name = ServerName::try_from(name).map_err(|cause| connecting(&cause))?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
        self.speak(stream.map_err(|cause| connecting(&cause))?).await
    }

    async fn speak<S>(&self, stream: S) -> Result<http1::SendRequest<Full<Bytes>>, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|cause| ClientError::gone("connecting", &cause))?;
        self.tasks.spawn_quiet(async move {
            // How it ended shows at the next request.
            let _ = connection.with_upgrades().await;
        });
        Ok(sender)
    }
}

/// Headers from pairs that a client of tests made itself.
pub fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).expect("headers of tests are visible ASCII");
        (HeaderName::from_static(name), value)
    };
    pairs.iter().map(pair).collect()
}
