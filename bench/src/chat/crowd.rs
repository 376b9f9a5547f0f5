//! [`Crowd`]: connected clients, on a thread of their own.
//!
//! Each behaves on its socket as the SDK for browsers does (one acknowledgement for every notification, one ping at
//! a time, reports of activity) and holds no buffer while it is idle. Bodies of notifications are not read.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_net::websocket::{Bounds, Event, Opcode, Role, Socket, write_masked};
use trunkline_tasks::Tasks;
use trunkline_testkit::realtime::frames::{Frames, Happened, Session};

use super::http::{Http, Line, Place};
use super::town::Person;
use crate::process::machine_time;

/// Clients that connect at the same time.
const CONNECTING: usize = 16;
/// A message of a thousand members is the longest.
const BOUNDS: Bounds = Bounds { frame_bytes_max: 1 << 20, message_bytes_max: 1 << 20 };
/// A server that takes no byte for this long has gone.
const STALL: Duration = Duration::from_secs(30);
/// Timers are looked at no more often: thousands of idle clients are to cost nothing.
const TIMER_STEP: Duration = Duration::from_secs(1);
/// Nothing takes longer, unless it has stopped.
const PATIENCE: Duration = Duration::from_mins(1);
/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 4096;
/// Before the time of sending, in microseconds of the machine's clock, in a message's text.
pub(crate) const TIME_MARK: &str = "#T";

/// How clients acknowledge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Each notification at once, as the SDK does.
    Faithful,
    /// So many together in one write, and without pings.
    Batching(u64),
}

/// What the clients tell whoever measures.
#[derive(Default)]
pub(crate) struct Board {
    received: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
    lost: AtomicU64,
    is_timing: AtomicBool,
    // Guards the latencies in microseconds, while `is_timing`.
    latencies: Mutex<Vec<u32>>,
}

impl Board {
    /// Notifications that have come so far, at all clients together.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Waits until so many have come.
    pub(crate) async fn wait_for(&self, count: u64) -> Result<()> {
        self.wanted.store(count, Ordering::SeqCst);
        while self.received.load(Ordering::SeqCst) < count {
            if tokio::time::timeout(PATIENCE, self.reached.notified()).await.is_err() {
                let (received, lost) = (self.received(), self.lost.load(Ordering::Acquire));
                bail!("{received} of {count} notifications came; {lost} connections were lost");
            }
        }
        Ok(())
    }

