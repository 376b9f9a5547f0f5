//! [`Endpoint`]: one connected client, its queue and its window.
//!
//! ```text
//! hub ──push──► queue ─┐
//! store ─catch-up─► backlog ─┴─take──► window (in flight) ──acknowledged──► positions ──► store
//! ```
//!
//! A push never waits. Whoever cannot follow falls behind: the queue is dropped and read from the store later.

mod kinds;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use trunkline_kernel::Timestamp;

pub(crate) use self::kinds::{Claim, Closing, Frames, Identity, Pushed, Received, Transport};
use self::state::{Phase, State, position_of};
use super::socketio;
use super::window::Position;
use crate::notify::{Class, Notification, frame_length, recipient, write_frame};
use crate::rows::ThreadNumber;

/// Notifications waiting for one client: what a busy hour's burst makes in a second.
pub(super) const QUEUE_MAX: usize = 256;
/// Their size; bodies are shared between clients, so this counts more than is held.
pub(super) const QUEUE_BYTES_MAX: usize = 256 * 1024;
/// Fleeting notifications are not worth a place in a longer queue.
const FLEETING_QUEUE_MAX: usize = 32;
/// What one write aims at, in bytes; a longer notification goes whole.
const WRITE_BYTES: usize = 64 * 1024;
/// How long answers to the client's own events may be held back, to go along with another write. The client waits 5 s,
/// and sends no further ping while one is out.
const ANSWER_WITHIN: Duration = Duration::from_millis(750);
/// After this long without a write a heartbeat goes out; the client hangs up after 60 s of silence.
const HEARTBEAT_AFTER: Duration = Duration::from_secs(25);
/// Frames that cannot be read, after which the connection ends.
const BROKEN_MAX: u32 = 10;
/// Events of the client whose answers wait; then they go out alone. The client has two at a time.
const ANSWERS_TOGETHER: usize = 16;
/// Beyond that nobody takes them: a client that sends and does not read.
const ANSWERS_MAX: usize = 1024;
/// Of the threads that changed within this time a client knows where it stands; what is older and not known is no
/// news. The clocks of nodes differ by far less, and no change takes so long from its time to its commit.
pub(super) const NEWS_AGE: Duration = Duration::from_mins(10);

/// One connected client.
pub(crate) struct Endpoint {
    pub(crate) identity: Identity,
    pub(crate) transport: Transport,
    recipient: Box<str>,
    /// There is something to write, or it is over. One waits: the socket's task, or the poll.
    pub(crate) writable: Notify,
    /// The backlog is empty, the window is, or it is over. One waits: the catch-up, or the next connection.
    pub(crate) progressed: Notify,
    // Guards everything that changes; held for microseconds.
    state: Mutex<State>,
}

