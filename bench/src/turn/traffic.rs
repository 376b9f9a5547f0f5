//! The generator: datagrams at a rate, in trains or one by one, each with the time it was sent in it.

use std::cmp::Ordering;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use trunkline_net::udp::{BatchSocket, ReceiveBatch, SendBatch};
use trunkline_turn::channel;

use super::sockets::Watch;
use crate::process;

/// Reads in one call of the system.
const READ_MESSAGES: usize = 16;
/// Trains that are sent before what has come is read.
const SENT_AT_ONCE: u32 = 32;
/// What has not come so long after the last one is lost.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is sent over and over.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) bytes: usize,
    /// Datagrams one after another to the same receiver, as the parts of a picture are.
    pub(crate) train: u32,
}

/// A socket of the generator.
pub(crate) struct End {
    pub(crate) socket: Arc<BatchSocket>,
    pub(crate) target: SocketAddr,
    /// The channel that stands before what it sends and gets.
    pub(crate) channel: Option<u16>,
}

impl End {
    /// One that needs no relay.
    pub(crate) fn plain(socket: BatchSocket, target: SocketAddr) -> Self {
        Self { socket: Arc::new(socket), target, channel: None }
    }
}

/// What one run came to.
pub(crate) struct Figures {
    /// Datagrams the generator sent a second.
    pub(crate) per_second: f64,
    /// The part that was lost, 0 to 1.
    pub(crate) loss: f64,
    /// CPU time of the server for each datagram that came.
    pub(crate) cpu: Duration,
    /// CPU time of the generator for each.
    pub(crate) own_cpu: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Figures {
    /// The median of each figure.
    pub(crate) fn medians(rounds: &[Self]) -> Option<Self> {
        let number = |of: fn(&Self) -> f64| median(rounds.iter().map(of), f64::total_cmp);
        let time = |of: fn(&Self) -> Duration| median(rounds.iter().map(of), Duration::cmp);
        Some(Self {
            per_second: number(|one| one.per_second)?,
            loss: number(|one| one.loss)?,
            cpu: time(|one| one.cpu)?,
            own_cpu: time(|one| one.own_cpu)?,
            p50: time(|one| one.p50)?,
            p99: time(|one| one.p99)?,
        })
    }
}

fn median<T>(values: impl Iterator<Item = T>, order: fn(&T, &T) -> Ordering) -> Option<T> {
    let mut sorted: Vec<T> = values.collect();
    sorted.sort_by(order);
    let middle = sorted.len() / 2;
    sorted.into_iter().nth(middle)
}

/// Everybody sends in turns, together `per_second` datagrams, for that long.
///
/// `server` is the process that relays, where there is one.
pub(crate) fn drive(
    ends: &[End],
    load: Load,
    per_second: u32,
    lasting: Duration,
    server: Option<u32>,
) -> Result<Figures> {
    let cpu_of = |id: u32| process::Stat::read(id).map(|stat| stat.cpu);
    let mut run = Run::new(ends, load)?;
    let (server_before, own_before) = (server.map(cpu_of).transpose()?, process::own_cpu());
    run.send_for(u128::from(per_second / load.train), lasting)?;
    run.wait_for_the_last()?;
    let (server_after, own_after) = (server.map(cpu_of).transpose()?, process::own_cpu());
    let (sent, came) = (run.trains * load.train, run.came());
    let used = server_after.zip(server_before).map(|(after, before)| after.saturating_sub(before));
    run.latencies.sort_unstable();
    let at = |hundredths: usize| {
        let place = run.latencies.len() * hundredths / 100;
        run.latencies.get(place).copied().unwrap_or_default()
    };
    Ok(Figures {
        per_second: f64::from(sent) / lasting.as_secs_f64(),
        loss: f64::from(sent.saturating_sub(came)) / f64::from(sent.max(1)),
        cpu: used.unwrap_or_default() / came.max(1),
        own_cpu: own_after.saturating_sub(own_before) / came.max(1),
        p50: at(50),
        p99: at(99),
    })
}

struct Run<'a> {
    ends: &'a [End],
    load: Load,
    watch: Watch,
    incoming: ReceiveBatch,
    outgoing: SendBatch,
    trains: u32,
    /// Of each that came.
    latencies: Vec<Duration>,
    started: Duration,
}

impl<'a> Run<'a> {
    fn new(ends: &'a [End], load: Load) -> Result<Self> {
        Ok(Self {
            ends,
            load,
            watch: Watch::over(ends.iter().map(|end| &*end.socket))?,
            incoming: ReceiveBatch::new(READ_MESSAGES),
            outgoing: SendBatch::new(),
            trains: 0,
            latencies: Vec::new(),
            started: process::machine_time(),
        })
    }

    fn came(&self) -> u32 {
        u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)
    }

    /// It never sleeps: its core is its own, so that the moment of sending does not depend on a timer.
    fn send_for(&mut self, trains_per_second: u128, lasting: Duration) -> Result<()> {
        loop {
            let since = process::machine_time().saturating_sub(self.started);
            if since >= lasting {
                return Ok(());
            }
            let due = u32::try_from(since.as_nanos() * trains_per_second / 1_000_000_000)?;
            for _ in 0..due.saturating_sub(self.trains).min(SENT_AT_ONCE) {
                self.send_train();
            }
            self.read(Duration::ZERO)?;
        }
    }

    fn wait_for_the_last(&mut self) -> Result<()> {
        while self.came() < self.trains * self.load.train && self.read(PATIENCE)? {}
        Ok(())
    }

    fn send_train(&mut self) {
        let number = usize::try_from(self.trains).expect("a usize has 32 bits or more");
        let end = &self.ends[number % self.ends.len()];
        let stamp = stamp_of(process::machine_time());
        for _ in 0..self.load.train {
            let head = end.channel.map(|number| channel::head(number, self.load.bytes));
            let mut datagram = Vec::with_capacity(channel::CHANNEL_HEAD_BYTES + self.load.bytes);
            datagram.extend(head.into_iter().flatten());
            let length = datagram.len() + self.load.bytes;
            datagram.extend(stamp);
            datagram.resize(length, 0);
            self.outgoing.push(None, end.target, datagram);
        }
        end.socket.send(&mut self.outgoing);
        // What the system does not take counts as lost: the generator is beyond its own limit.
        self.outgoing.shed(0);
        self.trains += 1;
    }

    /// Whether anything came.
    fn read(&mut self, patience: Duration) -> Result<bool> {
        let ready = self.watch.wait(patience)?;
        for index in &ready {
            let end = &self.ends[*index];
            end.socket.receive(&mut self.incoming)?;
            let now = process::machine_time();
            let skipped = if end.channel.is_some() { channel::CHANNEL_HEAD_BYTES } else { 0 };
            for datagram in self.incoming.datagrams() {
                let stamp = datagram.bytes.get(skipped..).and_then(|payload| payload.first_chunk());
                // What the run before had given up is not of this one.
                let sent_at = stamp.map(|stamp| sent_at(*stamp)).filter(|sent_at| *sent_at >= self.started);
                self.latencies.extend(sent_at.map(|sent_at| now.saturating_sub(sent_at)));
            }
        }
        Ok(!ready.is_empty())
    }
}

fn stamp_of(time: Duration) -> [u8; 8] {
    u64::try_from(time.as_nanos()).expect("a machine runs less than 500 years").to_be_bytes()
}

fn sent_at(stamp: [u8; 8]) -> Duration {
    Duration::from_nanos(u64::from_be_bytes(stamp))
}
