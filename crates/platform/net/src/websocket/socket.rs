//! A connection that speaks WebSocket: reads into a buffer of the thread, writes what it is given.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::close::ProtocolError;
use super::decode::{Bounds, Decoder, Event};
use super::encode::write_close;
use super::frame::Role;

/// How much is read at once: several dozen acknowledgements, and a quarter of the largest frame.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// Where what was read lies until it is decoded; one for all sockets of a thread.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Why a socket is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The peer broke the rules; close with the error's code.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The peer took nothing for too long.
    #[error("the peer took no byte for {seconds} s")]
    Stalled {
        /// How long, in seconds.
        seconds: u64,
    },
    /// The connection is gone.
    #[error("the connection is gone: {0}")]
    Gone(#[from] io::Error),
}

/// One upgraded connection. Holds no buffer while no frame is incomplete.
///
/// Reading and writing are separate: poll [`Socket::poll_events`] beside whatever wakes the writer. Answers to
/// pings and to the peer's close frame are for the caller to write.
#[derive(Debug)]
pub struct Socket<S> {
    stream: S,
    decoder: Decoder,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Takes over `stream` right behind the handshake; `role` is that of this end.
    pub fn new(stream: S, role: Role, bounds: Bounds) -> Self {
        Self { stream, decoder: Decoder::new(bounds, role) }
    }

    /// Reads what has come and gives each event to `handle`, but never [`Event::NeedMore`].
    ///
    /// Ready with true after one read, with false when the peer has closed the connection.
    ///
    /// **Errors**: [`SocketError::Protocol`] and [`SocketError::Gone`]; the events before it have been handled.
    pub fn poll_events(
        &mut self,
        context: &mut Context<'_>,
        handle: &mut dyn FnMut(Event<'_>),
    ) -> Poll<Result<bool, SocketError>> {
        // Empty the first time on a thread, and when `handle` itself reads from another socket.
        let mut buffer = BUFFER.take();
        buffer.resize(READ_BYTES, 0);
        let read = self.poll_events_with(context, &mut buffer, handle);
        BUFFER.set(buffer);
        read
    }

    fn poll_events_with(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        handle: &mut dyn FnMut(Event<'_>),
    ) -> Poll<Result<bool, SocketError>> {
        let mut room = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
        let filled = room.filled_mut();
        if filled.is_empty() {
            return Poll::Ready(Ok(false));
        }
        let mut used = 0;
        while used < filled.len() {
            let (event, bytes) = self.decoder.decode(&mut filled[used..])?;
            used += bytes;
            if event != Event::NeedMore {
                handle(event);
            }
        }
        Poll::Ready(Ok(true))
    }

    /// As [`Socket::poll_events`], waiting.
    pub async fn read_events(
        &mut self,
        handle: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<bool, SocketError> {
        poll_fn(|context| self.poll_events(context, handle)).await
    }

    /// Writes some of `bytes`; ready with how many the connection took.
    pub fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, SocketError>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(SocketError::Gone(io::ErrorKind::WriteZero.into())));
        }
        Poll::Ready(Ok(written))
    }

    /// Hands on what layers below (TLS) have taken but not sent.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.stream).poll_flush(context).map_err(SocketError::Gone)
    }

    /// Writes all of `bytes`, which are whole frames.
    ///
    /// **Errors**: [`SocketError::Stalled`] when the peer takes no byte for as long as `stall`. A part may then
    /// be on the way, so nothing more can be written.
    pub async fn write_all(&mut self, bytes: &[u8], stall: Duration) -> Result<(), SocketError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = within(stall, poll_fn(|context| self.poll_write(context, rest))).await?;
            rest = &rest[written..];
        }
        within(stall, poll_fn(|context| self.poll_flush(context))).await
    }

    /// Says goodbye with `code`, waits at most `patience` for the peer to close, and ends the connection.
    ///
    /// A connection that is closed with unread bytes is reset, and the reset can overtake what was written
    /// last: so what the peer still sends is read and dropped.
    pub async fn close(mut self, code: u16, patience: Duration) {
        let mut goodbye = Vec::with_capacity(4);
        write_close(&mut goodbye, code);
        let closing = async {
            self.write_all(&goodbye, patience).await?;
            poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context)).await?;
            while self.read_events(&mut |_| {}).await? {}
            Ok::<(), SocketError>(())
        };
        // Whether the peer listened makes no difference any more.
        let _ = tokio::time::timeout(patience, closing).await;
    }
}

/// Waits at most `stall`; the timer is only made for those that wait at all.
async fn within<T>(
    stall: Duration,
    mut progress: impl Future<Output = Result<T, SocketError>> + Unpin,
) -> Result<T, SocketError> {
    let at_once = poll_fn(|context| Poll::Ready(Pin::new(&mut progress).poll(context))).await;
    match at_once {
        Poll::Ready(done) => done,
        Poll::Pending => tokio::time::timeout(stall, progress)
            .await
            .unwrap_or(Err(SocketError::Stalled { seconds: stall.as_secs() })),
    }
}
