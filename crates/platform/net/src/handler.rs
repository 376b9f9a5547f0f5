//! What a server calls for each request.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Incoming};
use tokio::io::{AsyncRead, AsyncWrite};

/// The error of a body that fails while it is sent; the connection is then cut off.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) type BoxedBody = UnsyncBoxBody<Bytes, BoxError>;
type Answer = Pin<Box<dyn Future<Output = Response<BoxedBody>> + Send>>;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from.
    pub address: PeerAddress,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
    /// The host name the client asked for in the TLS handshake, lower case. Absent for IP addresses.
    pub server_name: Option<String>,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// The network.
    Tcp(SocketAddr),
    /// A process on this machine, through the unix socket.
    Local {
        /// The process's user id, when the system tells.
        user_id: Option<u32>,
    },
}

/// A decrypted connection, whatever it is made of.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Whoever takes connections on the port of HTTPS that do not speak HTTP.
pub trait TakeStream: Send + Sync + 'static {
    /// Whether a connection that starts with this byte is taken. No letter, with which HTTP starts.
    fn wants(&self, first: u8) -> bool;

    /// Serves a connection from `client` to `server` until it ends; dropped when the server stops.
    fn take<'t>(
        &'t self,
        stream: Box<dyn Stream>,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 't>>;
}

type Answering = Arc<dyn Fn(Request<Incoming>, Arc<Peer>) -> Answer + Send + Sync>;

/// The function that answers requests. Clones are the same function.
#[derive(Clone)]
pub struct Handler {
    answering: Answering,
    streams: Option<Arc<dyn TakeStream>>,
}

impl Handler {
    /// Wraps a function or closure. It is called once a request's headers are complete.
    ///
    /// A panic inside ends the connection (HTTP/1.1) or resets the stream (HTTP/2); turning it into an
    /// answer is the caller's business.
    pub fn new<F, R, B>(function: F) -> Self
    where
        F: Fn(Request<Incoming>, Arc<Peer>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let answering: Answering = Arc::new(move |request, peer| {
            let answer = function(request, peer);
            Box::pin(async move { answer.await.map(|body| body.map_err(Into::into).boxed_unsync()) })
        });
        Self { answering, streams: None }
    }

    /// Gives connections over TLS to `streams` that agreed on `stun.turn` (RFC 7443), or on nothing and do not start as
    /// HTTP does.
    pub fn with_streams(mut self, streams: Arc<dyn TakeStream>) -> Self {
        self.streams = Some(streams);
        self
    }

    pub(crate) fn streams(&self) -> Option<&Arc<dyn TakeStream>> {
        self.streams.as_ref()
    }

    pub(crate) fn call(&self, request: Request<Incoming>, peer: Arc<Peer>) -> Answer {
        (self.answering)(request, peer)
    }
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Handler(…)")
    }
}
