//! Clients over TCP and TLS: frames in, frames out.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc};
use tracing::debug;
use trunkline_tasks::Tasks;
use trunkline_turn::channel::{FRAME_BYTES_MAX, Frame, is_channel_data, next_frame};
use trunkline_turn::{FiveTuple, Transport};

use super::connections::Joined;
use super::link::{Command, RelayLink};
use super::metrics::RelayMetrics;
use crate::tcp::host_of;

/// Streams at a time: those of a large installation's locked-down networks.
pub(super) const STREAMS_MAX: usize = 8_192;
/// Streams of one host: an office behind one address.
pub(super) const STREAMS_PER_HOST: usize = 256;
/// What a stream may have waiting for the thread: a frame of the largest size, or a burst of video.
const WAITING_BYTES_MAX: usize = 128 * 1024;
/// What a frame counts beside its bytes: many tiny ones take room too.
const FRAME_BYTES: usize = 160;
/// Datagrams that may wait for a slow stream; further media is dropped, as a full queue of a router drops it.
pub(super) const OUT_FRAMES_MAX: usize = 256;
/// Places among them that media leaves free for answers, which nobody repeats over a stream.
pub(super) const OUT_ANSWERS: usize = 32;
/// The first frame has to be there by then.
pub(super) const FIRST_FRAME: Duration = Duration::from_secs(10);
/// A client with an allocation says something within ten minutes.
pub(super) const SILENCE_MAX: Duration = Duration::from_mins(11);
/// How a `ConnectionBind` request starts (RFC 6062 §6.1).
const CONNECTION_BIND: [u8; 2] = [0x00, 0x0B];
/// How its success starts.
const CONNECTION_BOUND: [u8; 2] = [0x01, 0x0B];
/// A pause after a failed accept, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How frames that wait for a stream are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Writing {
    /// In one go: fewer calls of the system.
    Together,
    /// Each by itself, as a record of TLS: some clients take a record for a frame.
    Apart,
}

/// What a stream is given by the relay's thread.
pub(super) enum ToStream {
    /// Bytes of the protocol.
    Frame(Vec<u8>),
    /// From now on it is a connection with a peer (RFC 6062 §5.4).
    Join(Box<Joined>),
}

/// The streams there are.
pub(super) struct Streams {
    link: Arc<RelayLink>,
    metrics: RelayMetrics,
    places: Arc<Semaphore>,
    // Guards how many streams each host has.
    hosts: Mutex<HashMap<IpAddr, usize>>,
}

impl Streams {
    pub(super) fn new(link: Arc<RelayLink>, metrics: RelayMetrics) -> Self {
        let places = Arc::new(Semaphore::new(STREAMS_MAX));
        Self { link, metrics, places, hosts: Mutex::default() }
    }

