//! Waiting: which timers a call sets, and what happens when they come.

use std::time::Duration;

use trunkline_kernel::Timestamp;

use super::Call;
use super::effects::Effect;
use super::legs::{LegState, P};
use super::reasons::Reason;

/// A timer of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum TimerId {
    /// Somebody has not answered.
    Ring(P),
    /// Media has not come up.
    Setup(P),
    /// A leg has not come back.
    Away(P),
    /// Nobody has let somebody in.
    Lobby(P),
    /// Nobody is in the room any more.
    Empty,
    /// The call has been long enough.
    Longest,
}

/// How long each thing is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    /// For somebody to answer.
    pub(crate) ring: Duration,
    /// For somebody who is called into a call of two. Longer, as ACS has it.
    pub(crate) ring_promoted: Duration,
    /// For media to come up: ICE and DTLS over a bad network, twice.
    pub(crate) setup: Duration,
    /// For a leg that is away.
    pub(crate) away: Duration,
    /// For somebody to be let in.
    pub(crate) lobby: Duration,
    /// For somebody to come back into an empty room.
    pub(crate) empty_room: Duration,
    /// For the whole call.
    pub(crate) longest: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            ring: Duration::from_secs(85),
            ring_promoted: Duration::from_secs(115),
            setup: Duration::from_secs(30),
            away: Duration::from_mins(2),
            lobby: Duration::from_mins(30),
            empty_room: Duration::from_mins(1),
            longest: Duration::from_hours(30),
        }
    }
}

impl Call {
    /// A timer has come. One that is no more to the point does nothing.
    pub(super) fn timer(&mut self, timer: TimerId, now: Timestamp, out: &mut Vec<Effect>) {
        let state = |p: P| self.leg(p).map(|leg| leg.state);
        let over = match timer {
            TimerId::Ring(p) if state(p).is_some_and(LegState::is_asked) => (p, Reason::NO_ANSWER),
            TimerId::Setup(p) if state(p) == Some(LegState::Joining) => (p, Reason::NO_MEDIA),
            TimerId::Away(p) if matches!(state(p), Some(LegState::Away(_))) => (p, Reason::MEDIA_LOST),
            TimerId::Lobby(p) if state(p) == Some(LegState::InLobby) => (p, Reason::NOT_ADMITTED),
            TimerId::Empty if !self.has_active() => return self.end(Reason::HUNG_UP, None, now, out),
            TimerId::Longest => return self.end(Reason::BY_SERVICE, None, now, out),
            _ => return,
        };
        self.over(over.0, over.1, None, now, out);
    }
}
