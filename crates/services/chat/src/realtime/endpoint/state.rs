//! What changes of a connected client.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::Timestamp;

use super::{Claim, Closing, Received};
use crate::notify::{Class, Notification};
use crate::realtime::window::{Acknowledged, Position, Window};
use crate::rows::ThreadNumber;

/// A client from which nothing came for so long is gone: it pings every 40 s and answers heartbeats.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(90);
/// How long the old connection may live on after the client has a new one; the client closes it after 60 s.
const LINGER_MAX: Duration = Duration::from_secs(75);

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The last connection of the endpoint still writes its positions: nothing may be sent.
    Starting,
    /// What was missed comes from the store; what happens now waits in the queue.
    CatchingUp,
    /// The queue is sent.
    Live,
    /// The endpoint has another connection: this one only acknowledges what it got.
    Retiring { since: Duration },
    /// It is over.
    Closed(Closing),
}

/// Everything of a client that changes.
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) claim: Option<Claim>,
    // Whether nothing more is asked of the store to get it going, however that went.
    pub(super) has_started: bool,
    // When the endpoint was first seen: what happened before is not missed.
    pub(super) known_since: Timestamp,
    pub(super) backlog: VecDeque<Arc<Notification>>,
    pub(super) queue: VecDeque<Arc<Notification>>,
    pub(super) queue_bytes: usize,
    pub(super) is_behind: bool,
    // The last change of each thread that was sent here.
    pub(super) sent: HashMap<ThreadNumber, i64>,
    // Up to where the store was read, or an earlier connection acknowledged: the hub may hear of that late.
    pub(super) known: HashMap<ThreadNumber, i64>,
    // Of threads in neither map, what is older than this is no news.
    pub(super) news_since: Timestamp,
    // What goes out first, once the client counts as connected.
    pub(super) greeting: &'static [&'static str],
    pub(super) is_greeted: bool,
    pub(super) window: Window,
    // Acknowledged positions that are not stored yet.
    pub(super) moved: Vec<Position>,
    pub(super) controls: Vec<&'static str>,
    pub(super) answers: Vec<(u64, bool)>,
    pub(super) answers_due: Option<Duration>,
    pub(super) read_at: Duration,
    pub(super) written_at: Duration,
    pub(super) broken: u32,
}

impl Phase {
    pub(super) const fn is_ending(self) -> bool {
        matches!(self, Self::Retiring { .. } | Self::Closed(_))
    }
}

impl State {
    /// A client that has just connected at `now`.
    pub(super) fn new(greeting: &'static [&'static str], now: Duration) -> Self {
        Self {
            phase: Phase::Starting,
            claim: None,
            has_started: false,
            known_since: Timestamp::EPOCH,
            backlog: VecDeque::new(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            is_behind: false,
            sent: HashMap::new(),
            known: HashMap::new(),
            news_since: Timestamp::EPOCH,
            greeting,
            is_greeted: false,
            window: Window::default(),
            moved: Vec::new(),
            controls: Vec::new(),
            answers: Vec::new(),
            answers_due: None,
            read_at: now,
            written_at: now,
            broken: 0,
        }
    }

    pub(super) fn fall_behind(&mut self) {
        self.is_behind = true;
        self.queue = VecDeque::new();
        self.queue_bytes = 0;
    }

    pub(super) fn drop_waiting(&mut self) {
        self.queue = VecDeque::new();
        self.queue_bytes = 0;
        self.backlog = VecDeque::new();
    }

    /// Whether the client does not know yet what a notification tells.
    fn is_news(&self, notification: &Notification) -> bool {
        let told = |map: &HashMap<ThreadNumber, i64>| map.get(&notification.thread).copied();
        match told(&self.known).max(told(&self.sent)) {
            Some(told) => notification.begins > told,
            None => notification.begins_at >= self.news_since,
        }
    }

    /// The next notification to send; what the client knows already is skipped.
    pub(super) fn next(&mut self) -> Option<Arc<Notification>> {
        loop {
            // What was read from the store was chosen for this client.
            let (notification, is_chosen) = match self.backlog.pop_front() {
                Some(notification) => (notification, true),
                None if self.phase == Phase::Live => (self.queue.pop_front()?, false),
                None => return None,
            };
            if !is_chosen {
                self.queue_bytes -= notification.size_bytes();
            }
            if notification.class == Class::Fleeting {
                return Some(notification);
            }
            if is_chosen || self.is_news(&notification) {
                if notification.class == Class::Durable {
                    let sent = self.sent.entry(notification.thread).or_insert(0);
                    *sent = notification.change.max(*sent);
                }
                return Some(notification);
            }
        }
    }

    pub(super) fn has_something(&self, now: Duration) -> bool {
        let is_waiting = !self.backlog.is_empty() || (self.phase == Phase::Live && !self.queue.is_empty());
        !self.controls.is_empty()
            || self.answers_due.is_some_and(|due| now >= due)
            || (is_waiting && self.window.room() > 0)
    }

    pub(super) fn acknowledge(&mut self, id: u64, now: Duration) -> Received {
        match self.window.acknowledge(id, now, &mut self.moved) {
            Acknowledged::Waiting(waited) => Received::Acknowledged(waited),
            Acknowledged::Unknown => Received::WrongAcknowledgement,
            Acknowledged::TooManyUnknown => Received::Over(Closing::Broken),
        }
    }

    pub(super) fn overdue(&self, now: Duration, is_expired: bool) -> Option<Closing> {
        let lingers = |since: Duration| now.saturating_sub(since) > LINGER_MAX;
        match self.phase {
            Phase::Retiring { since } if lingers(since) => Some(Closing::Gone),
            _ if is_expired => Some(Closing::Unauthorized),
            _ if now.saturating_sub(self.read_at) > SILENCE_MAX => Some(Closing::Silent),
            _ if self.window.is_overdue(now) => Some(Closing::Silent),
            _ => None,
        }
    }
}

pub(super) fn position_of(notification: &Notification) -> Option<Position> {
    let Notification { thread, change, .. } = *notification;
    (notification.class == Class::Durable).then_some(Position { thread, change })
}
