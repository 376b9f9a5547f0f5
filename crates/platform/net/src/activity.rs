//! What a connection is waiting for, and for how long it may.
//!
//! ```text
//!             first byte               head complete
//!   Idle ─────────────────► Header ─────────────────► Working ──► Idle (answer's body sent)
//!                                                       │  ▲
//!                                  client takes nothing ▼  │ progress
//!                                                     Writing
//! ```
//!
//! hyper's own header timer also runs on idle connections, where a short time makes clients send into a
//! closing connection. Watching the socket tells the two apart. HTTP/2 has no `Header` state: frames other
//! than requests arrive at any time, and its idle bound covers unfinished headers.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::Bounds;

/// How long a connection that is being closed may take to say goodbye.
const CLOSING: Duration = Duration::from_secs(5);

/// What happens on one connection; shared by its socket, its requests and its [`Watch`].
///
/// Relaxed orderings: each value is read for its own sake, and a late view only delays a time-out.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    is_http2: AtomicBool,
    has_unanswered_bytes: AtomicBool,
    is_write_blocked: AtomicBool,
    bytes_written: AtomicU64,
    requests_begun: AtomicU64,
    requests_ended: AtomicU64,
    requests_open: AtomicUsize,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// For the server.
    Working,
    /// For a request to begin.
    Idle,
    /// For the rest of a request's headers.
    Header,
    /// For the client to take an answer.
    Writing,
}

