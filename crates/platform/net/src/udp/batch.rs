//! Datagrams on their way out and in, many at a time.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use super::system::{Incoming, Outgoing};
use super::wire::{Control, Name};

/// What the system cuts one message into at most (`UDP_MAX_SEGMENTS`).
const SEGMENTS_MAX: usize = 64;
/// A train is one IP datagram to the system, whose length has 16 bits; this leaves room for every header.
const TRAIN_BYTES_MAX: usize = 65_000;
/// A train that arrives is one read of up to 64 KiB.
const BUFFER_BYTES: usize = 65_536;
/// Datagrams up to this size are taken for audio and control, which are dropped last.
const SMALL_BYTES: usize = 400;

/// Datagrams to be sent.
///
/// Datagrams of one size to one receiver that come one after another become a train: one message, which the system
/// cuts. The last of a train may be shorter.
#[derive(Debug, Default)]
pub struct SendBatch {
    // Invariant: holds the datagrams of all trains, in their order.
    datagrams: VecDeque<Vec<u8>>,
    trains: VecDeque<Train>,
}

#[derive(Clone, Copy, Debug)]
struct Train {
    source: Option<IpAddr>,
    destination: SocketAddr,
    /// The size of every datagram but the last.
    segment_bytes: usize,
    bytes: usize,
    count: usize,
    /// The last datagram is shorter, so nothing may follow.
    is_ended: bool,
}

impl Train {
    fn takes(&self, source: Option<IpAddr>, destination: SocketAddr, bytes: usize) -> bool {
        !self.is_ended
            && self.count < SEGMENTS_MAX
            && bytes <= self.segment_bytes
            && self.bytes + bytes <= TRAIN_BYTES_MAX
            && self.destination == destination
            && self.source == source
    }
}

impl SendBatch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a datagram; an empty one is left out. `source` is the address to send from, where the socket has several.
    pub fn push(&mut self, source: Option<IpAddr>, destination: SocketAddr, datagram: Vec<u8>) {
        let bytes = datagram.len();
        if bytes == 0 {
            return;
        }
        self.datagrams.push_back(datagram);
        match self.trains.back_mut() {
            Some(train) if train.takes(source, destination, bytes) => {
                train.count += 1;
                train.bytes += bytes;
                train.is_ended = bytes < train.segment_bytes;
            }
            _ => self.trains.push_back(Train {
                source,
                destination,
                segment_bytes: bytes,
                bytes,
                count: 1,
                is_ended: false,
            }),
        }
    }

    /// How many messages wait: trains and single datagrams.
    pub fn len(&self) -> usize {
        self.trains.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.trains.is_empty()
    }

    /// Drops messages until at most `count` are left, the oldest large ones first. Returns how many datagrams went.
    pub fn shed(&mut self, count: usize) -> usize {
        let mut dropped = 0;
        if self.trains.len() <= count {
            return dropped;
        }
        for is_small_spared in [true, false] {
            let mut surplus = self.trains.len().saturating_sub(count);
            for _ in 0..self.trains.len() {
                let Some(train) = self.trains.pop_front() else { break };
                let datagrams: Vec<_> = self.datagrams.drain(..train.count).collect();
                if surplus > 0 && !(is_small_spared && train.segment_bytes <= SMALL_BYTES) {
                    surplus -= 1;
                    dropped += train.count;
                } else {
                    self.trains.push_back(train);
                    self.datagrams.extend(datagrams);
                }
            }
        }
        dropped
    }

    /// The first messages for one call, at most `count`.
    pub(super) fn head(&self, count: usize) -> (Vec<Outgoing>, Vec<IoSlice<'_>>) {
        let mut start = 0;
        let messages: Vec<_> = self
            .trains
            .iter()
            .take(count)
            .map(|train| {
                let parts = start..start + train.count;
                start = parts.end;
                let mut control = Control::default();
                if train.count > 1 {
                    let segment = u16::try_from(train.segment_bytes).expect("a train has less than 64 KiB");
                    control.push_segment(segment);
                }
                if let Some(source) = train.source {
                    control.push_source(source);
                }
                Outgoing { name: Name::new(train.destination), control, parts }
            })
            .collect();
        let parts = self.datagrams.iter().take(start).map(|datagram| IoSlice::new(datagram)).collect();
        (messages, parts)
    }

    /// Takes the first `count` messages off. Returns how many datagrams they were.
    pub(super) fn advance(&mut self, count: usize) -> usize {
        let datagrams = self.trains.drain(..count).map(|train| train.count).sum();
        self.datagrams.drain(..datagrams);
        datagrams
    }

    /// Whether the first message is a train.
    pub(super) fn is_train_first(&self) -> bool {
        self.trains.front().is_some_and(|train| train.count > 1)
    }

    /// Makes single datagrams of the first `count` messages.
    pub(super) fn split(&mut self, count: usize) {
        let count = count.min(self.trains.len());
        let mut datagrams = self.datagrams.iter();
        let mut singles = VecDeque::new();
        for train in self.trains.drain(..count) {
            for datagram in datagrams.by_ref().take(train.count) {
                let bytes = datagram.len();
                singles.push_back(Train { segment_bytes: bytes, bytes, count: 1, is_ended: true, ..train });
            }
        }
        singles.append(&mut self.trains);
        self.trains = singles;
    }
}

/// Room for datagrams to be read, reused from read to read.
pub struct ReceiveBatch {
    buffers: Vec<u8>,
    messages: Vec<Incoming>,
    filled: usize,
    local: IpAddr,
}

/// A datagram that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// The address it was sent to.
    pub destination: IpAddr,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl ReceiveBatch {
    /// Room for `messages` reads, each of a datagram or a train of them.
    pub fn new(messages: usize) -> Self {
        Self {
            buffers: vec![0; messages * BUFFER_BYTES],
            messages: (0..messages).map(|_| Incoming::default()).collect(),
            filled: 0,
            local: IpAddr::from([0; 4]),
        }
    }

    /// The datagrams of the last read, in the order in which they came.
    pub fn datagrams(&self) -> impl Iterator<Item = Received<'_>> {
        let messages = self.messages.iter().take(self.filled).filter(|message| !message.is_cut);
        messages.zip(self.buffers.chunks_exact(BUFFER_BYTES)).flat_map(|(message, buffer)| {
            let told = message.control.read();
            let bytes = &buffer[..message.length.min(BUFFER_BYTES)];
            let segment_bytes = told.segment_bytes.filter(|bytes| *bytes > 0).unwrap_or(BUFFER_BYTES);
            let source = message.name.address();
            let destination = told.destination.unwrap_or(self.local);
            source.into_iter().flat_map(move |source| {
                bytes.chunks(segment_bytes).map(move |bytes| Received { source, destination, bytes })
            })
        })
    }

    pub(super) fn fill(
        &mut self,
        local: IpAddr,
        read: impl FnOnce(&mut [IoSliceMut<'_>], &mut [Incoming]) -> std::io::Result<usize>,
    ) -> std::io::Result<usize> {
        self.filled = 0;
        self.local = local;
        let mut buffers: Vec<_> = self.buffers.chunks_exact_mut(BUFFER_BYTES).map(IoSliceMut::new).collect();
        self.filled = read(&mut buffers, &mut self.messages)?;
        Ok(self.filled)
    }
}
