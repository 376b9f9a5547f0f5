//! The way into the media threads, for those who run calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use trunkline_sfu::{NamedMids, Policy, Sources};

use crate::error::MediaError;
use crate::event::{NamedWant, PeerId, RoomEvent};
use crate::queue::{Command, RoomCommand, RoomKey, ThreadLink};

/// Events of one room that wait to be taken. A meeting of 350 makes about as many when it is told to look at
/// somebody else; beyond it only the newest of a kind is kept.
const EVENTS_MAX: usize = 1_024;

/// Loads that differ by less, in datagrams per second, are alike: then the number of rooms decides, which counts
/// also those that are about to fill.
const LOAD_STEP: u64 = 1_000;

/// Opens rooms on the media threads. Clones open on the same ones.
#[derive(Clone)]
pub struct MediaHandle {
    threads: Arc<[Arc<ThreadLink>]>,
    rooms: Arc<AtomicU64>,
}

/// How much one media thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThreadLoad {
    /// Datagrams sent per second, smoothed over some seconds.
    pub sent_per_second: u64,
    /// Clients on it.
    pub peers: usize,
}

/// What a client offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The session description.
    pub sdp: String,
    /// Which lines are microphone, camera and screen, when not the first three.
    pub mids: NamedMids,
}

/// What it is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The session description.
    pub sdp: String,
    /// Counts the answers of this connection, from 1.
    pub epoch: u32,
}

impl MediaHandle {
    pub(crate) fn new(threads: Vec<Arc<ThreadLink>>) -> Self {
        Self { threads: threads.into(), rooms: Arc::default() }
    }

    /// A handle without threads: every room opened on it is closed from the start.
    pub fn closed() -> Self {
        Self::new(Vec::new())
    }

    /// Opens a room on the thread with the least to do. `name` stands in the logs.
    ///
    /// The events end (`recv` gives `None`) when the room is gone: its handle was dropped, its thread was lost or
    /// the plane has stopped.
    pub fn open_room(&self, name: &str) -> (RoomHandle, mpsc::Receiver<RoomEvent>) {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let key = RoomKey(self.rooms.fetch_add(1, Ordering::Relaxed));
        let open = self.threads.iter().filter(|thread| !thread.is_closed());
        let thread = open.min_by_key(|thread| (thread.load().0 / LOAD_STEP, thread.rooms()));
        if let Some(thread) = thread {
            thread.room_opened();
        }
        let room = RoomHandle { key, thread: thread.map(Arc::clone) };
        room.tell(RoomCommand::Open { name: name.to_owned(), events: sender });
        (room, events)
    }

    #[cfg(test)]
    pub(crate) fn rooms_per_thread(&self) -> Vec<usize> {
        self.threads.iter().map(|thread| thread.rooms()).collect()
    }

    /// What each thread does, in their order.
    pub fn load(&self) -> Vec<ThreadLoad> {
        self.threads
            .iter()
            .map(|thread| {
                let (sent_per_second, peers) = thread.load();
                ThreadLoad { sent_per_second, peers }
            })
            .collect()
    }
}

/// A room on a media thread. Dropping it closes the room and ends the transports of its clients.
///
/// Commands are done in the order in which they are given. What is set for a client stays until it leaves: it may
/// be set before the client joins and holds for its next connection too.
pub struct RoomHandle {
    key: RoomKey,
    thread: Option<Arc<ThreadLink>>,
}

impl RoomHandle {
    /// Makes a new transport for `peer`; one that it had ends when the new one is accepted.
    ///
    /// **Errors**: [`MediaError::Offer`], [`MediaError::Full`], [`MediaError::Overloaded`], [`MediaError::Stopped`].
    pub async fn join(&self, peer: PeerId, offer: Offer) -> Result<Answer, MediaError> {
        self.ask(|reply| RoomCommand::Join { peer, offer: Box::new(offer), reply }).await
    }

    /// Takes another offer on the transport that `peer` has: more lines, or an ICE restart.
    ///
    /// **Errors**: as [`RoomHandle::join`], and [`MediaError::UnknownPeer`] when there is no transport.
    pub async fn renew(&self, peer: PeerId, offer: Offer) -> Result<Answer, MediaError> {
        self.ask(|reply| RoomCommand::Renew { peer, offer: Box::new(offer), reply }).await
    }

    /// Ends the transport of `peer` and forgets what was set for it.
    pub fn leave(&self, peer: PeerId) {
        self.tell(RoomCommand::Leave { peer });
    }

    /// Says what `peer` may send and receive.
    pub fn set_policy(&self, peer: PeerId, policy: Policy) {
        self.tell(RoomCommand::Policy { peer, policy });
    }

    /// Says what `peer` sends.
    pub fn set_sources(&self, peer: PeerId, sources: Sources) {
        self.tell(RoomCommand::Sources { peer, sources });
    }

    /// Says what `peer` wishes to see: all of it, and at most how many at once.
    pub fn set_wants(&self, peer: PeerId, wants: Vec<NamedWant>, shown_max: u8) {
        self.tell(RoomCommand::Wants { peer, wants, shown_max });
    }

    /// Says who goes first, such as those in the spotlight.
    pub fn set_order(&self, order: Vec<PeerId>) {
        self.tell(RoomCommand::Order { order });
    }

    /// Adds a participant without transport that says again what it heard, `delay` later: the echo test.
    pub fn join_loop(&self, peer: PeerId, delay: Duration) {
        self.tell(RoomCommand::Loop { peer, delay });
    }

    fn tell(&self, what: RoomCommand) {
        if let Some(thread) = &self.thread {
            thread.push(Command { room: self.key, what });
        }
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<Answer, MediaError>>) -> RoomCommand,
    ) -> Result<Answer, MediaError> {
        let thread = self.thread.as_ref().ok_or(MediaError::Stopped)?;
        let (reply, answer) = oneshot::channel();
        thread.push_bounded(Command { room: self.key, what: command(reply) })?;
        answer.await.unwrap_or(Err(MediaError::Stopped))
    }
}

impl Drop for RoomHandle {
    fn drop(&mut self) {
        self.tell(RoomCommand::Close);
    }
}
