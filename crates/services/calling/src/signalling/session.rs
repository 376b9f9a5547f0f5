//! A client: its conversation, its present socket, its token, and what it asked for.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use trunkline_calling_wire::ClientMessage;
use trunkline_calling_wire::server::Bye;
use trunkline_net::websocket::write_text_header;
use trunkline_web::ResourceView;

use super::conversation::{Arrival, Conversation, Owed, ResumeRefusal, SecretHash};
use super::hub::unknown_session;
use super::rates::{Bucket, Rate};
use super::tokens::HeldUntil;
use super::{MALFORMED, RESUMED_ELSEWHERE, SILENT, TOO_MANY};
use crate::actor::asks::Caller;
use crate::rules::{EndpointId, LegId};

/// Requests that are not answered yet; a client that asks more at once does not listen to the answers.
const REQUESTS_MAX: usize = 32;
/// Messages of a client, and how many at once: several times what a lively call makes.
const MESSAGES: (u32, Rate) = (80, Rate::per_second(40));
/// Messages beyond that rate which are refused one by one before the socket is closed.
const EXCESS: (u32, Rate) = (200, Rate::per_second(20));
/// Reactions.
const REACTIONS: (u32, Rate) = (10, Rate::per_second(2));
/// Wishes to see.
const WISHES: (u32, Rate) = (30, Rate::per_second(10));
/// Pieces of live text: as fast as somebody types.
const TEXTS: (u32, Rate) = (40, Rate::per_second(20));
/// What is written to a socket at once, in bytes: a long list and a little more.
const WRITE_BYTES: usize = 64 * 1024;
/// A socket is closed when nothing was heard for so long: three pings and half of one.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// A session without a socket is away for the others after this.
const LOST_AFTER: Duration = Duration::from_secs(3);
/// And it ends after this, when it is in no call.
pub(super) const RESUME_FOR: Duration = Duration::from_secs(30);

/// Who a session is of; fixed when it begins.
pub(crate) struct Identity {
    /// Within the life of this process.
    pub(crate) endpoint: EndpointId,
    /// As the client knows it.
    pub(crate) id: Arc<str>,
    /// Whose user it is.
    pub(crate) resource: Arc<ResourceView>,
    /// The raw id.
    pub(crate) user: Arc<str>,
    /// The name shown unless a call says otherwise.
    pub(crate) name: String,
    /// The client's program.
    pub(crate) agent: Arc<str>,
    /// Whether it takes calls.
    pub(crate) wants_rings: bool,
}

/// A message of the client that waits for its turn.
#[derive(Debug)]
pub(super) struct Request {
    /// The request's id; `None` for a message without a reply.
    pub(super) id: Option<String>,
    pub(super) message: ClientMessage,
}

/// What came of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing more is to be done.
    Done,
    /// Requests wait and nobody works on them: start.
    Start,
}

/// The number of a socket among those of its session.
pub(super) type SocketNumber = u64;

/// A socket of a session.
struct Wired {
    number: SocketNumber,
    writable: Arc<Notify>,
    /// Frames that have no number: pongs and replies to a socket that goes too fast.
    unnumbered: VecDeque<String>,
    closing: Option<Bye>,
}

/// How often something may be done.
struct Rates {
    messages: Bucket,
    excess: Bucket,
    reactions: Bucket,
    wishes: Bucket,
    texts: Bucket,
}

struct State {
    conversation: Conversation,
    socket: Option<Wired>,
    sockets: SocketNumber,
    heard_at: Duration,
    /// Since when there is no socket.
    lost_at: Option<Duration>,
    is_loss_told: bool,
    token: HeldUntil,
    legs: HashSet<LegId>,
    requests: VecDeque<Request>,
    unanswered: usize,
    is_worked_on: bool,
    rates: Rates,
    /// Why the session is over.
    over: Option<Bye>,
}

/// A client's numbered conversation.
pub(crate) struct Session {
    pub(crate) identity: Identity,
    // Guards what changes. Never held across a wait.
    state: Mutex<State>,
}

