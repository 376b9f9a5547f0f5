//! [`Hook`]: a web hook that answers the handshake, keeps the ids of the events it took, and can be made to
//! fail.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// A web hook on loopback in the background; it ends with the value.
pub(crate) struct Hook {
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
    address: String,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<BTreeMap<String, Taken>>,
    is_failing: AtomicBool,
    is_over: AtomicBool,
}

/// What came of one event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Taken {
    /// How often it was accepted.
    pub(crate) times: u32,
    /// The event of the first time.
    pub(crate) event: Value,
}

impl Hook {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address").to_string();
        let shared = Arc::<Shared>::default();
        let accept = {
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming() {
                    if shared.is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let (shared, stream) = (Arc::clone(&shared), stream.expect("a connection"));
                    // Ends when the server closes the connection or is killed.
                    std::thread::spawn(move || shared.serve(&stream));
                }
            }
        };
        Self { shared, listener: Some(std::thread::spawn(accept)), address }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on every delivery is answered 500, or 200.
    pub(crate) fn set_failing(&self, is_failing: bool) {
        self.shared.is_failing.store(is_failing, Ordering::Relaxed);
    }

    /// The events it accepted, by id.
    pub(crate) fn taken(&self) -> BTreeMap<String, Taken> {
        self.shared.taken().clone()
    }

    /// Whether it accepted all of these.
    pub(crate) fn has_all<'a>(&self, ids: impl IntoIterator<Item = &'a String>) -> bool {
        let taken = self.shared.taken();
        ids.into_iter().all(|id| taken.contains_key(id))
    }

    /// How many different events it accepted.
    pub(crate) fn count(&self) -> usize {
        self.shared.taken().len()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener.
        TcpStream::connect(&self.address).ok();
        if let Some(listener) = self.listener.take() {
            listener.join().ok();
        }
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, BTreeMap<String, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request after the other until the other side is gone.
    fn serve(&self, mut stream: &TcpStream) {
        let mut lines = BufReader::new(stream);
        while let Some((kind, body)) = read_request(&mut lines) {
            let (status, answer) = self.answer(&kind, &body);
            let length = answer.len();
            let text = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{answer}");
            if stream.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, kind: &str, body: &[u8]) -> (&'static str, String) {
        let content: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        if kind == "SubscriptionValidation" {
            let code = &content[0]["data"]["validationCode"];
            return ("200 OK", json!({ "validationResponse": code }).to_string());
        }
        if self.is_failing.load(Ordering::Relaxed) {
            return ("500 Internal Server Error", String::new());
        }
        let mut taken = self.taken();
        for event in content.as_array().into_iter().flatten().filter(|_| kind == "Notification") {
            let id = event["id"].as_str().expect("an event has an id").to_owned();
            let known = taken.entry(id).or_insert_with(|| Taken { times: 0, event: event.clone() });
            assert_eq!(&known.event, event, "one id is one event");
            known.times += 1;
        }
        ("200 OK", String::new())
    }
}

/// The kind and the body of the next request; `None` when there is none, also when it was cut off.
fn read_request(lines: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut kind, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?;
            }
            Some((name, value)) if name.eq_ignore_ascii_case("aeg-event-type") => value.clone_into(&mut kind),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    Some((kind, body))
}
