//! Commands on their way to a media thread.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::{mpsc, oneshot};
use tracing::error;
use trunkline_sfu::{Policy, Sources};

use crate::error::MediaError;
use crate::event::{NamedWant, PeerId, RoomEvent};
use crate::handle::{Answer, Offer};
use crate::relay::RelayLink;
use crate::relay::mailbox::{Handed, Mailbox};

/// Commands that wait before new clients are refused: a second of work, at a quarter of a millisecond each.
const WAITING_MAX: usize = 4_096;
/// Commands that wait before even those are lost that end something. Only a thread that stands still gets there;
/// it is as good as lost, so this one is taken for lost.
const STUCK_MAX: usize = 65_536;

/// Offers taken at once: each makes keys and reads a long text, some milliseconds in which nobody is heard.
const OFFERS_PER_ROUND: usize = 4;

/// A room in this process; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct RoomKey(pub(crate) u64);

/// Something to be done in a room.
pub(crate) struct Command {
    pub(crate) room: RoomKey,
    pub(crate) what: RoomCommand,
}

/// Where the answer to an offer goes.
pub(crate) type Reply = oneshot::Sender<Result<Answer, MediaError>>;

pub(crate) enum RoomCommand {
    Open { name: String, events: mpsc::Sender<RoomEvent> },
    Close,
    Join { peer: PeerId, offer: Box<Offer>, reply: Reply },
    Renew { peer: PeerId, offer: Box<Offer>, reply: Reply },
    Leave { peer: PeerId },
    Policy { peer: PeerId, policy: Policy },
    Sources { peer: PeerId, sources: Sources },
    Wants { peer: PeerId, wants: Vec<NamedWant>, shown_max: u8 },
    Order { order: Vec<PeerId> },
    Loop { peer: PeerId, delay: Duration },
}

impl RoomCommand {
    fn is_offer(&self) -> bool {
        matches!(self, Self::Join { .. } | Self::Renew { .. })
    }
}

/// What handles and their thread share.
pub(crate) struct ThreadLink {
    // Guards the commands in the order they were given.
    waiting: Mutex<VecDeque<Command>>,
    /// What clients of the relay send.
    relayed: Mailbox,
    /// The way back to them.
    relay: OnceLock<Arc<RelayLink>>,
    wake: OwnedFd,
    is_closed: AtomicBool,
    is_stopping: AtomicBool,
    sent_per_second: AtomicU64,
    peers: AtomicUsize,
    rooms: AtomicUsize,
}

