//! `events`: from the commit of an event to the web hook that gets it, beside a plain loop that posts the same.

mod rig;
pub(crate) mod sink;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;
use trunkline_kernel::Entropy as _;
use trunkline_kernel::{Clock as _, SystemClock, SystemEntropy};
use trunkline_tasks::Tasks;

use crate::plain::hook::{Posted, post};
use crate::process::{self, machine_time, own_cpu};
use crate::server::Server;
use rig::{Rig, Running, Subscription, message};
use sink::Sink;

/// Left out of the latencies: growing files, new connections, endpoints that are found to be dead.
const WARM_UP: Duration = Duration::from_secs(5);
/// For how long latencies are measured.
const MEASURED: Duration = Duration::from_secs(20);
/// Events of a transaction when many are written before they are delivered.
const EVENTS_AT_ONCE: u64 = 100;
/// Transactions on their way at a time while they are written.
const WRITERS: usize = 16;
/// Connections of the plain loop: as many as a subscription may have.
const CONNECTIONS: usize = 32;
/// As many events as a request of a megabyte holds.
const EVENTS_OF_A_BATCH: u64 = 1_600;
/// Subscriptions in all, those with an endpoint that refuses, those with one that never answers.
const SUBSCRIPTIONS: usize = 100;
const REFUSING: usize = 5;
const HANGING: usize = 5;
/// Nothing takes longer, unless it has stopped.
const PATIENCE: Duration = Duration::from_mins(10);
/// A backlog counts as drained when nothing has come for so long.
const QUIET: Duration = Duration::from_secs(3);
const MILLION: u64 = 1_000_000;

/// What can be measured alone.
const CASES: [&str; 5] = ["latency", "deliveries", "batches", "dead", "backlog"];

pub(crate) async fn run(arguments: &[String]) -> Result<()> {
    let only = arguments.first().map(String::as_str);
    if only.is_some_and(|name| !CASES.contains(&name)) {
        bail!("there is {}", CASES.join(", "));
    }
    let is_wanted = |name| only.is_none_or(|only| only == name);
    println!("| what | figure | goal | CPU µs/event | hook's CPU µs/event |");
    println!("|---|---:|---:|---:|---:|");
    if is_wanted("latency") {
        latency().await?;
    }
    if is_wanted("deliveries") {
        deliveries().await?;
    }
    if is_wanted("batches") {
        batches().await?;
    }
    if is_wanted("dead") {
        dead_endpoints().await?;
    }
    if is_wanted("backlog") {
        backlog().await?;
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn to(name: String, url: String) -> Subscription {
    Subscription { name, url, is_batching: false }
}

/// Latencies, sorted.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn at(&self, per_cent: usize) -> Duration {
        self.0[(self.0.len() * per_cent / 100).min(self.0.len() - 1)]
    }
}

/// Publishes `per_second` events, each in a transaction of its own, and takes the time from each commit to
/// the arrivals of its event.
async fn measure_latency(running: &Running, sink: &Sink, per_second: u64) -> Result<(Latencies, Duration)> {
    let tasks = Tasks::new();
    let committed: Arc<Mutex<HashMap<u64, Duration>>> = Arc::default();
    let failure: Arc<Mutex<Option<anyhow::Error>>> = Arc::default();
    let seconds = WARM_UP.as_secs() + MEASURED.as_secs();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_second)?);
    let mut cpu = own_cpu();
    for number in 0..per_second * seconds {
        ticks.tick().await;
        if number == per_second * WARM_UP.as_secs() {
            cpu = own_cpu();
        }
        let write = running.publish(number..number + 1);
        let (committed, failure) = (Arc::clone(&committed), Arc::clone(&failure));
        tasks.spawn("publish", async move {
            match write.await {
                Ok(()) => {
                    committed.lock().expect("nobody panics with it").insert(number, machine_time());
                }
                Err(error) => *failure.lock().expect("nobody panics with it") = Some(error),
            }
        });
    }
    let cpu = own_cpu().saturating_sub(cpu) / u32::try_from(per_second * MEASURED.as_secs())?;
    tasks.stop(PATIENCE).await;
    if let Some(failure) = failure.lock().expect("all have ended").take() {
        return Err(failure.context("an event was not published"));
    }
    // What was published last is on its way.
    tokio::time::sleep(QUIET).await;
    let committed = committed.lock().expect("all have ended");
    let warm = per_second * WARM_UP.as_secs();
    let arrived = sink.times()?.into_iter().filter(|(number, _)| *number >= warm);
    let mut latencies: Vec<Duration> =
        arrived.filter_map(|(number, at)| Some(at.saturating_sub(*committed.get(&number)?))).collect();
    if latencies.is_empty() {
        bail!("no event arrived");
    }
    latencies.sort_unstable();
    Ok((Latencies(latencies), cpu))
}

