//! One message to many: deliveries a second, and the time from sending to receiving.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_tasks::Tasks;

use super::crowd::{Board, Crowd, Manners, TIME_MARK};
use super::http::Http;
use super::prosody::{Occupant, Prosody};
use super::row::{self, Row};
use super::town::{Person, Town, Wrapping};
use crate::process::{Stat, machine_time, own_cpu};

/// Left out of the figures.
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);
const SMALL: usize = 250;
const LARGE: usize = 1000;
/// Messages sent at once where many share a write.
const BURST: usize = 20;
/// Notifications that batching clients acknowledge together: all that may be on their way to one, nearly.
const ACKNOWLEDGED_TOGETHER: u64 = 60;
/// Messages in a second while latencies are measured, and for how long.
const PER_SECOND: u64 = 20;
const TIMED: Duration = Duration::from_secs(15);

/// Connected people in one thread, some of whom send.
struct Hall {
    town: Town,
    crowd: Crowd,
    senders: Vec<(Http, Vec<u8>)>,
    size: u64,
}

impl Hall {
    async fn open(size: usize, manners: Manners) -> Result<Self> {
        let settings = [format!("chat.participants_max={size}")];
        let town = Town::found(Wrapping::Plain, &settings)?;
        let people: Vec<Person> = town.people(size).await?;
        let thread = town.thread(&people).await?;
        let crowd = Crowd::connect(&town.place, &people, manners).await?;
        let mut senders = Vec::new();
        for person in people.iter().take(BURST) {
            senders.push((town.open().await?, town.message(person, &thread, &marked(Duration::ZERO))));
        }
        Ok(Self { town, crowd, senders, size: size as u64 })
    }

    /// Sends `burst` messages at once and waits until everybody has them, again and again.
    async fn spread(&mut self, burst: usize) -> Result<Spread> {
        let board = Arc::clone(&self.crowd.board);
        let mut come = board.received();
        let (started, server) = (SystemClock.monotonic(), self.town.server.id());
        let mut measured_from = None;
        loop {
            let past = SystemClock.monotonic().saturating_sub(started);
            match &measured_from {
                None if past >= WARM_UP => measured_from = Some(Moment::now(server, come)?),
                Some(from) if past >= WARM_UP + MEASURED => {
                    return Spread::between(from, &Moment::now(server, come)?);
                }
                _ => {}
            }
            let sends = self.senders.iter_mut().take(burst).map(|(http, message)| http.expect(message, 201));
            try_join_all(sends).await?;
            come += burst as u64 * self.size;
            board.wait_for(come).await?;
        }
    }
}

/// What spreading came to.
struct Spread {
    per_second: f64,
    cpu: Duration,
    own_cpu: Duration,
}

/// What had been used at a moment.
struct Moment {
    at: Duration,
    come: u64,
    cpu: Duration,
    own_cpu: Duration,
}

impl Moment {
    fn now(server: u32, come: u64) -> Result<Self> {
        let cpu = Stat::read(server)?.cpu;
        Ok(Self { at: SystemClock.monotonic(), come, cpu, own_cpu: own_cpu() })
    }
}

impl Spread {
    fn between(from: &Moment, to: &Moment) -> Result<Self> {
        let count = u32::try_from(to.come - from.come)?.max(1);
        Ok(Self {
            per_second: f64::from(count) / to.at.saturating_sub(from.at).as_secs_f64(),
            cpu: to.cpu.saturating_sub(from.cpu) / count,
            own_cpu: to.own_cpu.saturating_sub(from.own_cpu) / count,
        })
    }

    fn print(self, what: &str, goal: &str) -> Self {
        let (per_second, cpu, own_cpu) = (Some(self.per_second), Some(self.cpu), Some(self.own_cpu));
        Row { what, per_second, cpu, own_cpu, goal, ..Row::default() }.print();
        self
    }
}

/// A text with the time in it, always of the same length.
fn marked(time: Duration) -> String {
    let mut text = format!("{TIME_MARK}{:016} {}", time.as_micros(), super::text());
    text.truncate(super::MESSAGE_BYTES);
    text
}