/// How a session without a socket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It has a socket, or nothing is to be done.
    Nothing,
    /// It has been away long enough to tell others.
    Lost,
    /// Its time is over.
    Expired,
}

impl Session {
    pub(super) fn new(identity: Identity, secret: SecretHash, token: HeldUntil, now: Duration) -> Self {
        let bucket = |(burst, rate)| Bucket::new(burst, rate, now);
        let rates = Rates {
            messages: bucket(MESSAGES),
            excess: bucket(EXCESS),
            reactions: bucket(REACTIONS),
            wishes: bucket(WISHES),
            texts: bucket(TEXTS),
        };
        let state = State {
            conversation: Conversation::new(secret),
            socket: None,
            sockets: 0,
            heard_at: now,
            lost_at: Some(now),
            is_loss_told: false,
            token,
            legs: HashSet::new(),
            requests: VecDeque::new(),
            unanswered: 0,
            is_worked_on: false,
            rates,
            over: None,
        };
        Self { identity, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who asks, for requests of this session.
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            endpoint: self.identity.endpoint,
            resource: Arc::clone(&self.identity.resource),
            user: Arc::clone(&self.identity.user),
            agent: Arc::clone(&self.identity.agent),
        }
    }

    // ---- what is said ----

    /// Says something, about a leg or not. `body` is JSON without its opening brace.
    pub(crate) fn say(&self, leg: Option<&LegId>, body: Arc<str>) {
        let mut state = self.lock();
        if state.over.is_some() {
            return;
        }
        if state.conversation.say(leg.map(Arc::clone), body).is_err() {
            // Another session comes back into the calls.
            state.end(unknown_session("The client has not acknowledged what it was told."));
        }
        state.wake();
    }

    /// Says something that is of no use later: only when a socket is there.
    pub(crate) fn say_now(&self, leg: &LegId, body: Arc<str>) {
        if self.has_socket() {
            self.say(Some(leg), body);
        }
    }

    /// Says the reply of a request and lets another one in.
    pub(super) fn reply(&self, body: Arc<str>) {
        {
            let mut state = self.lock();
            state.unanswered = state.unanswered.saturating_sub(1);
        }
        self.say(None, body);
    }

    /// A leg is this session's from now on.
    pub(super) fn add_leg(&self, leg: LegId) {
        self.lock().legs.insert(leg);
    }

    /// A leg is over.
    pub(crate) fn remove_leg(&self, leg: &str) {
        self.lock().legs.remove(leg);
    }

    /// How long it lives without a socket: longer in a call.
    pub(super) fn resume_for(&self, rejoin: Duration) -> Duration {
        if self.lock().legs.is_empty() { RESUME_FOR } else { rejoin.max(RESUME_FOR) }
    }

    // ---- sockets ----

    /// A socket takes the session over, the first one.
    pub(super) fn attach(&self, now: Duration) -> (SocketNumber, Arc<Notify>) {
        self.lock().attach(now)
    }

    /// Another socket goes on where the last one was lost. Gives its number, what wakes it, and the highest number the
    /// server received.
    ///
    /// **Errors**: as of [`Conversation::resume`].
    pub(super) fn resume(
        &self,
        secret: &SecretHash,
        a: u64,
        next: SecretHash,
        now: Duration,
    ) -> Result<(SocketNumber, Arc<Notify>, u64), ResumeRefusal> {
        let mut state = self.lock();
        state.conversation.resume(secret, a, next)?;
        if let Some(old) = state.socket.take() {
            // It finds that another one has its place.
            old.writable.notify_one();
        }
        let (number, writable) = state.attach(now);
        Ok((number, writable, state.conversation.received()))
    }

    /// A socket is gone, or says that it is; false when another one had its place already.
    pub(super) fn detach(&self, number: SocketNumber, now: Duration) -> bool {
        let mut state = self.lock();
        let is_present = state.is_present(number);
        if is_present {
            state.socket = None;
            state.lost_at = Some(now);
            state.is_loss_told = false;
        }
        is_present
    }

