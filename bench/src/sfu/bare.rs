//! The plainest thing that could forward: receive one, send N, without ciphers, clients or congestion control.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use trunkline_net::udp::{BatchSocket, ReceiveBatch, SendBatch, UdpOptions};

use super::child::Child;
use super::crowd::{LOOPBACK, address, index};
use super::measure::{Figures, Meter};
use super::plan::Plan;
use super::tally::{self, Tally};
use crate::process::machine_time;

/// The first byte of a datagram of a receiver that wants to have what comes.
const REGISTER: u8 = b'R';
/// That of media.
const MEDIA: u8 = b'M';
/// What RTP, its extensions and SRTP add to a payload.
const OVERHEAD_BYTES: usize = 46;
const BATCH_MESSAGES: usize = 64;
const LOOK: Duration = Duration::from_millis(5);

/// How the loop sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Manner {
    /// One system call for each datagram.
    Single,
    /// Many datagrams a system call.
    Batched,
    /// And those for one receiver that came together as one train.
    Trains,
}

impl Manner {
    pub(super) const ALL: [Self; 3] = [Self::Single, Self::Batched, Self::Trains];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batched => "batched",
            Self::Trains => "trains",
        }
    }
}

/// The process.
pub(crate) fn serve(arguments: &[String]) -> Result<()> {
    let manner =
        Manner::ALL.into_iter().find(|manner| arguments.first().is_some_and(|name| name == manner.name()));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    match manner.context("single, batched or trains")? {
        Manner::Single => {
            let socket = UdpSocket::bind(any)?;
            tell(socket.local_addr()?)?;
            forward_single(&socket)
        }
        manner => {
            let socket = BatchSocket::bind(any, UdpOptions::default())?;
            tell(socket.local())?;
            forward_batched(&socket, manner == Manner::Trains)
        }
    }
}

/// The address is the answer to the first line, whatever it says.
fn tell(address: SocketAddr) -> Result<()> {
    println!("{address}");
    Ok(std::io::stdout().flush()?)
}

fn forward_single(socket: &UdpSocket) -> Result<()> {
    let (mut receivers, mut room) = (Vec::new(), [0; 2_048]);
    loop {
        let (length, source) = socket.recv_from(&mut room)?;
        match room[..length].first() {
            Some(&REGISTER) => receivers.push(source),
            _ => {
                for receiver in &receivers {
                    socket.send_to(&room[..length], receiver)?;
                }
            }
        }
    }
}

fn forward_batched(socket: &BatchSocket, has_trains: bool) -> Result<()> {
    let mut receivers: Vec<SocketAddr> = Vec::new();
    let (mut incoming, mut outgoing) = (ReceiveBatch::new(32), SendBatch::new());
    loop {
        poll(&mut [PollFd::new(socket, PollFlags::IN)], None)?;
        while socket.receive(&mut incoming)? > 0 {
            let came = || incoming.datagrams().map(|datagram| datagram.bytes);
            let registered =
                incoming.datagrams().filter(|datagram| datagram.bytes.first() == Some(&REGISTER));
            receivers.extend(registered.map(|datagram| datagram.source));
            let media = || came().filter(|bytes| bytes.first() == Some(&MEDIA));
            if has_trains {
                for receiver in &receivers {
                    media().for_each(|bytes| outgoing.push(None, *receiver, bytes.to_vec()));
                }
            } else {
                for bytes in media() {
                    for receiver in &receivers {
                        outgoing.push(None, *receiver, bytes.to_vec());
                    }
                }
            }
            while !outgoing.is_empty() {
                socket.send(&mut outgoing);
            }
        }
    }
}

/// Measures that process with what the plan's first sender sends.
pub(super) fn measure(manner: Manner, plan: &Plan, time: Duration) -> Result<Figures> {
    let mut child = Child::start("sfu-bare", &[manner.name()])?;
    let server: SocketAddr = child.ask("")?.trim().parse().context("the loop tells its address")?;
    let socket = BatchSocket::bind(
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        UdpOptions { buffer_bytes: 32 << 20 },
    )?;
    let mut outgoing = SendBatch::new();
    for receiver in 1..plan.people {
        outgoing.push(Some(address(LOOPBACK, receiver)), server, vec![REGISTER]);
        socket.send(&mut outgoing);
    }
    let mut flows = plan.flows();
    let [flow] = flows.as_mut_slice() else { bail!("the bare loop has one sender") };
    let (mut incoming, mut tally) = (ReceiveBatch::new(BATCH_MESSAGES), Tally::new());
    // The first half second warms up.
    let mut meter = None;
    let start = machine_time();
    flow.start(start);
    let (warm, end) = (start + Duration::from_millis(500), start + Duration::from_millis(500) + time);
    loop {
        let now = machine_time();
        if meter.is_none() && now >= warm {
            tally.clear();
            meter = Some(Meter::start(child.id(), flow.sent() * (plan.people as u64 - 1))?);
        }
        if now >= end {
            break;
        }
        flow.packets(now, |sent| {
            let mut bytes = vec![MEDIA; OVERHEAD_BYTES];
            bytes.extend(sent.payload);
            tally::stamp(&mut bytes, now);
            outgoing.push(Some(address(LOOPBACK, 0)), server, bytes);
        });
        socket.send(&mut outgoing);
        let patience = Timespec::try_from(flow.due().saturating_sub(now).min(LOOK))?;
        poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&patience))?;
        take(&socket, &mut incoming, &mut tally);
    }
    let meter = meter.context("the run is longer than its beginning")?;
    let sent = flow.sent() * (plan.people as u64 - 1);
    let reading = meter.stop()?;
    std::thread::sleep(Duration::from_millis(100));
    take(&socket, &mut incoming, &mut tally);
    Ok(reading.figures(&tally, sent))
}

fn take(socket: &BatchSocket, incoming: &mut ReceiveBatch, tally: &mut Tally) {
    while socket.receive(incoming).unwrap_or(0) > 0 {
        let came = machine_time();
        for datagram in
            incoming.datagrams().filter(|datagram| index(LOOPBACK, datagram.destination).is_some())
        {
            tally.count(datagram.bytes, came);
        }
    }
}
