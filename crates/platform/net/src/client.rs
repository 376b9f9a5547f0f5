//! The outbound HTTP client, and requests over the unix socket.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use tokio::net::UnixStream;
use trunkline_tasks::Tasks;

use crate::connection::TasksExecutor;
use crate::error::causes;
use crate::{NetError, tls};

/// Bounds of outbound requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientBounds {
    /// For the TCP connection. 5 s: a lost first packet is sent again after 1 and 3 s.
    pub connect: Duration,
    /// From the call to the last byte of the answer, the connection included. 30 s.
    pub total: Duration,
    /// Longest accepted body of an answer, in bytes. 1 MiB: key sets and JSON documents.
    pub answer_bytes: usize,
}

impl Default for ClientBounds {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(30), answer_bytes: 1024 * 1024 }
    }
}

/// An HTTP client for `https` and `http` addresses with a pool of connections. Clones share the pool.
///
/// It follows no redirect, sends no cookie and knows no proxy: callers see exactly one exchange.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    bounds: ClientBounds,
}

impl Client {
    /// A client that trusts `authorities`; ones that the TLS library cannot use are left out.
    ///
    /// `tasks` runs the pooled connections.
    ///
    /// **Errors**: only when the crypto library is broken.
    pub fn new(
        authorities: &[CertificateDer<'static>],
        bounds: ClientBounds,
        tasks: Tasks,
    ) -> Result<Self, NetError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(bounds.connect));
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(roots)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let pool = Pool::builder(TasksExecutor(tasks))
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            // A few per host: outbound calls are for key sets and notifications.
            .pool_max_idle_per_host(8)
            .build(connector);
        Ok(Self { pool, bounds })
    }

    /// One exchange.
    ///
    /// **Errors**: [`NetError::Url`], [`NetError::Connect`], [`NetError::TimedOut`],
    /// [`NetError::TooLarge`], [`NetError::Exchange`]. An answer with any status is no error.
    pub async fn request(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NetError> {
        let host = check_address(request.uri())?;
        let exchange = async {
            let answer = self.pool.request(request.map(Full::new)).await.map_err(|error| {
                let reason = causes(&error);
                if error.is_connect() {
                    NetError::Connect { host: host.clone(), reason }
                } else {
                    NetError::Exchange { host: host.clone(), reason }
                }
            })?;
            collect(answer, &host, self.bounds.answer_bytes).await
        };
        within(self.bounds.total, &host, exchange).await
    }

    /// `GET address`, asking for JSON; see [`Client::request`].
    pub async fn get_json(&self, address: &str) -> Result<Response<Bytes>, NetError> {
        let request = Request::get(address)
            .header(http::header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|_| NetError::Url { url: address.to_owned() })?;
        self.request(request).await
    }
}

/// Host and port for error texts, without a user name or password that the address may carry.
fn check_address(address: &http::Uri) -> Result<String, NetError> {
    match (address.scheme_str(), address.authority()) {
        (Some("http" | "https"), Some(authority)) if !authority.host().is_empty() => {
            let port = address.port_u16().map_or(String::new(), |port| format!(":{port}"));
            Ok(format!("{}{port}", authority.host()))
        }
        _ => Err(NetError::Url { url: address.to_string() }),
    }
}

/// One exchange over the unix socket at `socket`. The request needs only a path; `Host` is added when
/// missing.
///
/// **Errors**: [`NetError::Connect`] when nobody listens, then as [`Client::request`].
pub async fn unix_request(
    socket: &Path,
    mut request: Request<Bytes>,
    bounds: ClientBounds,
) -> Result<Response<Bytes>, NetError> {
    let host = socket.display().to_string();
    let host_header = http::HeaderValue::from_static("localhost");
    request.headers_mut().entry(http::header::HOST).or_insert(host_header);
    let exchange = async {
        let failed = |error: hyper::Error| NetError::Exchange { host: host.clone(), reason: causes(&error) };
        let stream = UnixStream::connect(socket)
            .await
            .map_err(|error| NetError::Connect { host: host.clone(), reason: error.to_string() })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let exchange = async {
            let answer = sender.send_request(request.map(Full::new)).await.map_err(failed)?;
            collect(answer, &host, bounds.answer_bytes).await
        };
        // The connection moves only while it is polled beside the exchange; no task outlives this call.
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            result = &mut exchange => return result,
            // Its error, if any, also ends the exchange.
            _ = connection => {}
        }
        exchange.await
    };
    within(bounds.total, &host, exchange).await
}

async fn within<T>(
    total: Duration,
    host: &str,
    exchange: impl Future<Output = Result<T, NetError>>,
) -> Result<T, NetError> {
    let timed_out = |_| NetError::TimedOut { host: host.to_owned(), after: total };
    tokio::time::timeout(total, exchange).await.map_err(timed_out)?
}

async fn collect(
    answer: Response<Incoming>,
    host: &str,
    limit_bytes: usize,
) -> Result<Response<Bytes>, NetError> {
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, limit_bytes).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            NetError::TooLarge { host: host.to_owned(), limit_bytes }
        } else {
            NetError::Exchange { host: host.to_owned(), reason: causes(error.as_ref()) }
        }
    })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
