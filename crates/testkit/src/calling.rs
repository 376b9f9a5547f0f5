//! A signalling client that numbers, acknowledges and resumes as `docs/signalling.md` says: for tests and benchmarks.
//!
//! It reads when it is asked to, keeps what came meanwhile, and never gives up by itself: a test that waits for what does
//! not come runs into its own deadline.

use std::collections::VecDeque;
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use trunkline_net::websocket::{
    Bounds, Event, NORMAL, Opcode, Role, Socket, is_accepted, request_headers, write_masked,
};
use trunkline_tasks::Tasks;

use crate::realtime::{ClientError, Origin, Requests};

/// Where signalling is.
const SIGNALLING: &str = "/calling/signalling";
/// What a server may send at most, and a little more.
const BOUNDS: Bounds = Bounds { frame_bytes_max: 1 << 20, message_bytes_max: 1 << 20 };
/// A server that takes no byte for this long has gone.
const STALL: Duration = Duration::from_secs(10);
/// How long anything may take that a test waits for.
const DEADLINE: Duration = Duration::from_secs(30);

/// One socket, as bytes of text.
pub struct SignallingSocket {
    socket: Socket<TokioIo<Upgraded>>,
    texts: VecDeque<Value>,
    is_closed: bool,
    /// The code of the server's close frame, if it sent one.
    close_code: Option<u16>,
    mask: u32,
}

impl SignallingSocket {
    /// Connects to `/calling/signalling`.
    ///
    /// **Errors**: whatever keeps the server from upgrading; its status is in the text.
    pub async fn open(origin: &Origin, tasks: &Tasks) -> Result<Self, ClientError> {
        Self::open_at(origin, SIGNALLING, tasks).await
    }

    /// Connects to another path and query.
    ///
    /// **Errors**: as [`SignallingSocket::open`].
    pub async fn open_at(origin: &Origin, target: &str, tasks: &Tasks) -> Result<Self, ClientError> {
        let mut requests = Requests::new(origin.clone(), tasks.clone());
        let nonce = *b"a nonce of tests";
        let answer = requests.send("GET", target, request_headers(nonce), "").await?;
        if !is_accepted(answer.status(), answer.headers(), nonce) {
            return Err(ClientError::Wrong { what: format!("the upgrade: {}", answer.status()) });
        }
        let upgraded = hyper::upgrade::on(answer).await;
        let upgraded = upgraded.map_err(|cause| ClientError::gone("the upgrade", &cause))?;
        let socket = Socket::new(TokioIo::new(upgraded), Role::Client, BOUNDS);
        Ok(Self { socket, texts: VecDeque::new(), is_closed: false, close_code: None, mask: 0x1234_5678 })
    }

    /// Sends a text.
    ///
    /// **Errors**: the server has gone.
    pub async fn send(&mut self, text: &str) -> Result<(), ClientError> {
        self.send_frame(Opcode::Text, text.as_bytes()).await
    }

    /// Sends a frame of any kind.
    ///
    /// **Errors**: the server has gone.
    pub async fn send_frame(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ClientError> {
        let mut frame = Vec::new();
        self.mask = self.mask.wrapping_mul(0x9e37_79b9).wrapping_add(1);
        write_masked(&mut frame, opcode, payload, self.mask.to_be_bytes());
        let written = self.socket.write_all(&frame, STALL).await;
        written.map_err(|cause| ClientError::gone("the socket", &cause))
    }

    /// The next message; `None` when the server has closed.
    pub async fn next(&mut self) -> Option<Value> {
        let read = async {
            loop {
                if let Some(text) = self.texts.pop_front() {
                    return Some(text);
                }
                if self.is_closed {
                    return None;
                }
                let Self { texts, is_closed, close_code, .. } = self;
                let mut handle = |event: Event<'_>| match event {
                    Event::Text(text) => {
                        texts.push_back(serde_json::from_str(&text).expect("the server says JSON"));
                    }
                    Event::Close(code) => (*is_closed, *close_code) = (true, code),
                    _ => {}
                };
                let read = self.socket.read_events(&mut handle).await;
                self.is_closed |= !matches!(read, Ok(true));
            }
        };
        tokio::time::timeout(DEADLINE, read).await.expect("a message comes, or the server closes")
    }

