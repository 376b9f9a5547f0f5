//! The clients: each with ICE, DTLS and SRTP of its own, on an address of its own, all behind one socket.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use trunkline_net::udp::{BatchSocket, ReceiveBatch, SendBatch, UdpOptions};
use trunkline_sfu::testing::{Client, ClientConfig, ClientEvent, ClientOutput};
use trunkline_sfu::{Datagram, Now};

use super::flow::Flow;
use super::tally::{self, Tally};
use crate::process::machine_time;

/// A meeting's packets of some 50 ms, while the one thread of all clients is busy.
const SOCKET: UdpOptions = UdpOptions { buffer_bytes: 32 << 20 };
const BATCH_MESSAGES: usize = 64;
/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest pause of the loop.
const LOOK: Duration = Duration::from_millis(5);
/// What is still on its way when sending ends arrives within this time.
const TAIL: Duration = Duration::from_millis(300);

/// All clients of a run.
pub(super) struct Crowd {
    socket: BatchSocket,
    incoming: ReceiveBatch,
    outgoing: SendBatch,
    /// What the machine's clock said at the start; `Now` counts from there.
    started: Duration,
    origin: Instant,
    /// Their addresses follow it.
    base: Ipv4Addr,
    members: Vec<Member>,
    output: ClientOutput,
    pub(super) tally: Tally,
}

struct Member {
    // `None` until it has an offer or an answer.
    client: Option<Client>,
    due: Now,
    is_up: bool,
    is_key_due: bool,
}

