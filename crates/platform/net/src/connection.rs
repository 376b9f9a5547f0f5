//! One connection: TLS handshake, then HTTP/1.1 or HTTP/2 until its end.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;
use trunkline_tasks::{Shutdown, Tasks};

use crate::activity::{Activity, OpenRequest, Waiting, Watch, Watched};
use crate::bounds::{Counters, count};
use crate::handler::{BoxError, BoxedBody};
use crate::tls::TURN;
use crate::{Bounds, Handler, Peer, PeerAddress};

/// The first byte of a TLS handshake record (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// How long an HTTP/2 client may take to answer a ping.
const PING_ANSWER: Duration = Duration::from_secs(20);
/// At the start of a drain, a connection without a request yet is read for this long: its handshake or its
/// first request may be on the way.
const FIRST_REQUEST: Duration = Duration::from_millis(500);
/// How long a client may take to read the advice to use https, and how much of its request is read first.
const ADVICE: Duration = Duration::from_secs(2);
const ADVICE_READ_BYTES: u64 = 64 * 1024;
const USE_HTTPS: &str = "This port speaks HTTPS only. Use https:// instead of http:// in the address.\n";

/// What the connections of one server share.
pub(crate) struct Shared {
    pub(crate) handler: Handler,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) bounds: Arc<Bounds>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) http: auto::Builder<TasksExecutor>,
    pub(crate) shutdown: Shutdown,
}

/// Runs hyper's own futures (HTTP/2 streams, connection drivers) in a group of tasks.
#[derive(Clone, Debug)]
pub(crate) struct TasksExecutor(pub(crate) Tasks);

impl<F> hyper::rt::Executor<F> for TasksExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn("http", future);
    }
}

/// hyper's settings for `bounds`.
pub(crate) fn http_builder(bounds: &Bounds, tasks: Tasks) -> auto::Builder<TasksExecutor> {
    // hyper refuses to read heads with a smaller buffer.
    const SMALLEST_BUFFER: usize = 8 * 1024;
    let mut builder = auto::Builder::new(TasksExecutor(tasks));
    builder
        .http1()
        .timer(TokioTimer::new())
        // `Watch` times headers and idling.
        .header_read_timeout(None)
        .max_headers(bounds.header_count)
        .max_buf_size(bounds.header_bytes.max(SMALLEST_BUFFER));
    // Floods of reset streams end the connection by the library's own bounds (20 pending, 1024 by errors).
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.http2_streams)
        .max_header_list_size(u32::try_from(bounds.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(bounds.http2_ping)
        .keep_alive_timeout(PING_ANSWER);
    builder
}

/// Serves one accepted TCP connection. `guard` is dropped when the socket closes, also after an upgrade.
pub(crate) async fn serve_tcp<G>(shared: Arc<Shared>, stream: TcpStream, address: SocketAddr, guard: G)
where
    G: Send + Unpin + 'static,
{
    // Answers are written whole; waiting for more to send only delays them. A failure shows at the next read.
    let _ = stream.set_nodelay(true);
    let (client, server) = (address, stream.local_addr());
    let address = PeerAddress::Tcp(address);
    let Some(config) = &shared.tls else {
        let peer = Peer { address, is_tls: false, server_name: None };
        return serve(&shared, stream, peer, false, guard).await;
    };
    match timed(&shared, handshake(stream, Arc::clone(config))).await {
        Some(Ok(Some(mut stream))) => {
            let protocol = stream.get_ref().1.alpn_protocol();
            let is_turn = protocol == Some(TURN);
            let takes = shared.handler.streams().filter(|_| is_turn || protocol.is_none());
            if is_turn && takes.is_none() {
                return debug!("a client wants a relay, and there is none");
            }
            if let (Some(takes), Ok(server)) = (takes, server) {
                let Some(first) = first_byte(&shared, &mut stream).await else { return };
                if is_turn || takes.wants(first) {
                    let shutdown = shared.shutdown.clone();
                    tokio::select! {
                        () = takes.take(Box::new(stream), client, server) => {}
                        () = shutdown.requested() => {}
                    }
                    return drop(guard);
                }
            }
            let session = stream.get_ref().1;
            let is_http2 = session.alpn_protocol() == Some(b"h2");
            let server_name = session.server_name().map(str::to_ascii_lowercase);
            let peer = Peer { address, is_tls: true, server_name };
            serve(&shared, stream, peer, is_http2, guard).await;
        }
        failed => {
            count(&shared.counters.handshakes_failed);
            match failed {
                None => debug!("TLS handshake took too long"),
                Some(Err(error)) => debug!(%error, "TLS handshake failed"),
                Some(Ok(_)) => debug!("plain text on the TLS port"),
            }
        }
    }
}

/// `None` when the handshake took too long; a drain leaves it little time.
async fn timed<T>(shared: &Shared, handshake: impl Future<Output = T>) -> Option<T> {
    let drained = async {
        shared.shutdown.requested().await;
        tokio::time::sleep(FIRST_REQUEST).await;
    };
    tokio::select! {
        result = tokio::time::timeout(shared.bounds.handshake, handshake) => result.ok(),
        () = drained => None,
    }
}

/// What the client says first, left where it is; `None` when it says nothing for as long as a connection may idle.
async fn first_byte(shared: &Shared, stream: &mut TlsStream<TcpStream>) -> Option<u8> {
    let drained = async {
        shared.shutdown.requested().await;
        tokio::time::sleep(FIRST_REQUEST).await;
    };
    tokio::select! {
        first = tokio::time::timeout(shared.bounds.idle, stream.fill_buf()) => first.ok()?.ok()?.first().copied(),
        () = drained => None,
    }
}

/// `None` when the client did not speak TLS; it has then been told.
async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> std::io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
        // HTTP methods are upper-case letters; anything else would not understand the answer.
        if first[0].is_ascii_uppercase() {
            let _ = tokio::time::timeout(ADVICE, advise_https(stream)).await;
        }
        return Ok(None);
    }
    TlsAcceptor::from(config).accept(stream).await.map(Some)
}

