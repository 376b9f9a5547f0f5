//! `sink`: the web hook that benchmarks send to, in a process of its own: takes everything, counts, and keeps
//! when it saw each event.
//!
//! | request | does |
//! |---|---|
//! | `POST /count/…` | counts requests and the events in them |
//! | `POST /times/…` | the same, and keeps the time of each event |
//! | `POST /hang/…` | is never answered |
//! | `GET /counts` | `REQUESTS EVENTS` |
//! | `GET /times` | a line `NUMBER MICROSECONDS` for each event, by the machine's clock, and forgets them |

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use trunkline_tasks::Tasks;

use crate::process::{Stat, machine_time};

/// What stands once in each event of the Event Grid schema.
const EVENT_MARK: &[u8] = b"\"eventType\":";
/// Where the number of an event is.
const NUMBER_MARK: &[u8] = b"\"messageId\":\"";

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    events: AtomicU64,
    times: Mutex<Vec<(u64, Duration)>>,
}

/// The program: prints its port and serves until it is killed.
pub(crate) fn run() -> Result<()> {
    // One thread: the other core is for who sends.
    let serve = || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            println!("{}", listener.local_addr()?.port());
            let (tasks, counts) = (Tasks::new(), Arc::new(Counts::default()));
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let counts = Arc::clone(&counts);
                tasks.spawn("connection", async move {
                    let answer = service_fn(|request| answer(&counts, request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    connection.serve_connection(TokioIo::new(stream), answer).await.ok();
                });
            }
        })
    };
    std::thread::spawn(serve).join().expect("serving does not panic")
}

async fn answer(counts: &Counts, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let arrived = machine_time();
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET {
        return Ok(Response::new(Full::from(counts.tell(&path))));
    }
    let is_handshake =
        request.headers().get("aeg-event-type").is_some_and(|kind| kind == "SubscriptionValidation");
    let Ok(body) = request.into_body().collect().await else { return Ok(Response::default()) };
    let body = body.to_bytes();
    if is_handshake {
        return Ok(Response::new(Full::from(handshake(&body))));
    }
    counts.requests.fetch_add(1, Ordering::Relaxed);
    counts.events.fetch_add(positions(&body, EVENT_MARK).count() as u64, Ordering::Relaxed);
    if path.starts_with("/hang") {
        std::future::pending::<()>().await;
    }
    if path.starts_with("/times") {
        counts.keep(&body, arrived);
    }
    Ok(Response::default())
}

fn handshake(body: &[u8]) -> String {
    let event: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    serde_json::json!({ "validationResponse": event[0]["data"]["validationCode"] }).to_string()
}

/// The places after each `mark`.
fn positions<'a>(body: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let mut rest = 0;
    std::iter::from_fn(move || {
        // Quotes are rarer than other bytes, so most are looked at once.
        while let Some(quote) = body[rest..].iter().position(|byte| *byte == b'"') {
            rest += quote;
            if body[rest..].starts_with(mark) {
                rest += mark.len();
                return Some(rest);
            }
            rest += 1;
        }
        None
    })
}

impl Counts {
    fn keep(&self, body: &[u8], arrived: Duration) {
        let numbers = positions(body, NUMBER_MARK).map(|at| {
            let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit());
            digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
        });
        let mut times = self.times.lock().expect("nobody panics with it");
        times.extend(numbers.map(|number| (number, arrived)));
    }

    fn tell(&self, path: &str) -> String {
        if path != "/times" {
            let [requests, events] =
                [&self.requests, &self.events].map(|count| count.load(Ordering::Relaxed));
            return format!("{requests} {events}");
        }
        let times = std::mem::take(&mut *self.times.lock().expect("nobody panics with it"));
        times.iter().fold(String::new(), |mut text, (number, at)| {
            writeln!(text, "{number} {}", at.as_micros()).expect("a String takes everything");
            text
        })
    }
}

/// A running sink, as who measures sees it.
pub(crate) struct Sink {
    child: Child,
    port: u16,
}

impl Sink {
    pub(crate) fn start() -> Result<Self> {
        let program = std::env::current_exe().context("a running program has a path")?;
        let mut child = Command::new(program).arg("sink").stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output is a pipe")?).read_line(&mut line)?;
        Ok(Self { child, port: line.trim().parse().context("the sink prints its port")? })
    }

    /// The address of a web hook that does what `path` begins with.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Requests and events so far.
    pub(crate) fn counts(&self) -> Result<(u64, u64)> {
        let text = self.get("/counts")?;
        let (requests, events) = text.split_once(' ').context("two numbers")?;
        Ok((requests.parse()?, events.parse()?))
    }

    /// The number of each event and when it arrived, by the machine's clock, since the last call.
    pub(crate) fn times(&self) -> Result<Vec<(u64, Duration)>> {
        let text = self.get("/times")?;
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.map(|(number, at)| Ok((number.parse()?, Duration::from_micros(at.parse()?)))).collect()
    }

    /// CPU time it has used; in steps of 10 ms.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        Ok(Stat::read(self.child.id())?.cpu)
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(
            format!("GET {path} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n").as_bytes(),
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (_, body) = text.split_once("\r\n\r\n").context("an HTTP answer")?;
        Ok(body.to_owned())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
