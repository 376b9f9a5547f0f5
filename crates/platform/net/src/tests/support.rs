//! A server on free loopback ports and clients that trust it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use trunkline_kernel::SystemClock;

use crate::tls::{Certificates, client_config, server_config};
use crate::{Authority, Bounds, CounterSnapshot, Handler, Leaves, Listeners, Peer, PeerAddress, Server};

/// How long a test waits for what must happen. Long: the machine may be busy.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

pub(super) struct TestServer {
    pub(super) folder: tempfile::TempDir,
    pub(super) leaves: Arc<Leaves>,
    pub(super) server: Server,
    pub(super) gate: Gate,
}

/// Lets a test hold the request `/wait` and see that it arrived.
#[derive(Clone, Default)]
pub(super) struct Gate {
    pub(super) arrived: Arc<Notify>,
    pub(super) open: Arc<Notify>,
}

pub(super) fn loopbacks() -> [SocketAddr; 2] {
    ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]
}

/// A machine's clock: certificates are checked by clients against the real time.
pub(crate) fn leaves(folder: &std::path::Path) -> Arc<Leaves> {
    let authority = Authority::open_or_create(folder, Arc::new(SystemClock)).unwrap();
    let is_allowed = Box::new(|name: &str| name == "demo.localhost");
    Arc::new(Leaves::new(authority, &["trunkline.test".to_owned()], is_allowed).unwrap())
}

impl TestServer {
    pub(super) fn start() -> Self {
        Self::with_bounds(Bounds::default())
    }

    pub(super) fn with_bounds(bounds: Bounds) -> Self {
        Self::with(bounds, |handler| handler)
    }

    /// With what `change` makes of the handler.
    pub(super) fn with(bounds: Bounds, change: impl FnOnce(Handler) -> Handler) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A blank in the path, as people have it.
        let leaves = leaves(&folder.path().join("tls data"));
        let certificates = Certificates { files: None, leaves: Some(Arc::clone(&leaves)) };
        let gate = Gate::default();
        let listeners = Listeners::bind(&loopbacks()).unwrap();
        let tls = server_config(certificates).unwrap();
        let server = Server::start(listeners, Some(tls), bounds, change(handler(gate.clone())));
        Self { folder, leaves, server, gate }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.addresses()[0]
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address().port())
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// A TLS connection that checks the certificate for `name`.
    pub(super) async fn tls(&self, name: &str, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        self.tls_over(self.tcp().await, name, protocol).await
    }

    async fn tls_over(
        &self,
        stream: TcpStream,
        name: &str,
        protocol: &[u8],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.leaves.authority().certificate().clone()).unwrap();
        let mut config = client_config(roots).unwrap();
        // A client that names no protocol offers none.
        config.alpn_protocols = vec![protocol.to_vec()];
        config.alpn_protocols.retain(|protocol| !protocol.is_empty());
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    pub(super) async fn http1(&self) -> http1::SendRequest<BoxBody<Bytes, Infallible>> {
        self.http1_over(self.tcp().await).await
    }

    pub(super) async fn http1_over(
        &self,
        stream: TcpStream,
    ) -> http1::SendRequest<BoxBody<Bytes, Infallible>> {
        let stream = self.tls_over(stream, "localhost", b"http/1.1").await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        background(async { drop(connection.with_upgrades().await) });
        sender
    }

    pub(super) async fn http2(&self) -> http2::SendRequest<BoxBody<Bytes, Infallible>> {
        let stream = self.tls("localhost", b"h2").await.unwrap();
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        background(async { drop(connection.await) });
        sender
    }

    /// Waits until the counters are as `expected`.
    pub(super) async fn until(&self, expected: impl Fn(&CounterSnapshot) -> bool) {
        let reached = async {
            while !expected(&self.server.counters()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, reached).await;
        assert!(in_time.is_ok(), "{:?}", self.server.counters());
    }
}

/// Runs the client side beside the test; it ends with the test's runtime.
pub(super) fn background(future: impl Future<Output = ()> + Send + 'static) {
    trunkline_tasks::Tasks::new().spawn("client", future);
}

pub(super) fn get(path: &str) -> Request<BoxBody<Bytes, Infallible>> {
    let request = Request::get(path).header("host", "localhost");
    request.body(Empty::new().boxed()).unwrap()
}

pub(super) fn post(path: &str, body: &'static [u8]) -> Request<BoxBody<Bytes, Infallible>> {
    let request = Request::post(path).header("host", "localhost");
    request.body(Full::new(Bytes::from_static(body)).boxed()).unwrap()
}

pub(super) async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// `/peer` describes the peer, `/echo` returns the body, `/wait` answers when the gate opens, `/big` is
/// 64 KiB, `/huge` never ends, `/redirect` redirects to `/echo`, `/upgrade` switches to an echo protocol.
pub(super) fn handler(gate: Gate) -> Handler {
    Handler::new(move |request, peer| respond(request, peer, gate.clone()))
}

async fn respond(
    request: Request<Incoming>,
    peer: Arc<Peer>,
    gate: Gate,
) -> Response<BoxBody<Bytes, Infallible>> {
    let full = |bytes: Vec<u8>| Response::new(Full::new(Bytes::from(bytes)).boxed());
    match request.uri().path() {
        "/peer" => {
            let from = match peer.address {
                PeerAddress::Tcp(address) => address.ip().to_string(),
                PeerAddress::Local { user_id } => format!("user {}", user_id.unwrap()),
            };
            full(format!("{from} tls={} name={:?}", peer.is_tls, peer.server_name).into_bytes())
        }
        "/echo" => full(request.into_body().collect().await.unwrap().to_bytes().to_vec()),
        "/wait" => {
            gate.arrived.notify_one();
            gate.open.notified().await;
            full(b"waited".to_vec())
        }
        "/big" => full(vec![b'x'; 64 * 1024]),
        "/huge" => Response::new(Endless.boxed()),
        "/panic" => panic!("expected in this test"),
        "/redirect" => {
            let mut response = full(Vec::new());
            *response.status_mut() = http::StatusCode::FOUND;
            response.headers_mut().insert("location", http::HeaderValue::from_static("/echo"));
            response
        }
        "/upgrade" => upgrade(request),
        _ => {
            let mut response = full(Vec::new());
            *response.status_mut() = http::StatusCode::NOT_FOUND;
            response
        }
    }
}

fn upgrade(request: Request<Incoming>) -> Response<BoxBody<Bytes, Infallible>> {
    background(async move {
        let mut stream = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let mut bytes = [0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut bytes).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes).await.unwrap();
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    });
    let response = Response::builder().status(http::StatusCode::SWITCHING_PROTOCOLS);
    response.header("upgrade", "echo").header("connection", "upgrade").body(Empty::new().boxed()).unwrap()
}

/// A body that is always ready with more.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        const CHUNK: &[u8] = &[b'x'; 16 * 1024];
        std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(CHUNK)))))
    }
}
