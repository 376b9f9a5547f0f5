//! [`Watch`]: which of many sockets have something to read.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::Result;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use trunkline_net::udp::BatchSocket;

/// How many are told at once; the others are told the next time.
const TOLD_AT_ONCE: usize = 256;

/// Sockets by their place in a list.
pub(crate) struct Watch(OwnedFd);

impl Watch {
    /// Watches these.
    pub(crate) fn over<'s>(sockets: impl IntoIterator<Item = &'s BatchSocket>) -> Result<Self> {
        let watch = epoll::create(CreateFlags::CLOEXEC)?;
        for (index, socket) in sockets.into_iter().enumerate() {
            epoll::add(&watch, socket, EventData::new_u64(index as u64), EventFlags::IN)?;
        }
        Ok(Self(watch))
    }

    /// Waits at most that long; the places of those that can be read.
    pub(crate) fn wait(&self, patience: Duration) -> Result<Vec<usize>> {
        let patience = Timespec::try_from(patience)?;
        let mut room = [const { MaybeUninit::uninit() }; TOLD_AT_ONCE];
        let events: &[Event] = match epoll::wait(&self.0, &mut room, Some(&patience)) {
            Ok((events, _)) => events,
            Err(Errno::INTR) => &[],
            Err(error) => return Err(error.into()),
        };
        Ok(events.iter().filter_map(|event| usize::try_from(event.data.u64()).ok()).collect())
    }
}
