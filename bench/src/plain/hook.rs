//! The same requests from memory: hyper connections that post a body as often as they can.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_tasks::Tasks;

use crate::process::own_cpu;

/// Left out of the figures.
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);

/// What the loop came to.
#[derive(Clone, Copy)]
pub(crate) struct Posted {
    pub(crate) requests_per_second: f64,
    /// CPU time of this process for each request.
    pub(crate) own_cpu: Duration,
}

/// Posts `body` to a hook on this machine over `connections` at once.
pub(crate) async fn post(port: u16, path: &str, body: Bytes, connections: usize) -> Result<Posted> {
    let (tasks, count) = (Tasks::new(), Arc::new(AtomicU64::new(0)));
    for _ in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tasks.spawn("connection", async move {
            connection.await.ok();
        });
        let (count, shutdown) = (Arc::clone(&count), tasks.shutdown());
        let (body, path) = (body.clone(), path.to_owned());
        tasks.spawn("post", async move {
            while !shutdown.is_requested() && sender.ready().await.is_ok() {
                let request = Request::post(path.as_str())
                    .header("host", "127.0.0.1")
                    .header("content-type", "application/json; charset=utf-8")
                    .header("aeg-event-type", "Notification")
                    .body(Full::new(body.clone()))
                    .expect("a valid request");
                let Ok(answer) = sender.send_request(request).await else { return };
                if answer.into_body().collect().await.is_err() {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let (before, cpu, started) = (count.load(Ordering::Relaxed), own_cpu(), SystemClock.monotonic());
    tokio::time::sleep(MEASURED).await;
    let requests = count.load(Ordering::Relaxed) - before;
    let (cpu, took) = (own_cpu().saturating_sub(cpu), SystemClock.monotonic().saturating_sub(started));
    tasks.stop(Duration::from_secs(5)).await;
    let each = u32::try_from(requests.max(1))?;
    Ok(Posted { requests_per_second: requests as f64 / took.as_secs_f64(), own_cpu: cpu / each })
}
