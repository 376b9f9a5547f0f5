//! What the relay's thread and the tasks of its streams share.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use trunkline_turn::{FiveTuple, Statistics};

/// Something for the thread to do.
pub(super) enum Command {
    /// A stream began; what is sent to it goes there.
    Open { tuple: FiveTuple, out: mpsc::Sender<Vec<u8>> },
    /// A frame came. The permit gives the stream its room back.
    Frame { tuple: FiveTuple, bytes: Vec<u8>, room: OwnedSemaphorePermit },
    /// A stream ended.
    Closed { tuple: FiveTuple },
    /// Everything of a user ends.
    EndUser(String),
}

/// The thread's ear. No bound of its own: every stream has one for what it may have waiting, and streams are bounded.
pub(super) struct RelayLink {
    // Guards the commands in the order they were given.
    waiting: Mutex<VecDeque<Command>>,
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
        waiting.push_back(command);
        drop(waiting);
        self.wake();
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

    /// Takes everything, and the wake-up back.
    pub(super) fn take(&self) -> VecDeque<Command> {
        let mut counter = [0; 8];
        // Nothing to read means that nobody woke this thread.
        let _ = rustix::io::read(&self.wake, &mut counter);
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
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