    /// Keeps the time of each notification from now on, or gives those that were kept.
    pub(crate) fn time(&self, is_timing: bool) -> Vec<u32> {
        self.is_timing.store(is_timing, Ordering::SeqCst);
        std::mem::take(&mut *self.latencies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a notification that has come.
    pub(crate) fn take(&self, notification: &str) {
        if self.is_timing.load(Ordering::Relaxed)
            && let Some(at) = notification.find(TIME_MARK)
        {
            let digits = notification[at + TIME_MARK.len()..].bytes().take_while(u8::is_ascii_digit);
            let sent = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
            let took = machine_time().saturating_sub(Duration::from_micros(sent));
            let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            self.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        }
        let received = self.received.fetch_add(1, Ordering::SeqCst) + 1;
        if received == self.wanted.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }
}

/// Connected clients; dropping it cuts them off.
pub(crate) struct Crowd {
    pub(crate) board: Arc<Board>,
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Connects one client for each of `people`, and waits until all are.
    pub(crate) async fn connect(place: &Place, people: &[Person], manners: Manners) -> Result<Self> {
        let (board, end) = (Arc::new(Board::default()), Arc::new(Notify::new()));
        let (connected, mut ready) = mpsc::channel(1);
        let (place, people) = (place.clone(), people.to_vec());
        let (its_board, its_end) = (Arc::clone(&board), Arc::clone(&end));
        let thread = std::thread::spawn(move || {
            let tasks = Tasks::new();
            let all = async {
                let result = connect_all(&place, &people, manners, &its_board, &tasks).await;
                drop(people);
                // Nobody waits for it any more when the run has failed.
                connected.send(result).await.ok();
                its_end.notified().await;
            };
            match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(all),
                Err(failure) => drop(connected.blocking_send(Err(failure.into()))),
            }
        });
        ready.recv().await.context("the clients' thread ended")??;
        Ok(Self { board, end, thread: Some(thread) })
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn connect_all(
    place: &Place,
    people: &[Person],
    manners: Manners,
    board: &Arc<Board>,
    tasks: &Tasks,
) -> Result<()> {
    let connectors = (0..CONNECTING.min(people.len())).map(|connector| async move {
        let mut http = place.open().await?;
        for (number, person) in people.iter().enumerate().skip(connector).step_by(CONNECTING) {
            let socket = upgrade(place, &mut http, number, person).await?;
            tasks.spawn_quiet(Client::new(manners).run(socket, Arc::clone(board)));
        }
        Ok::<_, anyhow::Error>(())
    });
    try_join_all(connectors).await.map(drop)
}

/// Handshake, upgrade and registration of one client.
async fn upgrade(place: &Place, http: &mut Http, number: usize, person: &Person) -> Result<Socket<Line>> {
    let token = format!("x-skypetoken: {}\r\n", person.token);
    let epid = format!("00000000-0000-4000-8000-{number:012}");
    let query = format!("v=v4&timeout=40&auth=true&cor_id={epid}&con_num=1_1&epid={epid}&dom=localhost&t=1");
    let handshake = place.request("GET", &format!("/socket.io/1/?{query}"), &token, "");
    let answer = String::from_utf8_lossy(http.expect(&handshake, 200).await?).into_owned();
    let session = answer.split(':').next().context("a handshake has a session id")?;

    let mut line = place.connect().await?;
    let request = format!(
        "GET /socket.io/1/websocket/{session}?{query} HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\n\
         connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAECAwQFBgcICQoLDA0ODw==\r\n\r\n",
        place.host
    );
    line.write_all(request.as_bytes()).await?;
    line.flush().await?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head belongs to the socket.
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        head.push(line.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("a socket was answered with {}", String::from_utf8_lossy(&head));
    }

    let body = json!({
        "clientDescription": { "appId": "AcsWeb", "platform": "SPOOL", "templateKey": "AcsWeb_Chat_2.1" },
        "registrationId": epid,
        "nodeId": "",
        "transports": { "TROUTER": [{ "context": "", "path": "/v4/f/trunkline/", "ttl": 3600 }] },
    });
    let register = place.request("POST", "/registrar/v3/registrations", &token, &body.to_string());
    http.expect(&register, 202).await?;
    Ok(Socket::new(line, Role::Client, BOUNDS))
}

/// One connected client.
struct Client {
    session: Session,
    manners: Manners,
    /// Notifications that are not acknowledged yet, and the number of the last one.
    held: u64,
    last: u64,
    out: Frames,
    wire: Vec<u8>,
}

impl Client {
    fn new(manners: Manners) -> Self {
        let session = Session::new(true, manners == Manners::Faithful, SystemClock.monotonic());
        Self { session, manners, held: 0, last: 0, out: Frames::default(), wire: Vec::new() }
    }

    async fn run(mut self, mut socket: Socket<Line>, board: Arc<Board>) {
        let mut timer = Box::pin(tokio::time::sleep(TIMER_STEP));
        loop {
            let mut on = |event: Event<'_>| {
                if let Event::Text(text) = event {
                    self.hear(&text, &board);
                }
            };
            let is_open = tokio::select! {
                biased;
                read = socket.read_events(&mut on) => matches!(read, Ok(true)),
                () = &mut timer => {
                    let now = SystemClock.monotonic();
                    let is_well = self.session.expire(now, &mut self.out).is_ok();
                    let pause = self.session.deadline().saturating_sub(now).max(TIMER_STEP);
                    let next = timer.deadline() + pause;
                    timer.as_mut().reset(next);
                    is_well
                }
            };
            if !is_open || !self.flush(&mut socket).await {
                board.lost.fetch_add(1, Ordering::AcqRel);
                return;
            }
        }
    }

    fn hear(&mut self, text: &str, board: &Board) {
        let happened = self.session.handle(text, SystemClock.monotonic(), &mut self.out);
        let Happened::Delivery(delivery) = happened else { return };
        board.take(delivery.request);
        if let Manners::Batching(most) = self.manners {
            (self.held, self.last) = (self.held + 1, delivery.id);
            if self.held >= most {
                for id in self.last + 1 - self.held..=self.last {
                    self.out.push(&format!("3:::{{\"id\":{id},\"status\":200,\"body\":\"\"}}"));
                }
                self.held = 0;
            }
        }
    }

    /// Writes what there is to say in one go; `false` when the connection is no more.
    async fn flush(&mut self, socket: &mut Socket<Line>) -> bool {
        if self.out.is_empty() {
            return true;
        }
        for frame in self.out.iter() {
            // Masks need not be secret: no proxy is to be protected here.
            write_masked(&mut self.wire, Opcode::Text, frame, [1, 2, 3, 4]);
        }
        self.out.clear();
        let written = socket.write_all(&self.wire, STALL).await;
        self.wire.clear();
        written.is_ok()
    }
}