    /// Writes frames that wait, as many as go at once. An acknowledgement goes alone when the client waits for it.
    pub(super) fn write(&self, number: SocketNumber, is_acknowledgement_due: bool, out: &mut Vec<u8>) {
        let mut state = self.lock();
        let State { conversation, socket, .. } = &mut *state;
        let Some(socket) = socket.as_mut().filter(|socket| socket.number == number) else { return };
        let frame = |text: &str, out: &mut Vec<u8>| {
            write_text_header(out, text.len());
            out.extend_from_slice(text.as_bytes());
        };
        while let Some(text) = socket.unnumbered.pop_front() {
            frame(&text, out);
        }
        let mut text = String::new();
        while out.len() < WRITE_BYTES && conversation.write_next(&mut text) {
            frame(&text, out);
        }
        let owed = conversation.owed();
        if owed == Owed::Now || (owed == Owed::Soon && is_acknowledgement_due) {
            conversation.write_acknowledgement(&mut text);
            frame(&text, out);
        }
    }

    /// Whether the client waits for an acknowledgement.
    pub(super) fn owes(&self) -> bool {
        self.lock().conversation.owed() != Owed::Nothing
    }

    /// Why the socket is to be closed, when it is.
    pub(super) fn closing(&self, number: SocketNumber) -> Option<Bye> {
        let state = self.lock();
        if let Some(over) = &state.over {
            return Some(over.clone());
        }
        match &state.socket {
            Some(socket) if socket.number == number => socket.closing.clone(),
            _ => Some(bye(RESUMED_ELSEWHERE, "The session goes on over another socket.", false)),
        }
    }

    /// Closes the present socket; the session stays.
    pub(super) fn close_socket(&self, bye: Bye) {
        let mut state = self.lock();
        if let Some(socket) = &mut state.socket {
            socket.closing.get_or_insert(bye);
            socket.writable.notify_one();
        }
    }

    /// Ends the session; false when it is over already.
    pub(super) fn end(&self, bye: Bye) -> bool {
        let mut state = self.lock();
        let is_first = state.over.is_none();
        state.end(bye);
        is_first
    }

    /// Whether the session is over.
    pub(super) fn is_over(&self) -> bool {
        self.lock().over.is_some()
    }

    /// Whether a socket is open.
    pub(super) fn has_socket(&self) -> bool {
        self.lock().socket.is_some()
    }

    /// Looks whether the socket is silent or has been away for long.
    pub(super) fn look(&self, now: Duration, rejoin: Duration) -> Absence {
        let resume_for = self.resume_for(rejoin);
        let mut state = self.lock();
        let Some(lost_at) = state.lost_at else {
            if now.saturating_sub(state.heard_at) >= SILENCE_MAX
                && let Some(socket) = &mut state.socket
            {
                socket.closing.get_or_insert(bye(SILENT, "Nothing was heard for 30 seconds.", true));
                socket.writable.notify_one();
            }
            return Absence::Nothing;
        };
        let away = now.saturating_sub(lost_at);
        if away >= resume_for {
            return Absence::Expired;
        }
        if away >= LOST_AFTER && !state.is_loss_told {
            state.is_loss_told = true;
            return Absence::Lost;
        }
        Absence::Nothing
    }

    /// Whether others were told that the session is away; asked when it is back.
    pub(super) fn take_loss_told(&self) -> bool {
        std::mem::take(&mut self.lock().is_loss_told)
    }

    // ---- what is heard ----

    /// Something was heard on a socket; false when another one has its place.
    pub(super) fn heard(&self, number: SocketNumber, now: Duration) -> bool {
        let mut state = self.lock();
        let is_present = state.is_present(number);
        if is_present {
            state.heard_at = now;
            state.conversation.heard();
        }
        is_present
    }

    /// Says something without a number, on the present socket only.
    pub(super) fn say_unnumbered(&self, text: String) {
        let mut state = self.lock();
        if let Some(socket) = &mut state.socket {
            socket.unnumbered.push_back(text);
            socket.writable.notify_one();
        }
    }