async fn latency() -> Result<()> {
    const PER_SECOND: u64 = 1000;
    let sink = Sink::start()?;
    let rig = Rig::make(&[to("hook".to_owned(), sink.url("times"))])?;
    let running = rig.open().await?;
    running.deliver();
    let (latencies, cpu) = measure_latency(&running, &sink, PER_SECOND).await?;
    running.stop().await;
    let expected = PER_SECOND * MEASURED.as_secs();
    if (latencies.0.len() as u64) < expected {
        bail!("{} of {expected} events arrived", latencies.0.len());
    }
    let what = format!("commit to web hook, {PER_SECOND} events/s");
    println!("| {what}, p50 | {:.2} ms | 5 ms | {:.0} | - |", millis(latencies.at(50)), micros(cpu));
    println!("| {what}, p99 | {:.2} ms | 25 ms | - | - |", millis(latencies.at(99)));
    Ok(())
}

/// Writes events 0 to `count` as fast as that goes.
async fn fill(running: &Running, count: u64) -> Result<()> {
    let starts = (0..count).step_by(usize::try_from(EVENTS_AT_ONCE)?);
    let writes = stream::iter(starts.map(|start| running.publish(start..start + EVENTS_AT_ONCE)));
    let mut writes = writes.buffer_unordered(WRITERS);
    while let Some(written) = writes.next().await {
        written?;
    }
    Ok(())
}

/// What delivering came to.
struct Throughput {
    events_per_second: f64,
    own_cpu: Duration,
    sink_cpu: Duration,
}