impl Crowd {
    #[expect(clippy::disallowed_methods, reason = "the transport library wants an instant to count from")]
    pub(super) fn new(people: usize, base: Ipv4Addr) -> Result<Self> {
        let member = || Member { client: None, due: Now::MAX, is_up: false, is_key_due: false };
        Ok(Self {
            socket: BatchSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), SOCKET)?,
            incoming: ReceiveBatch::new(BATCH_MESSAGES),
            outgoing: SendBatch::new(),
            started: machine_time(),
            origin: Instant::now(),
            base,
            members: (0..people).map(|_| member()).collect(),
            output: ClientOutput::default(),
            tally: Tally::new(),
        })
    }

    /// How the client at `index` is set up.
    pub(super) fn config(&self, index: usize, audio_slots: u8, video_slots: u8) -> ClientConfig {
        ClientConfig {
            address: SocketAddr::new(address(self.base, index), self.socket.local().port()),
            is_tcp: false,
            origin: self.origin,
            has_layers: false,
            audio_slots,
            video_slots,
            has_data: false,
        }
    }

    pub(super) fn now(&self) -> Now {
        machine_time().saturating_sub(self.started)
    }

    /// Puts a client in, which takes part from now on.
    pub(super) fn set(&mut self, index: usize, client: Client) {
        let now = self.now();
        let member = &mut self.members[index];
        member.client = Some(client);
        member.due = now;
    }

    /// Lets everybody work until the client at `index` is connected.
    pub(super) fn connect(&mut self, index: usize) -> Result<()> {
        let end = self.now() + PATIENCE;
        while !self.members[index].is_up {
            self.work()?;
            if self.now() > end {
                bail!("client {index} is not connected after {PATIENCE:?}");
            }
        }
        Ok(())
    }

    /// Lets everybody work for a while, and the flows flow.
    pub(super) fn run(&mut self, flows: &mut [Flow], time: Duration) -> Result<()> {
        let end = self.now() + time;
        for flow in &mut *flows {
            flow.start(self.now());
        }
        while self.now() < end {
            for flow in &mut *flows {
                self.send(flow)?;
            }
            let next = flows.iter().map(Flow::due).min().unwrap_or(end);
            self.work_until(next.min(end))?;
        }
        Ok(())
    }

    /// Waits for what is still on its way.
    pub(super) fn rest(&mut self) -> Result<()> {
        self.run(&mut [], TAIL)
    }

    fn send(&mut self, flow: &mut Flow) -> Result<()> {
        let now = self.now();
        if flow.due() > now {
            return Ok(());
        }
        let at = now + self.started;
        let member = &mut self.members[flow.sender];
        let client = member.client.as_mut().context("senders are connected")?;
        flow.is_key_due |= std::mem::take(&mut member.is_key_due);
        flow.packets(now, |mut sent| {
            tally::stamp(&mut sent.payload, at);
            // Lost where the stream is not there, as the count of those that arrive tells.
            client.send(sent, now);
        });
        self.tick(flow.sender, now)?;
        self.flush();
        Ok(())
    }

    fn work(&mut self) -> Result<()> {
        let until = self.now() + LOOK;
        self.work_until(until)
    }

    /// Takes what came and lets time pass; waits for it until `until` at the latest.
    fn work_until(&mut self, until: Now) -> Result<()> {
        let due = self.members.iter().map(|member| member.due).min().unwrap_or(until);
        let patience = due.min(until).saturating_sub(self.now()).min(LOOK);
        let patience = Timespec::try_from(patience).context("short")?;
        poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&patience))?;
        while self.receive()? == BATCH_MESSAGES && self.now() < until {}
        let now = self.now();
        for index in 0..self.members.len() {
            if self.members[index].due <= now {
                self.tick(index, now)?;
            }
        }
        self.flush();
        Ok(())
    }

    fn receive(&mut self) -> Result<usize> {
        // An error tells of an earlier datagram that nobody took.
        let count = self.socket.receive(&mut self.incoming).unwrap_or(0);
        if count == 0 {
            return Ok(0);
        }
        let came = machine_time();
        let now = came.saturating_sub(self.started);
        let port = self.socket.local().port();
        let Self { incoming, members, output, outgoing, tally, base, .. } = self;
        for datagram in incoming.datagrams() {
            let Some(member) = index(*base, datagram.destination).and_then(|index| members.get_mut(index))
            else {
                continue;
            };
            let Some(client) = &mut member.client else { continue };
            let destination = SocketAddr::new(datagram.destination, port);
            let input =
                Datagram { is_tcp: false, source: datagram.source, destination, bytes: datagram.bytes };
            client.handle_datagram(input, now)?;
            member.due = client.drain(output)?;
            member.take(output, outgoing, tally, came);
        }
        self.flush();
        Ok(count)
    }

    fn tick(&mut self, index: usize, now: Now) -> Result<()> {
        let member = &mut self.members[index];
        let Some(client) = &mut member.client else { return Ok(()) };
        client.handle_timeout(now)?;
        member.due = client.drain(&mut self.output)?;
        let came = now + self.started;
        member.take(&mut self.output, &mut self.outgoing, &mut self.tally, came);
        Ok(())
    }

    fn flush(&mut self) {
        self.socket.send(&mut self.outgoing);
    }
}

impl Member {
    fn take(
        &mut self,
        output: &mut ClientOutput,
        outgoing: &mut SendBatch,
        tally: &mut Tally,
        came: Duration,
    ) {
        for event in output.events.drain(..) {
            match event {
                ClientEvent::Up => self.is_up = true,
                ClientEvent::KeyframeRequest(..) => self.is_key_due = true,
                ClientEvent::Packet(packet) => tally.count(&packet.payload, came),
                _ => {}
            }
        }
        for sent in output.transmissions.drain(..) {
            outgoing.push(Some(sent.source.ip()), sent.destination, sent.bytes);
        }
    }
}

/// All of 127.0.0.0/8 is this machine.
pub(super) const LOOPBACK: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

/// The address of a client.
pub(super) fn address(base: Ipv4Addr, index: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() + u32::try_from(index + 1).unwrap_or(0)))
}

/// The client of an address.
pub(super) fn index(base: Ipv4Addr, address: IpAddr) -> Option<usize> {
    let IpAddr::V4(address) = address else { return None };
    usize::try_from(address.to_bits().checked_sub(base.to_bits() + 1)?).ok()
}
