//! Datagrams that the relay's thread and media threads give each other, where others take a socket.
//!
//! What does not fit is dropped, the newest first, as a full queue of a router drops it: senders slow down, and what
//! waits is not late for nothing.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// What may wait, in bytes: as much as the buffer of a media socket.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// What a datagram counts beside its bytes, so that many small ones have a bound too.
const DATAGRAM_BYTES: usize = 128;

/// A datagram on its way between two threads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Handed {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// What waits for one thread.
#[derive(Default)]
pub(crate) struct Mailbox {
    // Guards what waits, in the order in which it was given.
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    datagrams: VecDeque<Handed>,
    bytes: usize,
}

/// What became of datagrams given to a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pushed {
    /// Nothing waited before, so the thread may be asleep.
    pub(crate) is_first: bool,
    /// How many did not fit.
    pub(crate) dropped: u64,
}

impl Mailbox {
    /// Takes all of `datagrams` that fit; the others are lost.
    pub(crate) fn push(&self, datagrams: &mut Vec<Handed>) -> Pushed {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pushed = Pushed { is_first: waiting.datagrams.is_empty(), dropped: 0 };
        for datagram in datagrams.drain(..) {
            let bytes = waiting.bytes + DATAGRAM_BYTES + datagram.bytes.len();
            if bytes > WAITING_BYTES_MAX {
                pushed.dropped += 1;
            } else {
                waiting.bytes = bytes;
                waiting.datagrams.push_back(datagram);
            }
        }
        pushed
    }

    /// Gives out the first `count`, and whether more are left.
    pub(crate) fn take(&self, count: usize) -> (Vec<Handed>, bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(waiting.datagrams.len());
        let taken: Vec<_> = waiting.datagrams.drain(..count).collect();
        waiting.bytes -= taken.iter().map(|one| DATAGRAM_BYTES + one.bytes.len()).sum::<usize>();
        (taken, !waiting.datagrams.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagrams(count: usize, bytes: usize) -> Vec<Handed> {
        let address = SocketAddr::from(([192, 0, 2, 1], 1));
        vec![Handed { from: address, to: address, bytes: vec![0; bytes] }; count]
    }

    #[test]
    fn what_waits_is_given_out_in_order_some_at_a_time() {
        let mailbox = Mailbox::default();
        let mut given = datagrams(3, 10);
        given[2].bytes = vec![9];
        assert_eq!(mailbox.push(&mut given), Pushed { is_first: true, dropped: 0 });
        assert!(given.is_empty());
        assert!(!mailbox.push(&mut datagrams(1, 1)).is_first);
        let (first, is_more) = mailbox.take(3);
        assert_eq!((first.len(), first[2].bytes.as_slice(), is_more), (3, &[9][..], true));
        let (rest, is_more) = mailbox.take(3);
        assert_eq!((rest.len(), is_more), (1, false));
        assert!(mailbox.push(&mut datagrams(1, 1)).is_first);
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_until_there_is_room() {
        let mailbox = Mailbox::default();
        let fits = WAITING_BYTES_MAX / (DATAGRAM_BYTES + 1_072);
        let pushed = mailbox.push(&mut datagrams(fits + 5, 1_072));
        assert_eq!(pushed.dropped, 5);
        assert_eq!(mailbox.push(&mut datagrams(1, 1_072)).dropped, 1);
        mailbox.take(1);
        assert_eq!(mailbox.push(&mut datagrams(2, 1_072)).dropped, 1);
        assert_eq!(mailbox.take(usize::MAX).0.len(), fits);
        assert_eq!(mailbox.push(&mut datagrams(fits, 1_072)).dropped, 0);
    }
}