    /// The client has received everything up to `a`; false when that was never said.
    pub(super) fn acknowledge(&self, a: u64) -> bool {
        self.lock().conversation.acknowledge(a)
    }

    /// A message with the number `n` arrives: whether it is new, or was there before.
    ///
    /// **Errors**: the goodbye for a gap.
    pub(super) fn arrive(&self, n: u64) -> Result<bool, Bye> {
        match self.lock().conversation.arrive(n) {
            Arrival::New => Ok(true),
            Arrival::Seen => Ok(false),
            Arrival::Gap => Err(malformed("A message is missing before this one.")),
        }
    }

    /// Whether the client may say something now.
    ///
    /// **Errors**: the goodbye when it has long gone too fast.
    pub(super) fn take_message(&self, now: Duration) -> Result<bool, Bye> {
        let mut state = self.lock();
        if state.rates.messages.take(1, now) {
            return Ok(true);
        }
        if state.rates.excess.take(1, now) {
            return Ok(false);
        }
        Err(too_many("The client sends too many messages."))
    }

    /// Whether something may be done now that has a rate of its own.
    pub(super) fn take_rate(&self, message: &ClientMessage, now: Duration) -> bool {
        let mut state = self.lock();
        match message {
            ClientMessage::React(_) => state.rates.reactions.take(1, now),
            ClientMessage::Want(_) => state.rates.wishes.take(1, now),
            ClientMessage::Text(_) => state.rates.texts.take(1, now),
            _ => true,
        }
    }

    /// Puts a request behind those that wait.
    ///
    /// **Errors**: the goodbye when too many wait.
    pub(super) fn enqueue(&self, request: Request) -> Result<Heard, Bye> {
        let mut state = self.lock();
        if state.unanswered >= REQUESTS_MAX || state.requests.len() >= REQUESTS_MAX {
            return Err(too_many("More than 32 requests wait for an answer."));
        }
        state.unanswered += usize::from(request.id.is_some());
        state.requests.push_back(request);
        let is_idle = !std::mem::replace(&mut state.is_worked_on, true);
        Ok(if is_idle { Heard::Start } else { Heard::Done })
    }

    /// The next request; `None` when none waits, and whoever works on them ends.
    pub(super) fn next_request(&self) -> Option<Request> {
        let mut state = self.lock();
        let next = state.requests.pop_front();
        state.is_worked_on = next.is_some();
        next
    }

    // ---- the token ----

    /// Reads or changes the token.
    pub(super) fn with_token<T>(&self, what: impl FnOnce(&mut HeldUntil) -> T) -> T {
        what(&mut self.lock().token)
    }
}

impl State {
    fn is_present(&self, number: SocketNumber) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.number == number)
    }

    fn attach(&mut self, now: Duration) -> (SocketNumber, Arc<Notify>) {
        self.sockets += 1;
        let writable = Arc::new(Notify::new());
        self.socket = Some(Wired {
            number: self.sockets,
            writable: Arc::clone(&writable),
            unnumbered: VecDeque::new(),
            closing: None,
        });
        self.heard_at = now;
        self.lost_at = None;
        (self.sockets, writable)
    }

    fn end(&mut self, bye: Bye) {
        self.over.get_or_insert(bye);
        self.requests.clear();
        self.wake();
    }

    fn wake(&self) {
        if let Some(socket) = &self.socket {
            socket.writable.notify_one();
        }
    }
}

fn bye(code: u16, reason: &str, retry: bool) -> Bye {
    Bye { code, reason: reason.to_owned(), retry, retry_after_ms: None }
}

/// The goodbye to a client that breaks the protocol.
pub(super) fn malformed(reason: &str) -> Bye {
    bye(MALFORMED, reason, false)
}

/// The goodbye to a client that goes too fast.
pub(super) fn too_many(reason: &str) -> Bye {
    Bye { retry_after_ms: Some(5_000), ..bye(TOO_MANY, reason, true) }
}

#[cfg(test)]
mod tests;