    /// Takes connections until the end is asked for.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener, tasks: Tasks) {
        let shutdown = tasks.shutdown();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.requested() => return,
            };
            match accepted {
                Ok((stream, client)) => {
                    let Ok(server) = stream.local_addr() else { continue };
                    // Answers are written whole; waiting for more only delays them.
                    let _ = stream.set_nodelay(true);
                    let (streams, shutdown) = (Arc::clone(&self), tasks.shutdown());
                    tasks.spawn("relay: connection", async move {
                        tokio::select! {
                            () = streams.serve(stream, (client, server), Writing::Together) => {}
                            () = shutdown.requested() => {}
                        }
                    });
                }
                Err(error) => {
                    debug!(%error, "a connection to the relay cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Speaks TURN on one stream until it ends.
    pub(super) async fn serve<S>(
        &self,
        mut stream: S,
        (client, server): (SocketAddr, SocketAddr),
        writing: Writing,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        if self.link.is_closed() {
            return;
        }
        let Ok(_place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.metrics.count_refused_stream("capacity");
        };
        let Some(_share) = self.take_share(client.ip()) else {
            return self.metrics.count_refused_stream("address_quota");
        };
        let _counted = Counted::new(&self.metrics);
        let tuple = FiveTuple { transport: Transport::Stream, client, server };
        let (out, frames) = mpsc::channel(OUT_FRAMES_MAX);
        self.link.push(Command::Open { tuple, out });
        // Told also when this task is dropped in the middle.
        let _end = End { link: &self.link, tuple };
        let mut buffer = Vec::with_capacity(2_048);
        let answered = Notify::new();
        let ended = {
            let (reader, writer) = tokio::io::split(&mut stream);
            tokio::select! {
                ended = self.read(reader, &mut buffer, &answered, tuple) => ended.map(|()| None),
                ended = write(writer, frames, &answered, writing) => ended,
            }
        };
        match ended {
            Ok(Some(joined)) => joined.run(stream, &buffer, &self.metrics).await,
            Ok(None) => {}
            Err(error) => debug!(%error, "a stream to the relay ended"),
        }
    }

    /// Cuts frames out of `buffer`, which keeps what comes after the last one.
    async fn read<R: AsyncRead + Unpin>(
        &self,
        mut reader: R,
        buffer: &mut Vec<u8>,
        answered: &Notify,
        tuple: FiveTuple,
    ) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
        let first = tokio::time::timeout(FIRST_FRAME, cut_frame(&mut reader, buffer)).await;
        let Ok(first) = first else {
            self.metrics.count_refused_stream("no_frame");
            return Err(io::ErrorKind::TimedOut.into());
        };
        let mut next = first?;
        // Nobody has a channel before the first request (RFC 8656 §12).
        if next.as_deref().is_some_and(is_channel_data) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        while let Some(frame) = next {
            let count = u32::try_from(FRAME_BYTES + frame.len()).unwrap_or(u32::MAX);
            let permit = Arc::clone(&room).acquire_many_owned(count).await;
            let permit = permit.map_err(io::Error::other)?;
            let is_bind = frame.starts_with(&CONNECTION_BIND);
            // It hears of every answer from now on.
            let answer = answered.notified();
            self.link.push(Command::Frame { tuple, bytes: frame, room: permit });
            // What follows may be no frame any more: the answer, or the end of this task, tells.
            if is_bind {
                tokio::time::timeout(FIRST_FRAME, answer).await?;
            }
            next = tokio::time::timeout(SILENCE_MAX, cut_frame(&mut reader, buffer)).await??;
        }
        Ok(())
    }

    fn take_share(&self, address: IpAddr) -> Option<Share<'_>> {
        let host = host_of(address.to_canonical());
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = hosts.entry(host).or_default();
        if *count >= STREAMS_PER_HOST {
            return None;
        }
        *count += 1;
        Some(Share { streams: self, host })
    }
}

/// Reads until `buffer` has a whole frame and takes that out of it; none when the stream has ended.
async fn cut_frame<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        match next_frame(buffer) {
            Frame::Bytes(bytes) if buffer.len() >= bytes => return Ok(Some(buffer.drain(..bytes).collect())),
            Frame::Foreign => return Err(io::ErrorKind::InvalidData.into()),
            _ => {
                debug_assert!(buffer.len() < FRAME_BYTES_MAX, "a frame is never longer");
                if reader.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
        }
    }
}

/// A place among a host's streams.
struct Share<'s> {
    streams: &'s Streams,
    host: IpAddr,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut hosts = self.streams.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = hosts.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

/// A stream as long as it is counted.
struct Counted<'m>(&'m RelayMetrics);

impl<'m> Counted<'m> {
    fn new(metrics: &'m RelayMetrics) -> Self {
        metrics.streams.inc();
        Self(metrics)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.streams.dec();
    }
}

/// Tells the thread that a stream is gone.
struct End<'s> {
    link: &'s RelayLink,
    tuple: FiveTuple,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.link.push(Command::Closed { tuple: self.tuple });
    }
}

/// Writes what the thread gives, until it gives a connection to go on with.
async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut frames: mpsc::Receiver<ToStream>,
    answered: &Notify,
    writing: Writing,
) -> io::Result<Option<Box<Joined>>> {
    let mut waiting = Vec::new();
    while frames.recv_many(&mut waiting, OUT_FRAMES_MAX).await > 0 {
        let (mut parts, mut joined) = (Vec::<Vec<u8>>::new(), None);
        for one in waiting.drain(..) {
            match one {
                ToStream::Frame(bytes) => parts.push(bytes),
                ToStream::Join(connection) => joined = Some(connection),
            }
        }
        let is_bound = parts.iter().any(|bytes| bytes.starts_with(&CONNECTION_BOUND));
        if writing == Writing::Together {
            parts = vec![parts.concat()];
        }
        for bytes in parts {
            tokio::time::timeout(FIRST_FRAME, writer.write_all(&bytes)).await??;
        }
        writer.flush().await?;
        if joined.is_some() {
            return Ok(joined);
        }
        // The connection follows, and whoever reads must leave its bytes alone.
        if !is_bound {
            answered.notify_waiters();
        }
    }
    Ok(None)
}