impl ThreadLink {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            relayed: Mailbox::default(),
            relay: OnceLock::new(),
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            is_closed: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            sent_per_second: AtomicU64::new(0),
            peers: AtomicUsize::new(0),
            rooms: AtomicUsize::new(0),
        })
    }

    /// Gives a command that must not be lost.
    pub(crate) fn push(&self, command: Command) {
        let mut waiting = self.lock();
        if self.is_closed() {
            return;
        }
        if waiting.len() >= STUCK_MAX {
            error!(commands = waiting.len(), "a media thread stands still; its calls lose their media");
            waiting.clear();
            drop(waiting);
            self.close();
            return;
        }
        waiting.push_back(command);
        drop(waiting);
        self.wake();
    }

    /// Gives a command that may be refused.
    pub(crate) fn push_bounded(&self, command: Command) -> Result<(), MediaError> {
        let mut waiting = self.lock();
        if self.is_closed() {
            return Err(MediaError::Stopped);
        }
        if waiting.len() >= WAITING_MAX {
            return Err(MediaError::Overloaded);
        }
        waiting.push_back(command);
        drop(waiting);
        self.wake();
        Ok(())
    }

    /// Takes what clients of the relay send, and tells how many datagrams did not fit.
    pub(crate) fn hand_over(&self, datagrams: &mut Vec<Handed>) -> u64 {
        let pushed = self.relayed.push(datagrams);
        if pushed.is_first {
            self.wake();
        }
        pushed.dropped
    }

    /// The first `count` of what clients of the relay have sent. The rest wakes the thread again.
    pub(crate) fn take_relayed(&self, count: usize) -> Vec<Handed> {
        let (taken, is_more) = self.relayed.take(count);
        if is_more {
            self.wake();
        }
        taken
    }

    /// Says where clients of the relay are reached; the first one stays.
    pub(crate) fn set_relay(&self, relay: Arc<RelayLink>) {
        let _ = self.relay.set(relay);
    }

    pub(crate) fn relay(&self) -> Option<&RelayLink> {
        self.relay.get().map(|relay| &**relay)
    }

    /// Takes at most `count` commands, few offers among them, and takes the wake-up back.
    pub(crate) fn take(&self, count: usize, taken: &mut VecDeque<Command>) {
        let mut counter = [0; 8];
        // Nothing to read means that nobody woke this thread.
        let _ = rustix::io::read(&self.wake, &mut counter);
        let mut waiting = self.lock();
        let mut offers = 0;
        for _ in 0..count {
            let Some(command) = waiting.pop_front_if(|_| offers < OFFERS_PER_ROUND) else { break };
            offers += usize::from(command.what.is_offer());
            taken.push_back(command);
        }
        let is_more = !waiting.is_empty();
        drop(waiting);
        if is_more {
            self.wake();
        }
    }

    /// Nothing more is taken; who waits for an answer gets [`MediaError::Stopped`].
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.lock().clear();
        self.wake();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Asks the thread to end its rooms and itself.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire) || self.is_closed()
    }

    /// Datagrams a second and clients.
    pub(crate) fn load(&self) -> (u64, usize) {
        (self.sent_per_second.load(Ordering::Relaxed), self.peers.load(Ordering::Relaxed))
    }

    pub(crate) fn set_load(&self, sent_per_second: u64, peers: usize) {
        self.sent_per_second.store(sent_per_second, Ordering::Relaxed);
        self.peers.store(peers, Ordering::Relaxed);
    }

    /// Rooms opened and not closed yet, also those whose opening still waits.
    pub(crate) fn rooms(&self) -> usize {
        self.rooms.load(Ordering::Relaxed)
    }

    pub(crate) fn room_opened(&self) {
        self.rooms.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn room_closed(&self) {
        self.rooms.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    fn wake(&self) {
        // A full counter means that the thread has been woken already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Command>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use trunkline_sfu::NamedMids;

    use super::*;

    fn leave(peer: u32) -> Command {
        Command { room: RoomKey(1), what: RoomCommand::Leave { peer: PeerId(peer) } }
    }

    fn take_all(link: &ThreadLink) -> Vec<u32> {
        let mut taken = VecDeque::new();
        link.take(usize::MAX, &mut taken);
        let number = |command: Command| match command.what {
            RoomCommand::Leave { peer } => peer.0,
            _ => panic!("only leaving was asked for"),
        };
        taken.into_iter().map(number).collect()
    }

    #[test]
    fn commands_are_taken_in_their_order_some_at_a_time() {
        let link = ThreadLink::new().expect("descriptors are free");
        for peer in 0..5 {
            link.push(leave(peer));
        }
        let mut first = VecDeque::new();
        link.take(2, &mut first);
        assert_eq!(first.len(), 2);
        let mut counter = [0; 8];
        assert!(rustix::io::read(link.wake_fd(), &mut counter).is_ok(), "the thread is woken for the rest");
        assert_eq!(take_all(&link), [2, 3, 4]);
        assert!(rustix::io::read(link.wake_fd(), &mut counter).is_err(), "nothing is left");
    }

    #[test]
    fn few_offers_are_taken_at_once() {
        let link = ThreadLink::new().expect("descriptors are free");
        for _ in 0..10 {
            let offer = Box::new(Offer { sdp: String::new(), mids: NamedMids::default() });
            let what = RoomCommand::Renew { peer: PeerId(1), offer, reply: oneshot::channel().0 };
            link.push(Command { room: RoomKey(1), what });
            link.push(leave(2));
        }
        let counts = [(); 4].map(|()| {
            let mut taken = VecDeque::new();
            link.take(256, &mut taken);
            taken.len()
        });
        // The fourth offer of a round ends it.
        assert_eq!(counts, [7, 8, 5, 0]);
    }

    #[test]
    fn a_busy_thread_refuses_new_clients_but_lets_them_leave() {
        let link = ThreadLink::new().expect("descriptors are free");
        for _ in 0..WAITING_MAX {
            link.push_bounded(leave(0)).expect("there is room");
        }
        assert!(matches!(link.push_bounded(leave(1)), Err(MediaError::Overloaded)));
        link.push(leave(2));
        assert_eq!(take_all(&link).last(), Some(&2));
        assert!(link.push_bounded(leave(3)).is_ok());
    }

    #[test]
    fn a_thread_that_stands_still_is_given_up() {
        let link = ThreadLink::new().expect("descriptors are free");
        for _ in 0..=STUCK_MAX {
            link.push(leave(0));
        }
        assert!(link.is_closed() && link.is_stopping());
        assert!(matches!(link.push_bounded(leave(1)), Err(MediaError::Stopped)));
        assert_eq!(take_all(&link), [0; 0]);
    }
}
