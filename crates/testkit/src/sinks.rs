//! [`Sink`]: a web hook on a free loopback port that does what a test says, and keeps what it got.
//!
//! ```text
//! let sink = Sink::start(Behaviour::Status(200)).await;
//! sink.next([Behaviour::Status(503), Behaviour::Hang]);      // first these, then as it was started
//! let received = sink.wait_for(3).await;                     // panics with what came after DEADLINE
//! ```
//!
//! It speaks HTTP/1.1 by hand, because it must also speak it badly: byte by byte, without end, or not at all.

mod answers;
mod server;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use trunkline_tasks::Tasks;

/// How long a test waits for what must come. Long: the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// What a sink does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers with this status and an empty body.
    Status(u16),
    /// Answers with headers and a body.
    Answer {
        /// The status.
        status: u16,
        /// Headers; `Content-Length` is added.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Answers handshakes of both kinds as an endpoint should, anything else with 200.
    Agree,
    /// Answers with this status before it has read the body, then reads the body and closes.
    AnswerEarly(u16),
    /// Sends the caller elsewhere with 307.
    Redirect(String),
    /// Reads the request and never answers. [`Sink::release`] makes it answer 200.
    Hang,
    /// Answers 200 with a body of `bytes` bytes, one each `pause`.
    SlowBody {
        /// Bytes of the body.
        bytes: usize,
        /// Between two of them.
        pause: Duration,
    },
    /// Sends the head of a 200 a byte each `pause`.
    SlowHead {
        /// Between two bytes.
        pause: Duration,
    },
    /// Answers 200 with a body that never ends.
    EndlessBody,
    /// Sends headers that never end.
    EndlessHead,
    /// Answers 200 in something that is no HTTP.
    Garbage,
    /// Closes the connection instead of an answer.
    Close,
    /// Answers 200 and then closes the connection without having said so.
    AnswerAndClose,
}

impl Behaviour {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self::Answer { status, headers, body: body.to_string() }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query as on the wire.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Which connection it came over, from 0.
    pub connection: usize,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the request's body is JSON")
    }

    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What sinks share with their connections.
struct Shared {
    // Guards the script and what came; never held across an await.
    state: Mutex<State>,
    /// Told whenever a request came.
    came: Notify,
    /// Told when hanging requests shall be answered.
    released: Notify,
}

struct State {
    usual: Behaviour,
    next: VecDeque<Behaviour>,
    received: Vec<Received>,
    connections: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A web hook. It ends with the runtime of its test.
pub struct Sink {
    shared: Arc<Shared>,
    address: SocketAddr,
    is_secure: bool,
    tasks: Tasks,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sink({})", self.address)
    }
}

impl Sink {
    /// A sink on 127.0.0.1 that usually does this.
    pub async fn start(usual: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        Self::on(listener, None, usual)
    }

    /// A sink with TLS, as `config` says.
    pub async fn start_secure(usual: Behaviour, config: Arc<rustls::ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        Self::on(listener, Some(config), usual)
    }

    fn on(listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>, usual: Behaviour) -> Self {
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = State { usual, next: VecDeque::new(), received: Vec::new(), connections: 0 };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), came: Notify::new(), released: Notify::new() });
        let (tasks, is_secure) = (Tasks::new(), tls.is_some());
        let serving = server::serve(listener, tls, Arc::clone(&shared), tasks.clone());
        drop(tasks.spawn("sink", serving));
        Self { shared, address, is_secure, tasks }
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address with `path`, which begins with a slash and may have a query. Secure sinks call themselves
    /// `localhost`.
    pub fn url(&self, path: &str) -> String {
        if self.is_secure {
            format!("https://localhost:{}{path}", self.address.port())
        } else {
            format!("http://{}{path}", self.address)
        }
    }

    /// What it usually does from now on.
    pub fn set(&self, usual: Behaviour) {
        self.shared.lock().usual = usual;
    }

    /// What it does with the next requests, one after another.
    pub fn next(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.shared.lock().next.extend(behaviours);
    }

    /// The next `count` requests are answered with `status`.
    pub fn fail(&self, count: usize, status: u16) {
        self.next(std::iter::repeat_n(Behaviour::Status(status), count));
    }

    /// Answers every request that hangs with 200.
    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }

    /// What came so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// How many requests came so far.
    pub fn count(&self) -> usize {
        self.shared.lock().received.len()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Forgets what came so far.
    pub fn clear(&self) {
        self.shared.lock().received.clear();
    }

    /// Waits until at least `count` requests came; panics after [`DEADLINE`].
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(&format!("{count} requests"), |received| received.len() >= count).await
    }

    /// Waits until what came satisfies `is_enough`; panics after [`DEADLINE`] with `what` was waited for.
    pub async fn wait_until(&self, what: &str, is_enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let waiting = async {
            loop {
                let came = self.shared.came.notified();
                tokio::pin!(came);
                // Registered before the look, so that nothing comes unseen in between.
                came.as_mut().enable();
                let received = self.received();
                if is_enough(&received) {
                    return received;
                }
                came.await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, waiting).await;
        waited.unwrap_or_else(|_| panic!("waited for {what} in vain; {} came", self.count()))
    }

    /// Stops listening and closes every connection.
    pub async fn stop(&self) {
        self.tasks.stop(Duration::ZERO).await;
    }
}