impl Endpoint {
    /// A client that has just connected at `now`. `greeting` goes out first, once it is [greeted](Self::greet).
    pub(crate) fn new(
        identity: Identity,
        transport: Transport,
        greeting: &'static [&'static str],
        now: Duration,
    ) -> Self {
        Self {
            recipient: recipient(&identity.token.raw_id).into(),
            identity,
            transport,
            writable: Notify::new(),
            progressed: Notify::new(),
            state: Mutex::new(State::new(greeting, now)),
        }
    }

    /// Queues the notifications of a change that are for this client.
    pub(crate) fn push<'a>(&self, notifications: impl Iterator<Item = &'a Arc<Notification>>) -> Pushed {
        let mut state = self.state();
        if state.phase.is_ending() || state.is_behind {
            return Pushed::Skipped;
        }
        let mut queued = 0;
        for notification in notifications {
            if notification.is_extension && !self.identity.wants_extensions {
                continue;
            }
            if notification.class == Class::Fleeting && state.queue.len() >= FLEETING_QUEUE_MAX {
                continue;
            }
            let size = notification.size_bytes();
            if state.queue.len() >= QUEUE_MAX
                || (state.queue_bytes + size > QUEUE_BYTES_MAX && !state.queue.is_empty())
            {
                state.fall_behind();
                // One that is catching up looks again by itself.
                return if state.phase == Phase::Live { Pushed::FellBehind } else { Pushed::Skipped };
            }
            state.queue_bytes += size;
            state.queue.push_back(Arc::clone(notification));
            queued += 1;
        }
        let may_go_out = queued > 0 && state.phase == Phase::Live && state.window.room() > 0;
        drop(state);
        if may_go_out {
            self.writable.notify_one();
        }
        if queued > 0 { Pushed::Queued(queued) } else { Pushed::Skipped }
    }

    /// Drops the queue: what was in it is read from the store. `false` when somebody does that already, or it is over.
    pub(crate) fn fall_behind(&self) -> bool {
        let mut state = self.state();
        if state.phase.is_ending() || state.is_behind {
            return false;
        }
        state.fall_behind();
        state.phase == Phase::Live
    }

    /// Says hello: the client is connected from now on.
    pub(crate) fn greet(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.is_greeted, true) {
            let greeting = std::mem::take(&mut state.greeting);
            state.controls.splice(0..0, greeting.iter().copied());
            drop(state);
            self.writable.notify_one();
        }
    }

    /// Whether it was greeted.
    pub(crate) fn is_greeted(&self) -> bool {
        self.state().is_greeted
    }

    /// Writes what may go out now; returns how many notifications that were. Answers to the client's own events wait
    /// for something to go along with, until they are due.
    pub(crate) fn take(&self, frames: &mut impl Frames, now: Duration) -> usize {
        let mut state = self.state();
        if !state.is_greeted || !state.has_something(now) {
            return 0;
        }
        for control in std::mem::take(&mut state.controls) {
            frames.start(control.len()).extend_from_slice(control.as_bytes());
        }
        for (id, is_ping) in std::mem::take(&mut state.answers) {
            let answer = socketio::event_answer(id, is_ping);
            frames.start(answer.len()).extend_from_slice(answer.as_bytes());
        }
        state.answers_due = None;
        let (mut taken, mut owes) = (0, false);
        while owes || (state.window.room() > 0 && frames.size_bytes() < WRITE_BYTES) {
            let Some(notification) = state.next() else { break };
            owes = notification.class == Class::Leading;
            let id = state.window.send(position_of(&notification), now);
            let out = frames.start(frame_length(&notification, id, &self.recipient));
            write_frame(&notification, id, &self.recipient, out);
            taken += 1;
        }
        if frames.size_bytes() > 0 {
            state.written_at = now;
        }
        let is_drained = state.backlog.is_empty() && state.phase == Phase::CatchingUp;
        drop(state);
        if is_drained {
            self.progressed.notify_one();
        }
        taken
    }

    /// Takes a frame of the client.
    pub(crate) fn receive(&self, frame: &str, now: Duration) -> Received {
        let packet = socketio::Packet::parse(frame);
        let mut state = self.state();
        state.read_at = now;
        let received = match packet {
            Ok(socketio::Packet::Response { id }) => state.acknowledge(id, now),
            Ok(socketio::Packet::Event { id: Some(id), name }) => {
                state.answers.push((id, name == "ping"));
                let within =
                    if state.answers.len() < ANSWERS_TOGETHER { ANSWER_WITHIN } else { Duration::ZERO };
                let due = state.answers_due.unwrap_or(Duration::MAX).min(now + within);
                state.answers_due = Some(due);
                if state.answers.len() > ANSWERS_MAX {
                    Received::Over(Closing::Broken)
                } else {
                    Received::Heard
                }
            }
            Ok(socketio::Packet::Disconnect) => Received::Over(Closing::Gone),
            Ok(_) => Received::Heard,
            Err(socketio::BrokenFrame) => {
                state.broken += 1;
                if state.broken >= BROKEN_MAX { Received::Over(Closing::Broken) } else { Received::Broken }
            }
        };
        let is_settled = state.window.is_empty();
        drop(state);
        if is_settled {
            self.tell_progress();
        }
        received
    }

    /// Notes that the client is there, although it sent no frame.
    pub(crate) fn heard(&self, now: Duration) {
        self.state().read_at = now;
    }

    /// Puts a frame before everything else.
    pub(crate) fn control(&self, frame: &'static str) {
        self.state().controls.push(frame);
        self.writable.notify_one();
    }

    /// Looks whether something is due: called several times a second.
    pub(crate) fn tick(&self, now: Duration, wall: Timestamp) {
        let mut state = self.state();
        if let Phase::Closed(_) = state.phase {
            return;
        }
        if let Some(why) = state.overdue(now, wall >= self.identity.expires) {
            drop(state);
            return self.close(why);
        }
        let has_answers = state.answers_due.is_some_and(|due| now >= due);
        let needs_heartbeat = self.transport == Transport::Socket
            && now.saturating_sub(state.written_at) >= HEARTBEAT_AFTER
            && state.controls.is_empty();
        if needs_heartbeat {
            state.controls.push(socketio::HEARTBEAT);
        }
        drop(state);
        if has_answers || needs_heartbeat {
            self.writable.notify_one();
        }
    }

    /// Ends the connection; the first reason stays.
    pub(crate) fn close(&self, why: Closing) {
        let mut state = self.state();
        if let Phase::Closed(_) = state.phase {
            return;
        }
        state.phase = Phase::Closed(why);
        state.drop_waiting();
        drop(state);
        self.writable.notify_one();
        self.tell_progress();
    }

    /// Why it is over, if it is.
    pub(crate) fn closing(&self) -> Option<Closing> {
        match self.state().phase {
            Phase::Closed(why) => Some(why),
            _ => None,
        }
    }

    /// Sends nothing more: the endpoint has another connection.
    pub(crate) fn retire(&self, now: Duration) {
        let mut state = self.state();
        if !state.phase.is_ending() {
            state.phase = Phase::Retiring { since: now };
            state.drop_waiting();
            drop(state);
            self.tell_progress();
        }
    }

    /// Two may wait at the end of a connection: its own catch-up, and the next connection.
    fn tell_progress(&self) {
        self.progressed.notify_waiters();
        self.progressed.notify_one();
    }

    /// Whether another connection has taken over, or it is over.
    pub(crate) fn is_ending(&self) -> bool {
        self.state().phase.is_ending()
    }

    /// Whether another connection may go on: nothing that was sent waits for its acknowledgement, or none will come
    /// any more.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.state();
        state.has_started && (state.window.is_empty() || matches!(state.phase, Phase::Closed(_)))
    }

    /// Gives it the right to write positions, and says since when the endpoint is known. Nothing is sent yet.
    pub(crate) fn set_claim(&self, claim: Claim, known_since: Timestamp) {
        let mut state = self.state();
        state.claim = Some(claim);
        state.known_since = known_since;
    }

    /// Notes that it has its claim, or gets none.
    pub(crate) fn set_started(&self) {
        self.state().has_started = true;
        self.tell_progress();
    }

    /// Since when the endpoint is known.
    pub(crate) fn known_since(&self) -> Timestamp {
        self.state().known_since
    }

    /// Its right to write positions, if it has one.
    pub(crate) fn claim(&self) -> Option<Claim> {
        self.state().claim
    }

    /// Takes that right away; whoever gets it may write the last positions.
    pub(crate) fn take_claim(&self) -> Option<Claim> {
        self.state().claim.take()
    }

    /// Starts reading what was missed from the store; what happens from now on waits in the queue. Returns up to where
    /// the client knows which threads; `None` when it is over.
    pub(crate) fn start_catching_up(&self) -> Option<HashMap<ThreadNumber, i64>> {
        let mut state = self.state();
        if state.phase.is_ending() {
            return None;
        }
        state.phase = Phase::CatchingUp;
        state.is_behind = false;
        let mut told = state.known.clone();
        for (thread, change) in &state.sent {
            let known = told.entry(*thread).or_insert(*change);
            *known = (*known).max(*change);
        }
        Some(told)
    }

    /// Notes what counts as news in threads of which nothing is known: what was made since then.
    pub(crate) fn expect_news_since(&self, since: Timestamp) {
        self.state().news_since = since;
    }

    /// Notes up to where the client knows a thread, or is about to: what the hub hears of it later is not news.
    pub(crate) fn know(&self, thread: ThreadNumber, change: i64) {
        let mut state = self.state();
        let known = state.known.entry(thread).or_insert(change);
        *known = change.max(*known);
    }

    /// Adds what was read from the store; `false` when it is over.
    pub(crate) fn extend_backlog(&self, notifications: impl IntoIterator<Item = Arc<Notification>>) -> bool {
        let mut state = self.state();
        if state.phase.is_ending() {
            return false;
        }
        let wants =
            |notification: &Arc<Notification>| !notification.is_extension || self.identity.wants_extensions;
        state.backlog.extend(notifications.into_iter().filter(wants));
        drop(state);
        self.writable.notify_one();
        true
    }

    /// Whether what was read from the store is sent; `None` when it is over.
    pub(crate) fn is_backlog_sent(&self) -> Option<bool> {
        let state = self.state();
        (!state.phase.is_ending()).then(|| state.backlog.is_empty())
    }

    /// Goes live, unless it fell behind meanwhile; `false` when it has to catch up again.
    pub(crate) fn go_live(&self) -> bool {
        let mut state = self.state();
        if state.is_behind {
            return false;
        }
        if !state.phase.is_ending() {
            state.phase = Phase::Live;
        }
        drop(state);
        self.writable.notify_one();
        true
    }

    /// Acknowledged positions that are not stored yet; they are the caller's now.
    pub(crate) fn take_moved(&self) -> Vec<Position> {
        let mut moved = std::mem::take(&mut self.state().moved);
        // The last one of each thread is the furthest.
        let mut last = HashMap::with_capacity(moved.len());
        for (index, position) in moved.iter().enumerate() {
            last.insert(position.thread, index);
        }
        let mut index = 0;
        moved.retain(|position| {
            index += 1;
            last.get(&position.thread) == Some(&(index - 1))
        });
        moved
    }

    /// Gives positions back that could not be stored.
    pub(crate) fn return_moved(&self, mut moved: Vec<Position>) {
        let mut state = self.state();
        moved.append(&mut state.moved);
        state.moved = moved;
    }

    #[cfg(test)]
    pub(crate) fn is_live(&self) -> bool {
        self.state().phase == Phase::Live
    }

    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state();
        state.queue.len() + state.backlog.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
