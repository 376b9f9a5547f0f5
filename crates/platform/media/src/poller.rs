//! Waiting for sockets.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// How many are told at once; the others are told the next time.
const EVENTS_MAX: usize = 256;

/// What became ready.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Token {
    /// Commands wait, or the thread should stop.
    Wake,
    /// A UDP socket.
    Socket(usize),
    /// A listener of TCP.
    Listener(usize),
    /// A TCP connection.
    Connection(u64),
}

const KIND_SHIFT: u32 = 56;
const NUMBER_MASK: u64 = (1 << KIND_SHIFT) - 1;

impl Token {
    fn pack(self) -> u64 {
        let (kind, number) = match self {
            Self::Wake => (0, 0),
            Self::Socket(index) => (1, index as u64),
            Self::Listener(index) => (2, index as u64),
            Self::Connection(number) => (3, number),
        };
        kind << KIND_SHIFT | number & NUMBER_MASK
    }

    fn unpack(packed: u64) -> Self {
        let number = packed & NUMBER_MASK;
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        match packed >> KIND_SHIFT {
            0 => Self::Wake,
            1 => Self::Socket(index),
            2 => Self::Listener(index),
            _ => Self::Connection(number),
        }
    }
}

/// What to wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interest {
    /// Nothing, for a while.
    None,
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
}

impl Interest {
    /// Reading, and writing when something waits.
    pub(crate) fn with_write(is_waiting: bool) -> Self {
        if is_waiting { Self::ReadWrite } else { Self::Read }
    }

    fn flags(self) -> EventFlags {
        match self {
            Self::None => EventFlags::empty(),
            Self::Read => EventFlags::IN,
            Self::ReadWrite => EventFlags::IN | EventFlags::OUT,
        }
    }
}

/// Something that is ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ready {
    pub(crate) token: Token,
    /// Something can be read, which may be the end or an error.
    pub(crate) is_readable: bool,
    pub(crate) is_writable: bool,
}

/// Tells which sockets are ready. A socket is forgotten when it is closed.
pub(crate) struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    pub(crate) fn add(&self, socket: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token.pack()), interest.flags())?)
    }

    pub(crate) fn set(&self, socket: impl AsFd, token: Token, interest: Interest) {
        let set = epoll::modify(&self.epoll, socket, EventData::new_u64(token.pack()), interest.flags());
        if let Err(error) = set {
            // Only a socket that was never added is refused: a bug, after which its peers time out.
            tracing::error!(%error, ?token, "a socket is not watched");
        }
    }

    /// Waits until something is ready or the time is over.
    pub(crate) fn wait(&self, ready: &mut Vec<Ready>, patience: Option<Duration>) -> io::Result<()> {
        let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
        let mut room = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        ready.clear();
        let events: &[Event] = match epoll::wait(&self.epoll, &mut room, patience.as_ref()) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        ready.extend(events.iter().map(|event| {
            // Copied: the structure is packed.
            let (flags, data) = (event.flags, event.data);
            Ready {
                token: Token::unpack(data.u64()),
                is_readable: flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR),
                is_writable: flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_were() {
        for token in [Token::Wake, Token::Socket(3), Token::Listener(0), Token::Connection(1 << 40)] {
            assert_eq!(Token::unpack(token.pack()), token);
        }
    }
}
