//! Clients over TCP and TLS: frames in, frames out.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tracing::debug;
use trunkline_tasks::Tasks;
use trunkline_turn::channel::{FRAME_BYTES_MAX, Frame, is_channel_data, next_frame};
use trunkline_turn::{FiveTuple, Transport};

use super::link::{Command, RelayLink};

/// Streams at a time: those of a large installation's locked-down networks.
const STREAMS_MAX: usize = 8_192;
/// Streams of one address: an office behind one.
const STREAMS_PER_ADDRESS: usize = 256;
/// What a stream may have waiting for the thread: a frame of the largest size, or a burst of video.
const WAITING_BYTES_MAX: usize = 128 * 1024;
/// Datagrams that may wait for a slow stream; further media is dropped, as a full queue of a router drops it.
pub(super) const OUT_FRAMES_MAX: usize = 256;
/// Places among them that media leaves free for answers, which nobody repeats over a stream.
pub(super) const OUT_ANSWERS: usize = 32;
/// The first frame has to be there by then.
const FIRST_FRAME: Duration = Duration::from_secs(10);
/// A client with an allocation says something within ten minutes.
const SILENCE_MAX: Duration = Duration::from_mins(11);
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

/// The streams there are.
pub(super) struct Streams {
    link: Arc<RelayLink>,
    places: Arc<Semaphore>,
    // Guards how many streams each address has.
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

impl Streams {
    pub(super) fn new(link: Arc<RelayLink>) -> Self {
        Self { link, places: Arc::new(Semaphore::new(STREAMS_MAX)), addresses: Mutex::default() }
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
        stream: S,
        (client, server): (SocketAddr, SocketAddr),
        writing: Writing,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        if self.link.is_closed() {
            return;
        }
        let Ok(_place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let Some(_share) = self.take_share(client.ip()) else { return };
        let tuple = FiveTuple { transport: Transport::Stream, client, server };
        let (out, frames) = mpsc::channel(OUT_FRAMES_MAX);
        self.link.push(Command::Open { tuple, out });
        // Told also when this task is dropped in the middle.
        let _end = End { link: &self.link, tuple };
        let (reader, writer) = tokio::io::split(stream);
        let ended = tokio::select! {
            ended = self.read(reader, tuple) => ended,
            ended = write(writer, frames, writing) => ended,
        };
        if let Err(error) = ended {
            debug!(%error, "a stream to the relay ended");
        }
    }

    async fn read<R: AsyncRead + Unpin>(&self, mut reader: R, tuple: FiveTuple) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
        let mut buffer = Vec::with_capacity(2_048);
        let mut patience = FIRST_FRAME;
        loop {
            match next_frame(&buffer) {
                Frame::Bytes(bytes) if buffer.len() >= bytes => {
                    let frame: Vec<u8> = buffer.drain(..bytes).collect();
                    // Nobody has a channel before the first request (RFC 8656 §12).
                    if patience == FIRST_FRAME && is_channel_data(&frame) {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                    patience = SILENCE_MAX;
                    let count = u32::try_from(frame.len()).unwrap_or(u32::MAX);
                    let permit = Arc::clone(&room).acquire_many_owned(count).await;
                    let permit = permit.map_err(io::Error::other)?;
                    self.link.push(Command::Frame { tuple, bytes: frame, room: permit });
                }
                Frame::Foreign => return Err(io::ErrorKind::InvalidData.into()),
                _ => {
                    debug_assert!(buffer.len() < FRAME_BYTES_MAX, "a frame is never longer");
                    let read = tokio::time::timeout(patience, reader.read_buf(&mut buffer)).await;
                    if read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn take_share(&self, address: IpAddr) -> Option<Share<'_>> {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let count = addresses.entry(address).or_default();
        if *count >= STREAMS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Share { streams: self, address })
    }
}

/// A place among an address's streams.
struct Share<'s> {
    streams: &'s Streams,
    address: IpAddr,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut addresses = self.streams.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
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

async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut frames: mpsc::Receiver<Vec<u8>>,
    writing: Writing,
) -> io::Result<()> {
    let mut waiting = Vec::new();
    while frames.recv_many(&mut waiting, OUT_FRAMES_MAX).await > 0 {
        if writing == Writing::Together {
            waiting = vec![waiting.concat()];
        }
        for bytes in waiting.drain(..) {
            tokio::time::timeout(FIRST_FRAME, writer.write_all(&bytes))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        writer.flush().await?;
    }
    Ok(())
}