async fn advise_https(mut stream: TcpStream) -> std::io::Result<()> {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{USE_HTTPS}",
        USE_HTTPS.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with unread bytes would reset the connection and could take the answer with it.
    tokio::io::copy(&mut stream.take(ADVICE_READ_BYTES), &mut tokio::io::sink()).await.map(drop)
}

/// Speaks HTTP on `socket` until it ends, is upgraded, takes too long or the server drains.
pub(crate) async fn serve<S, G>(shared: &Arc<Shared>, socket: S, peer: Peer, is_http2: bool, guard: G)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    G: Send + Unpin + 'static,
{
    let activity = Activity::new(is_http2);
    let io = TokioIo::new(Watched::new(socket, Arc::clone(&activity), guard));
    let service = {
        let (shared, activity, peer) = (Arc::clone(shared), Arc::clone(&activity), Arc::new(peer));
        service_fn(move |request| answer(Arc::clone(&shared), &activity, Arc::clone(&peer), request))
    };
    let mut connection = pin!(shared.http.serve_connection_with_upgrades(io, service));
    let mut watch = Watch::new(Arc::clone(&activity), Arc::clone(&shared.bounds));
    let mut drain = pin!(drain_signal(shared.shutdown.clone(), Arc::clone(&activity)));
    let mut is_draining = false;
    loop {
        let step = poll_fn(|context| {
            if let Poll::Ready(result) = connection.as_mut().poll(context) {
                return Poll::Ready(Step::Ended(result));
            }
            if !is_draining && drain.as_mut().poll(context).is_ready() {
                return Poll::Ready(Step::Drain);
            }
            watch.poll(context).map(Step::TooSlow)
        });
        match step.await {
            Step::Ended(Ok(())) => return,
            Step::Ended(Err(error)) => return debug!(error, "connection ended"),
            Step::Drain => is_draining = true,
            Step::TooSlow(Waiting::Idle) if !watch.is_closing() => {}
            Step::TooSlow(waiting) => {
                if waiting != Waiting::Idle {
                    count(&shared.counters.cut_off);
                }
                return debug!(?waiting, "connection cut off");
            }
        }
        connection.as_mut().graceful_shutdown();
        watch.close();
    }
}

enum Step {
    Ended(Result<(), BoxError>),
    Drain,
    TooSlow(Waiting),
}

async fn drain_signal(shutdown: Shutdown, activity: Arc<Activity>) {
    shutdown.requested().await;
    if activity.is_new() {
        tokio::time::sleep(FIRST_REQUEST).await;
    }
}

/// The answer, boxed: hyper keeps it by value in every stream.
fn answer(
    shared: Arc<Shared>,
    activity: &Arc<Activity>,
    peer: Arc<Peer>,
    request: Request<Incoming>,
) -> Pin<Box<dyn Future<Output = Result<Response<OpenBody>, Infallible>> + Send>> {
    let open = activity.begin(request.version());
    shared.counters.requests.fetch_add(1, Ordering::Relaxed);
    Box::pin(async move {
        // hyper bounds the number of headers for HTTP/1.1 only.
        let response = if request.headers().len() > shared.bounds.header_count {
            too_many_headers()
        } else {
            shared.handler.call(request, peer).await
        };
        Ok(response.map(|body| OpenBody { body, _open: open }))
    })
}

fn too_many_headers() -> Response<BoxedBody> {
    let text = Full::new(Bytes::from_static(b"too many headers\n")).map_err(|never| match never {});
    let mut response = Response::new(text.boxed_unsync());
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}

/// An answer's body; the request is open until it is sent or given up.
struct OpenBody {
    body: BoxedBody,
    _open: OpenRequest,
}

impl Body for OpenBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