/// Delivers `count` events that are there already; measures the middle.
async fn drain(running: &Running, sink: &Sink, count: u64) -> Result<Throughput> {
    let middle: Range<u64> = count / 10..count * 9 / 10;
    let started = machine_time();
    running.deliver();
    let mut first = None;
    loop {
        let (_, events) = sink.counts()?;
        let now = (machine_time(), events, own_cpu(), sink.cpu()?);
        if now.0.saturating_sub(started) > PATIENCE {
            bail!("{events} of {count} events arrived");
        }
        if events >= middle.start && first.is_none() {
            first = Some(now);
        }
        if events >= middle.end {
            let (at, before, own, of_sink) = first.context("the end comes after the beginning")?;
            let delivered = u32::try_from(events - before).ok().filter(|count| *count > 0);
            let delivered = delivered.context("too few events to measure")?;
            return Ok(Throughput {
                events_per_second: f64::from(delivered) / now.0.saturating_sub(at).as_secs_f64(),
                own_cpu: now.2.saturating_sub(own) / delivered,
                sink_cpu: now.3.saturating_sub(of_sink) / delivered,
            });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An event as it is on the wire.
fn wire_event(number: u64) -> serde_json::Value {
    json!({
        "id": SystemEntropy.uuid(),
        "topic": rig::TOPIC,
        "subject": "/phonenumber/4930123456",
        "eventType": "Microsoft.Communication.SMSReceived",
        "eventTime": SystemClock.now(),
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "data": message(number),
    })
}

/// The plain loop with requests of `events` events each.
async fn plain(sink: &Sink, events: u64) -> Result<(Posted, Duration)> {
    let body: Vec<_> = (0..events).map(wire_event).collect();
    let body = Bytes::from(serde_json::to_vec(&body)?);
    let (cpu, (requests, _)) = (sink.cpu()?, sink.counts()?);
    let posted = post(sink.port(), "/count", body, CONNECTIONS).await?;
    let requests = sink.counts()?.0 - requests;
    Ok((posted, sink.cpu()?.saturating_sub(cpu) / u32::try_from(requests.max(1))?))
}

/// Prints our row and that of the plain loop.
fn print_throughput(what: &str, goal: u64, ours: &Throughput, plain: &(Posted, Duration), events: u64) {
    println!(
        "| {what} | {:.0} | {goal} | {:.1} | {:.1} |",
        ours.events_per_second,
        micros(ours.own_cpu),
        micros(ours.sink_cpu),
    );
    let (posted, sink_cpu) = plain;
    let each = events as f64;
    println!(
        "| the same from memory by hyper alone | {:.0} | - | {:.1} | {:.1} |",
        posted.requests_per_second * each,
        micros(posted.own_cpu) / each,
        micros(*sink_cpu) / each,
    );
}

async fn throughput(is_batching: bool, count: u64) -> Result<(Throughput, (Posted, Duration))> {
    let sink = Sink::start()?;
    let rig = Rig::make(&[Subscription { name: "hook".to_owned(), url: sink.url("count"), is_batching }])?;
    let running = rig.open().await?;
    fill(&running, count).await?;
    let ours = drain(&running, &sink, count).await?;
    running.stop().await;
    let plain = plain(&Sink::start()?, if is_batching { EVENTS_OF_A_BATCH } else { 1 }).await?;
    Ok((ours, plain))
}

async fn deliveries() -> Result<()> {
    let (ours, plain) = throughput(false, 200_000).await?;
    print_throughput("deliveries/s, one event a request", 8000, &ours, &plain, 1);
    Ok(())
}

async fn batches() -> Result<()> {
    let (ours, plain) = throughput(true, MILLION).await?;
    print_throughput("events/s, a megabyte a request", 40_000, &ours, &plain, EVENTS_OF_A_BATCH);
    Ok(())
}

/// The latency of 90 healthy subscriptions, with or without 10 others whose endpoints are dead.
async fn many_subscriptions(is_with_dead: bool) -> Result<Latencies> {
    const PER_SECOND: u64 = 50;
    let (sink, gone) = (Sink::start()?, Sink::start()?);
    let healthy = SUBSCRIPTIONS - REFUSING - HANGING;
    let mut subscriptions: Vec<_> =
        (0..healthy).map(|number| to(format!("healthy-{number}"), sink.url("times"))).collect();
    if is_with_dead {
        subscriptions.extend((0..REFUSING).map(|number| to(format!("refuses-{number}"), gone.url("count"))));
        subscriptions.extend((0..HANGING).map(|number| to(format!("hangs-{number}"), sink.url("hang"))));
    }
    let rig = Rig::make(&subscriptions)?;
    drop(gone);
    let running = rig.open().await?;
    running.deliver();
    let (latencies, _) = measure_latency(&running, &sink, PER_SECOND).await?;
    running.stop().await;
    let expected = healthy as u64 * PER_SECOND * MEASURED.as_secs();
    if (latencies.0.len() as u64) < expected {
        bail!("{} of {expected} deliveries arrived", latencies.0.len());
    }
    Ok(latencies)
}

async fn dead_endpoints() -> Result<()> {
    let alone = many_subscriptions(false).await?;
    let beside = many_subscriptions(true).await?;
    for (name, latencies) in [("without others", alone), ("beside 10 with dead endpoints", beside)] {
        println!(
            "| 90 subscriptions, 50 events/s, {name}, p50 and p99 | {:.2}, {:.2} ms | the same | - | - |",
            millis(latencies.at(50)),
            millis(latencies.at(99)),
        );
    }
    Ok(())
}

/// A million events wait; the server is killed while it delivers them, and started again.
async fn backlog() -> Result<()> {
    let sink = Sink::start()?;
    let rig = Rig::make(&[to("hook".to_owned(), sink.url("count"))])?;
    let running = rig.open().await?;
    fill(&running, MILLION).await?;
    running.stop().await;
    let server = Server::start(&rig.data)?;
    let started = machine_time();
    while sink.counts()?.1 < MILLION / 20 {
        if machine_time().saturating_sub(started) > PATIENCE {
            bail!("{} of {MILLION} events arrived", sink.counts()?.1);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // SIGKILL.
    drop(server);
    let server = Server::start(&rig.data)?;
    let started = machine_time();
    let (mut seen, mut changed, mut resident) = (0, started, 0);
    loop {
        resident = resident.max(process::resident_bytes(server.id())?);
        let (_, events) = sink.counts()?;
        let now = machine_time();
        if events > seen {
            (seen, changed) = (events, now);
        }
        if events >= MILLION && now.saturating_sub(changed) > QUIET {
            break;
        }
        if now.saturating_sub(changed) > PATIENCE {
            bail!("{events} of {MILLION} events arrived");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    server.stop()?;
    let took = changed.saturating_sub(started).as_secs_f64();
    println!(
        "| a million events after SIGKILL and restart, most resident memory | {:.0} MB | 150 MB | - | - |",
        resident as f64 / 1e6
    );
    println!("| until the last of them had arrived | {took:.0} s | - | - | - |");
    println!("| events that came twice | {} | - | - | - |", seen - MILLION);
    Ok(())
}
