//! Long polling, for clients whose WebSocket is blocked: the same endpoint, without a task of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::endpoint::{Closing, Endpoint, Frames};
use super::hub::Hub;
use super::session::{farewell, receive};
use super::socketio;

/// How long a poll waits for something to say; proxies end silent requests after 30 s.
const POLL_WAIT: Duration = Duration::from_secs(25);
/// Polls of one client at the same time: the next one can arrive before the last one is seen to be over.
const POLLS_MAX: u32 = 2;
/// Polling clients of one node, each a few KB.
const SESSIONS_MAX: usize = 20_000;

/// The polling clients, by their session ids.
#[derive(Default)]
pub(super) struct Polls {
    // Guards the map.
    sessions: Mutex<HashMap<Arc<str>, Arc<PollSession>>>,
}

/// One polling client.
pub(crate) struct PollSession {
    pub(crate) endpoint: Arc<Endpoint>,
    waiting: AtomicU32,
    /// Counts polls: a new one ends those that still wait, whose client has given them up.
    turn: AtomicU64,
    // Guards what the first polls are answered with, one frame each.
    greeting: Mutex<VecDeque<&'static str>>,
}

/// Why a poll is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PollRefused {
    /// More polls at once than a client makes.
    #[error("a client has at most {POLLS_MAX} polls at the same time")]
    TooMany,
    /// A batch that cannot be read.
    #[error("the frames cannot be read")]
    Broken,
}

/// Frames as texts of their own.
#[derive(Default)]
struct PollFrames {
    frames: Vec<Vec<u8>>,
    bytes: usize,
}

impl Frames for PollFrames {
    fn start(&mut self, length: usize) -> &mut Vec<u8> {
        self.bytes += length;
        self.frames.push(Vec::with_capacity(length));
        self.frames.last_mut().expect("one was pushed")
    }

    fn size_bytes(&self) -> usize {
        self.bytes
    }
}

impl PollFrames {
    fn into_texts(self) -> Vec<String> {
        let text = |bytes| String::from_utf8(bytes).expect("frames are put together from texts");
        self.frames.into_iter().map(text).collect()
    }
}

impl Polls {
    pub(super) fn find(&self, id: &str) -> Option<Arc<PollSession>> {
        self.sessions().get(id).cloned()
    }

    /// Adds a client; `false` when there are too many.
    pub(super) fn insert(&self, id: &str, session: &Arc<PollSession>) -> bool {
        let mut sessions = self.sessions();
        if sessions.len() >= SESSIONS_MAX {
            return false;
        }
        sessions.insert(id.into(), Arc::clone(session));
        true
    }

    /// Whether there is room for another client.
    pub(super) fn has_room(&self) -> bool {
        self.sessions().len() < SESSIONS_MAX
    }

    /// Forgets clients whose connection is over and whose last poll was told so.
    pub(super) fn tidy(&self) {
        let is_open = |session: &Arc<PollSession>| {
            session.endpoint.closing().is_none() || session.waiting.load(Ordering::Acquire) > 0
        };
        self.sessions().retain(|_, session| is_open(session));
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> u32 {
        self.sessions().values().map(|session| session.waiting.load(Ordering::Acquire)).sum()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<PollSession>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a poll while it waits.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl PollSession {
    pub(crate) fn new(endpoint: Arc<Endpoint>, greeting: &[&'static str]) -> Self {
        let greeting = Mutex::new(greeting.iter().copied().collect());
        Self { endpoint, waiting: AtomicU32::new(0), turn: AtomicU64::new(0), greeting }
    }

    /// Waits for something to say.
    pub(crate) async fn poll(&self, hub: &Hub) -> Result<String, PollRefused> {
        let waiting = Waiting(&self.waiting);
        if waiting.0.fetch_add(1, Ordering::AcqRel) >= POLLS_MAX {
            return Err(PollRefused::TooMany);
        }
        self.endpoint.heard(hub.now());
        let turn = self.turn.fetch_add(1, Ordering::AcqRel) + 1;
        // Only one may wait for word of the endpoint, which wakes one.
        self.endpoint.writable.notify_one();
        let something = async {
            loop {
                if self.turn.load(Ordering::Acquire) != turn {
                    // The word may have been for the newer one.
                    self.endpoint.writable.notify_one();
                    return socketio::NOOP.to_owned();
                }
                if let Some(answer) = self.answer(hub) {
                    return answer;
                }
                self.endpoint.writable.notified().await;
            }
        };
        let answer = tokio::time::timeout(POLL_WAIT, something).await;
        self.endpoint.heard(hub.now());
        Ok(answer.unwrap_or_else(|_| socketio::NOOP.to_owned()))
    }

    /// What there is to say now: the greeting one frame a poll, then what waits, then why it is over.
    fn answer(&self, hub: &Hub) -> Option<String> {
        if self.endpoint.is_greeted()
            && let Some(frame) = self.greeting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
        {
            return Some(frame.to_owned());
        }
        let mut frames = PollFrames::default();
        self.endpoint.take(&mut frames, hub.now());
        if !frames.frames.is_empty() {
            return Some(socketio::polling_batch(&frames.into_texts()));
        }
        let why = self.endpoint.closing()?;
        Some(farewell(why).unwrap_or(socketio::DISCONNECT).to_owned())
    }

    /// Takes the frames that a client posts.
    pub(crate) fn post(&self, hub: &Hub, text: &str) -> Result<(), PollRefused> {
        let frames = socketio::split_batch(text).map_err(|_| PollRefused::Broken)?;
        for frame in frames {
            if let Some(why) = receive(hub, &self.endpoint, frame, hub.now()) {
                self.endpoint.close(why);
                break;
            }
        }
        // What was acknowledged made room for more, and the poll that waits has to look.
        self.endpoint.writable.notify_one();
        Ok(())
    }
}

impl Hub {
    /// The polling client with that session id, if it is here.
    pub(crate) fn find_poll(&self, id: &str) -> Option<Arc<PollSession>> {
        self.polls.find(id)
    }

    /// Whether another polling client may come.
    pub(crate) fn has_room_for_polls(&self) -> bool {
        self.polls.has_room()
    }

    /// Takes a polling client in, under its session id. The frames of `greeting` answer its first polls, one each.
    pub(crate) fn add_poll(
        &self,
        id: &str,
        endpoint: &Arc<Endpoint>,
        greeting: &'static [&'static str],
    ) -> Arc<PollSession> {
        let session = Arc::new(PollSession::new(Arc::clone(endpoint), greeting));
        if !self.polls.insert(id, &session) {
            endpoint.close(Closing::Crowded);
        }
        session
    }
}
