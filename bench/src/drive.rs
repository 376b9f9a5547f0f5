//! The closed loop: so many writers, each with one message on its way at a time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_tasks::Tasks;

use crate::process;

/// Left out of the figures: prepared statements, growing files, warm caches.
const WARM_UP: Duration = Duration::from_millis(700);
/// What is measured.
const MEASURED: Duration = Duration::from_secs(3);

/// What a loop came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// CPU time of this process for each message.
    pub(crate) own_cpu: Duration,
    /// CPU time of the database server's processes for each message.
    pub(crate) server_cpu: Option<Duration>,
}

/// Lets `writers` send one message after the other; `send` gets the writer and the message's number.
///
/// `server` is the parent of the database server's processes, when it has any.
pub(crate) async fn drive<F, S>(writers: u64, server: Option<u32>, send: F) -> Result<Figures>
where
    F: Fn(u64, u64) -> S + Send + Sync + 'static,
    S: Future<Output = Result<()>> + Send + 'static,
{
    let tasks = Tasks::new();
    let (send, next) = (Arc::new(send), Arc::new(AtomicU64::new(1)));
    let latencies: Arc<std::sync::Mutex<Vec<Duration>>> = Arc::default();
    let failures: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let from = SystemClock.monotonic() + WARM_UP;
    let until = from + MEASURED;
    let mut running = Vec::new();
    for writer in 0..writers {
        let (send, next) = (Arc::clone(&send), Arc::clone(&next));
        let (all, failures) = (Arc::clone(&latencies), Arc::clone(&failures));
        running.push(tasks.spawn("writer", async move {
            let mut own = Vec::new();
            loop {
                let started = SystemClock.monotonic();
                if started >= until {
                    break;
                }
                let sent = send(writer, next.fetch_add(1, Ordering::Relaxed)).await;
                if let Err(failure) = sent {
                    failures.lock().expect("nobody panics with it").push(format!("{failure:#}"));
                    break;
                }
                let ended = SystemClock.monotonic();
                if (from..until).contains(&ended) {
                    own.push(ended.saturating_sub(started));
                }
            }
            all.lock().expect("nobody panics with it").append(&mut own);
        }));
    }
    let (own_cpu, server_cpu) = measure_cpu(from, until, server).await?;
    for writer in running {
        writer.await?;
    }
    if let Some(failure) = failures.lock().expect("all writers have ended").first() {
        bail!("a message was not written: {failure}");
    }
    let mut latencies = std::mem::take(&mut *latencies.lock().expect("all writers have ended"));
    latencies.sort_unstable();
    if latencies.is_empty() {
        bail!("no message was written in time");
    }
    let count = u32::try_from(latencies.len())?;
    Ok(Figures {
        per_second: f64::from(count) / MEASURED.as_secs_f64(),
        p50: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
        own_cpu: own_cpu / count,
        server_cpu: server_cpu.map(|cpu| cpu / count),
    })
}

async fn measure_cpu(
    from: Duration,
    until: Duration,
    server: Option<u32>,
) -> Result<(Duration, Option<Duration>)> {
    let wait_for = |moment: Duration| tokio::time::sleep(moment.saturating_sub(SystemClock.monotonic()));
    let of_server = || server.map(process::family_cpu).transpose();
    wait_for(from).await;
    let (own, of_server_before) = (process::own_cpu(), of_server()?);
    wait_for(until).await;
    let (own_after, of_server_after) = (process::own_cpu(), of_server()?);
    let server_used =
        of_server_after.zip(of_server_before).map(|(after, before)| after.saturating_sub(before));
    Ok((own_after.saturating_sub(own), server_used))
}