/// From the server to its clients, and from prosody to occupants of a room.
pub(crate) async fn to_many(has_ours: bool, has_peer: bool) -> Result<()> {
    const GOAL: &str = "40,000 per core";
    let bursts = [(1, ""), (BURST, ", bursts of 20")];
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    if has_ours {
        let mut hall = Hall::open(SMALL, Manners::Faithful).await?;
        for (burst, name) in bursts {
            ours.push(hall.spread(burst).await?.print(&format!("fan-out to 250 clients{name}"), GOAL));
        }
    }
    if has_peer {
        for (burst, name) in bursts {
            let what = format!("fan-out to 250 occupants, prosody{name}");
            peer.push(spread_by_prosody(burst).await?.print(&what, "-"));
        }
    }
    for ((ours, peer), (_, name)) in ours.iter().zip(&peer).zip(bursts) {
        let (per_second, cpu) =
            (ours.per_second / peer.per_second, ours.cpu.as_secs_f64() / peer.cpu.as_secs_f64());
        row::print_ratio(&format!("ours to prosody's{name}"), per_second, cpu);
    }
    if has_ours {
        let mut hall = Hall::open(LARGE, Manners::Faithful).await?;
        for (burst, name) in bursts {
            hall.spread(burst).await?.print(&format!("fan-out to 1,000 clients{name}"), GOAL);
        }
        drop(hall);
        let mut hall = Hall::open(LARGE, Manners::Batching(ACKNOWLEDGED_TOGETHER)).await?;
        let what = "fan-out to 1,000 clients that acknowledge 60 together";
        hall.spread(1).await?.print(what, "100,000 per core");
        hall.spread(BURST).await?.print(&format!("{what}, bursts of 20"), "several times that");
    }
    Ok(())
}

async fn spread_by_prosody(burst: usize) -> Result<Spread> {
    let prosody = Prosody::start().await?;
    let (board, tasks) = (Arc::new(Board::default()), Tasks::new());
    let mut senders: Vec<Occupant> = prosody.crowd(SMALL, |_| "hall".to_owned()).await?;
    for listener in senders.split_off(burst) {
        let its_board = Arc::clone(&board);
        tasks.spawn_quiet(listener.listen(move || its_board.take("")));
    }
    // Those who join are told of: only what comes from here on counts.
    tokio::time::sleep(WARM_UP).await;
    let (listeners, text) = ((SMALL - burst) as u64, super::text());
    let (come, mut number) = (board.received(), 0);
    let from = Moment::now(prosody.id(), 0)?;
    let mut messages = 0;
    while SystemClock.monotonic().saturating_sub(from.at) < MEASURED {
        let sends = senders.iter_mut().map(|sender| {
            number += 1;
            sender.tell(number, &text)
        });
        try_join_all(sends).await?;
        messages += burst as u64;
        board.wait_for(come + messages * listeners).await?;
    }
    // Senders receive as well: all occupants do.
    let spread = Spread::between(&from, &Moment::now(prosody.id(), messages * SMALL as u64)?);
    tasks.stop(Duration::ZERO).await;
    spread
}

/// From sending to receiving with a thousand clients.
pub(crate) async fn measure_latency() -> Result<()> {
    let mut hall = Hall::open(LARGE, Manners::Faithful).await?;
    hall.spread(1).await?;
    let board = Arc::clone(&hall.crowd.board);
    board.time(true);
    let (http, message) = hall.senders.first_mut().context("somebody sends")?;
    let mark = message.windows(2).position(|window| window == TIME_MARK.as_bytes());
    let digits = mark.context("the message has its time")? + TIME_MARK.len();
    let mut come = board.received();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(PER_SECOND)?);
    for _ in 0..PER_SECOND * TIMED.as_secs() {
        ticks.tick().await;
        let now = format!("{:016}", machine_time().as_micros());
        message[digits..digits + now.len()].copy_from_slice(now.as_bytes());
        http.expect(message, 201).await?;
        come += hall.size;
    }
    board.wait_for(come).await?;
    let mut latencies = board.time(false);
    latencies.sort_unstable();
    let at = |per_cent: usize| {
        let index = (latencies.len() * per_cent / 100).min(latencies.len().saturating_sub(1));
        latencies.get(index).map(|micros| Duration::from_micros((*micros).into()))
    };
    let what = "send to receive, 1,000 clients, 20 messages/s to all";
    Row { what, p50: at(50), p99: at(99), goal: "-", ..Row::default() }.print();
    Ok(())
}