    /// The code the server closes with; what comes before it is left out.
    pub async fn close_code(&mut self) -> Option<u16> {
        while self.next().await.is_some() {}
        self.close_code
    }

    /// Closes with a code, and waits until the server has closed too.
    pub async fn close(mut self, code: u16) {
        if self.send_frame(Opcode::Close, &code.to_be_bytes()).await.is_ok() {
            self.close_code().await;
        }
    }
}

/// A session over one socket at a time.
pub struct SignallingClient {
    socket: Option<SignallingSocket>,
    /// What the server said to the hello.
    pub welcome: Value,
    origin: Origin,
    target: String,
    tasks: Tasks,
    sent: VecDeque<(u64, String)>,
    next_number: u64,
    received: u64,
    next_request: u64,
    secret: String,
    inbox: VecDeque<Value>,
}

impl SignallingClient {
    /// Opens a session with `token`; `hello` has fields that differ from an ordinary client that takes calls.
    ///
    /// **Errors**: what the server says instead of `welcome`.
    pub async fn connect(origin: &Origin, tasks: &Tasks, token: &str, hello: Value) -> Result<Self, Value> {
        Self::connect_at(origin, SIGNALLING, tasks, token, hello).await
    }

    /// The same at another path and query, as redirects have them.
    ///
    /// **Errors**: as [`SignallingClient::connect`].
    pub async fn connect_at(
        origin: &Origin,
        target: &str,
        tasks: &Tasks,
        token: &str,
        hello: Value,
    ) -> Result<Self, Value> {
        let unreachable = |cause: ClientError| json!({ "unreachable": cause.to_string() });
        let mut socket = SignallingSocket::open_at(origin, target, tasks).await.map_err(unreachable)?;
        let mut message = json!({
            "t": "hello", "v": [1], "token": token, "device": "d-1", "displayName": "", "wants": ["ring"],
            "client": { "name": "testkit", "version": "1", "agent": "tests" },
        });
        for (name, value) in hello.as_object().expect("fields of a hello") {
            message[name] = value.clone();
        }
        socket.send(&message.to_string()).await.map_err(unreachable)?;
        let welcome = socket.next().await.unwrap_or_default();
        if welcome["t"] != "welcome" {
            return Err(welcome);
        }
        Ok(Self {
            socket: Some(socket),
            secret: welcome["resume"].as_str().unwrap_or_default().to_owned(),
            welcome,
            origin: origin.clone(),
            target: target.to_owned(),
            tasks: tasks.clone(),
            sent: VecDeque::new(),
            next_number: 1,
            received: 0,
            next_request: 1,
            inbox: VecDeque::new(),
        })
    }

    /// The present socket.
    pub fn socket(&mut self) -> &mut SignallingSocket {
        self.socket.as_mut().expect("the client has a socket")
    }

    /// Says something with the next number; it is kept until the server has acknowledged it.
    pub async fn say(&mut self, kind: &str, body: Value) {
        let mut message = body;
        message["t"] = json!(kind);
        message["n"] = json!(self.next_number);
        message["a"] = json!(self.received);
        let text = message.to_string();
        self.sent.push_back((self.next_number, text.clone()));
        self.next_number += 1;
        if let Some(socket) = &mut self.socket {
            // What does not arrive is said again by `resume`.
            let _ = socket.send(&text).await;
        }
    }

    /// Says a request; returns its id.
    pub async fn request(&mut self, kind: &str, body: Value) -> String {
        let id = format!("q{}", self.next_request);
        self.next_request += 1;
        let mut body = body;
        body["id"] = json!(id);
        self.say(kind, body).await;
        id
    }

    /// Asks for something and waits for the reply; what comes before it is kept for [`SignallingClient::next`].
    pub async fn ask(&mut self, kind: &str, body: Value) -> Value {
        let id = self.request(kind, body).await;
        self.reply_of(&id).await
    }

    /// Asks for something that is done.
    pub async fn ok(&mut self, kind: &str, body: Value) -> Value {
        let reply = self.ask(kind, body).await;
        assert_eq!(reply["t"], "ok", "{kind}: {reply}");
        reply
    }