/// A request in progress; it ends when dropped.
#[derive(Debug)]
pub(crate) struct OpenRequest(Arc<Activity>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.has_unanswered_bytes.store(false, Ordering::Relaxed);
        self.0.requests_ended.fetch_add(1, Ordering::Relaxed);
        self.0.requests_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Activity {
    pub(crate) fn new(is_http2: bool) -> Arc<Self> {
        Arc::new(Self { is_http2: AtomicBool::new(is_http2), ..Self::default() })
    }

    /// A request's headers are complete.
    pub(crate) fn begin(self: &Arc<Self>, version: http::Version) -> OpenRequest {
        if version == http::Version::HTTP_2 {
            self.is_http2.store(true, Ordering::Relaxed);
        }
        self.has_unanswered_bytes.store(false, Ordering::Relaxed);
        self.requests_begun.fetch_add(1, Ordering::Relaxed);
        self.requests_open.fetch_add(1, Ordering::Relaxed);
        OpenRequest(Arc::clone(self))
    }

    /// Whether no request has begun on this connection yet.
    pub(crate) fn is_new(&self) -> bool {
        self.requests_begun.load(Ordering::Relaxed) == 0
    }

    /// The state, and a number that changes with progress in it.
    fn waiting(&self) -> (Waiting, u64) {
        if self.is_write_blocked.load(Ordering::Relaxed) {
            return (Waiting::Writing, self.bytes_written.load(Ordering::Relaxed));
        }
        if self.requests_open.load(Ordering::Relaxed) > 0 {
            return (Waiting::Working, 0);
        }
        let is_header = self.has_unanswered_bytes.load(Ordering::Relaxed);
        if is_header && !self.is_http2.load(Ordering::Relaxed) {
            return (Waiting::Header, self.requests_begun.load(Ordering::Relaxed));
        }
        (Waiting::Idle, self.requests_ended.load(Ordering::Relaxed))
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = result {
            self.bytes_written.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        self.is_write_blocked.store(result.is_pending(), Ordering::Relaxed);
    }
}

/// The timer of one connection, polled by the task that drives it.
///
/// A deadline is checked when its timer fires instead of being moved at every request: a time-out comes
/// between one and two times its bound after the last progress, and a request costs no timer.
pub(crate) struct Watch {
    activity: Arc<Activity>,
    bounds: Arc<Bounds>,
    armed: Option<(Waiting, u64)>,
    is_closing: bool,
    timer: Pin<Box<Sleep>>,
}

impl Watch {
    pub(crate) fn new(activity: Arc<Activity>, bounds: Arc<Bounds>) -> Self {
        let timer = Box::pin(tokio::time::sleep(bounds.idle));
        Self { activity, bounds, armed: None, is_closing: false, timer }
    }

    /// The connection was asked to end: from now on it may idle only briefly.
    pub(crate) fn close(&mut self) {
        self.is_closing = true;
        self.armed = None;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Ready with what took too long. Poll after the connection itself.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Waiting> {
        loop {
            let waiting = self.activity.waiting();
            let Some(bound) = self.bound(waiting.0) else {
                self.armed = None;
                return Poll::Pending;
            };
            if self.armed.is_none_or(|armed| armed.0 != waiting.0) {
                self.arm(waiting, bound);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            if self.armed == Some(waiting) {
                return Poll::Ready(waiting.0);
            }
            self.arm(waiting, bound);
        }
    }

    fn arm(&mut self, waiting: (Waiting, u64), bound: Duration) {
        self.armed = Some(waiting);
        self.timer.set(tokio::time::sleep(bound));
    }

    fn bound(&self, waiting: Waiting) -> Option<Duration> {
        match waiting {
            Waiting::Working => None,
            Waiting::Idle if self.is_closing => Some(CLOSING),
            Waiting::Idle => Some(self.bounds.idle),
            Waiting::Header => Some(self.bounds.header_read),
            Waiting::Writing => Some(self.bounds.write_stall),
        }
    }
}

/// A socket that tells its [`Activity`] what happens, and keeps `guard` for as long as it is open.
pub(crate) struct Watched<S, G> {
    socket: S,
    activity: Arc<Activity>,
    _guard: G,
}

impl<S, G> Watched<S, G> {
    pub(crate) fn new(socket: S, activity: Arc<Activity>, guard: G) -> Self {
        Self { socket, activity, _guard: guard }
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Watched<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.has_unanswered_bytes.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Watched<S, G> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.activity.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.activity.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.socket).poll_flush(context);
        self.activity.is_write_blocked.store(result.is_pending(), Ordering::Relaxed);
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.socket).poll_shutdown(context);
        self.activity.is_write_blocked.store(result.is_pending(), Ordering::Relaxed);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(activity: &Arc<Activity>) -> Watch {
        Watch::new(Arc::clone(activity), Arc::new(Bounds::default()))
    }

    async fn expired(watch: &mut Watch, within: Duration) -> Option<Waiting> {
        tokio::time::timeout(within, std::future::poll_fn(|context| watch.poll(context))).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_end_after_the_idle_bound() {
        let mut watch = watch(&Activity::new(false));
        assert_eq!(expired(&mut watch, Duration::from_secs(119)).await, None);
        assert_eq!(expired(&mut watch, Duration::from_secs(2)).await, Some(Waiting::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn unfinished_headers_end_after_the_header_bound_however_slowly_bytes_drip() {
        let activity = Activity::new(false);
        let mut watch = watch(&activity);
        for _ in 0..14 {
            activity.has_unanswered_bytes.store(true, Ordering::Relaxed);
            assert_eq!(expired(&mut watch, Duration::from_secs(1)).await, None);
        }
        assert_eq!(expired(&mut watch, Duration::from_secs(2)).await, Some(Waiting::Header));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_progress_is_never_timed_out_here() {
        let activity = Activity::new(false);
        let mut watch = watch(&activity);
        let request = activity.begin(http::Version::HTTP_11);
        assert_eq!(expired(&mut watch, Duration::from_hours(1)).await, None);
        drop(request);
        assert_eq!(expired(&mut watch, Duration::from_secs(121)).await, Some(Waiting::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_timed_out_and_progress_resets() {
        let activity = Activity::new(false);
        let mut watch = watch(&activity);
        let _request = activity.begin(http::Version::HTTP_11);
        activity.wrote(&Poll::Pending);
        assert_eq!(expired(&mut watch, Duration::from_secs(59)).await, None);
        activity.wrote(&Poll::Ready(Ok(1)));
        activity.wrote(&Poll::Pending);
        assert_eq!(expired(&mut watch, Duration::from_secs(59)).await, None);
        assert_eq!(expired(&mut watch, Duration::from_mins(1)).await, Some(Waiting::Writing));
    }

    #[tokio::test(start_paused = true)]
    async fn pings_do_not_start_the_header_bound_of_http2() {
        let activity = Activity::new(true);
        let mut watch = watch(&activity);
        activity.has_unanswered_bytes.store(true, Ordering::Relaxed);
        assert_eq!(expired(&mut watch, Duration::from_secs(121)).await, Some(Waiting::Idle));
    }
}
