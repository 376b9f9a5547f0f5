//! What the relay's thread and the tasks of its streams share.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use trunkline_turn::{ConnectionId, FiveTuple, Statistics};

use super::mailbox::{Handed, Mailbox};
use super::streams::ToStream;

/// Something for the thread to do.
pub(super) enum Command {
    /// A stream began; what is sent to it goes there.
    Open { tuple: FiveTuple, out: mpsc::Sender<ToStream> },
    /// A frame came. The permit gives the stream its room back.
    Frame { tuple: FiveTuple, bytes: Vec<u8>, room: OwnedSemaphorePermit },
    /// A stream ended.
    Closed { tuple: FiveTuple },
    /// A peer was connected to, or not.
    Connected { id: ConnectionId, stream: Option<TcpStream> },
    /// A peer has connected to a relay. The permit lets the next one be accepted.
    Incoming { relay: SocketAddr, peer: SocketAddr, stream: TcpStream, place: OwnedSemaphorePermit },
    /// A connection with a peer has ended.
    Disconnected { id: ConnectionId },
    /// Everything of a user ends.
    EndUser(String),
}

/// The thread's ear. The commands have no bound of their own: every stream, listener and connection has one for what it
/// may have waiting, and those are bounded.
pub(crate) struct RelayLink {
    // Guards the commands in the order they were given.
    waiting: Mutex<VecDeque<Command>>,
    handed: Mailbox,
    wake: OwnedFd,
    is_closed: AtomicBool,
    is_stopping: AtomicBool,
    // Guards the newest counts.
    statistics: Mutex<Statistics>,
}

impl RelayLink {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            handed: Mailbox::default(),
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            is_closed: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            statistics: Mutex::default(),
        })
    }

    /// Gives a command; lost when the thread has ended.
    pub(super) fn push(&self, command: Command) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_closed() {
            return;
        }
        let is_first = waiting.is_empty();
        waiting.push_back(command);
        drop(waiting);
        // Whatever waited before has woken the thread already.
        if is_first {
            self.wake();
        }
    }

    /// Takes what a media thread sends to clients here, and tells how many datagrams did not fit.
    pub(crate) fn hand_over(&self, datagrams: &mut Vec<Handed>) -> u64 {
        if self.is_closed() {
            let lost = datagrams.drain(..).count();
            return lost as u64;
        }
        let pushed = self.handed.push(datagrams);
        if pushed.is_first {
            self.wake();
        }
        pushed.dropped
    }

    /// The first `count` of what media threads have sent. The rest wakes the thread again.
    pub(super) fn take_handed(&self, count: usize) -> Vec<Handed> {
        let (taken, is_more) = self.handed.take(count);
        if is_more {
            self.wake();
        }
        taken
    }

    /// Nothing more is taken: the thread has ended. Streams lose their way out, which ends them.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_closed.store(true, Ordering::Release);
        waiting.clear();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn end_user(&self, user: &str) {
        self.push(Command::EndUser(user.to_owned()));
    }

    /// Takes the first `count` commands, and the wake-up back. The rest wakes the thread again.
    pub(super) fn take(&self, count: usize) -> Vec<Command> {
        let mut counter = [0; 8];
        // Nothing to read means that nobody woke this thread.
        let _ = rustix::io::read(&self.wake, &mut counter);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(waiting.len());
        let taken = waiting.drain(..count).collect();
        let is_more = !waiting.is_empty();
        drop(waiting);
        if is_more {
            self.wake();
        }
        taken
    }

    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    pub(super) fn statistics(&self) -> Statistics {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_statistics(&self, statistics: Statistics) {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner) = statistics;
    }

    pub(super) fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    fn wake(&self) {
        // A full counter means that the thread has been woken already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}