    /// Asks for something that is refused; returns its name.
    pub async fn refused(&mut self, kind: &str, body: Value) -> String {
        let reply = self.ask(kind, body).await;
        assert_eq!(reply["t"], "error", "{kind}: {reply}");
        reply["name"].as_str().expect("refusals have a name").to_owned()
    }

    /// The reply of a request.
    pub async fn reply_of(&mut self, id: &str) -> Value {
        if let Some(at) = self.inbox.iter().position(|message| message["re"] == id) {
            return self.inbox.remove(at).expect("it was found just now");
        }
        loop {
            let message = self.read().await.expect("the server replies before it closes");
            if message["re"] == id {
                return message;
            }
            self.inbox.push_back(message);
        }
    }

    /// The next message with a number; `None` when the server has closed.
    pub async fn next(&mut self) -> Option<Value> {
        match self.inbox.pop_front() {
            Some(message) => Some(message),
            None => self.read().await,
        }
    }

    /// The next message of a type; those of others before it are left out.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        self.until(|message| message["t"] == kind).await
    }

    /// The next message that fits; others before it are left out.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.expect("the message comes before the server closes");
            if fits(&message) {
                return message;
            }
        }
    }

    /// Drops the socket without a word.
    pub fn cut(&mut self) {
        self.socket = None;
    }

    /// Goes on over another socket; what the server had not received is said again.
    ///
    /// **Errors**: what the server says instead of `resumed`.
    pub async fn resume(&mut self) -> Result<Value, Value> {
        let socket = SignallingSocket::open_at(&self.origin, &self.target, &self.tasks).await;
        let mut socket = socket.map_err(|cause| json!({ "unreachable": cause.to_string() }))?;
        let resume = json!({
            "t": "resume", "session": self.welcome["session"], "resume": self.secret, "a": self.received,
        });
        socket.send(&resume.to_string()).await.map_err(|cause| json!({ "gone": cause.to_string() }))?;
        let resumed = socket.next().await.unwrap_or_default();
        if resumed["t"] != "resumed" {
            return Err(resumed);
        }
        resumed["resume"].as_str().expect("a secret").clone_into(&mut self.secret);
        self.forget_up_to(resumed["a"].as_u64().expect("a number"));
        for (_, text) in &self.sent {
            // What does not arrive is said again by the next resume.
            let _ = socket.send(text).await;
        }
        self.socket = Some(socket);
        Ok(resumed)
    }

    /// Ends the session as a page that is closed does.
    pub async fn leave(mut self) {
        if let Some(socket) = self.socket.take() {
            socket.close(NORMAL).await;
        }
    }

    fn forget_up_to(&mut self, a: u64) {
        self.sent.retain(|(number, _)| *number > a);
    }

    /// Reads the next message with a number, acknowledging by what is said next.
    async fn read(&mut self) -> Option<Value> {
        loop {
            let message = self.socket().next().await?;
            if let Some(message) = self.take(message) {
                return Some(message);
            }
        }
    }

    /// Takes what came; a message with a number is given back, once.
    fn take(&mut self, message: Value) -> Option<Value> {
        if let Some(a) = message["a"].as_u64() {
            self.forget_up_to(a);
        }
        let number = message["n"].as_u64().filter(|number| *number > self.received)?;
        assert_eq!(number, self.received + 1, "the server leaves no gap");
        self.received = number;
        Some(message)
    }

    /// Shows that it is there, and waits until the server has heard it.
    pub async fn ping(&mut self) {
        self.socket().send(r#"{"t":"ping","at":0}"#).await.expect("the server reads");
        loop {
            let message = self.socket().next().await.expect("a pong comes");
            if message["t"] == "pong" {
                return;
            }
            if let Some(message) = self.take(message) {
                self.inbox.push_back(message);
            }
        }
    }

    /// Acknowledges everything that was read.
    pub async fn acknowledge(&mut self) {
        let text = json!({ "a": self.received }).to_string();
        if let Some(socket) = &mut self.socket {
            // A lost socket acknowledges with the resume.
            let _ = socket.send(&text).await;
        }
    }
}
