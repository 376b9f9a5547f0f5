//! Endpoints that do what a script says.

use std::collections::VecDeque;
use std::time::Duration;

use trunkline_delivery::{Answer, Detail, Outcome};
use trunkline_kernel::Timestamp;

/// What an endpoint does with one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reaction {
    /// Answers with a status, after a time. The body does not matter.
    Status(u16, Duration),
    /// Fails without a status, after a time.
    Fail(Outcome, Duration),
    /// Never answers.
    Hang,
    /// Works and refuses connections in turns of this length.
    Flap(Duration),
}

/// A script, and what comes after its end.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    script: VecDeque<Reaction>,
    then: Reaction,
}

const QUICK: Duration = Duration::from_millis(2);

/// A quick status.
pub(crate) const fn status(status: u16) -> Reaction {
    Reaction::Status(status, QUICK)
}

/// A status after that many seconds.
pub(crate) const fn slow(status: u16, seconds: u64) -> Reaction {
    Reaction::Status(status, Duration::from_secs(seconds))
}

/// A connection that is refused.
pub(crate) const fn refuse() -> Reaction {
    Reaction::Fail(Outcome::SocketError, QUICK)
}

impl Endpoint {
    /// Does always the same.
    pub(crate) fn always(reaction: Reaction) -> Self {
        Self { script: VecDeque::new(), then: reaction }
    }

    /// Works through the list first.
    pub(crate) fn script(first: impl IntoIterator<Item = Reaction>, then: Reaction) -> Self {
        Self { script: first.into_iter().collect(), then }
    }

    /// The answer to a request that begins now; `None` when none ever comes.
    pub(crate) fn react(&mut self, now: Timestamp) -> Option<Answer> {
        match self.script.pop_front().unwrap_or(self.then) {
            Reaction::Status(status, took) => Some(Answer::of_status(status, took)),
            Reaction::Fail(outcome, took) => Some(Answer::without_status(outcome, took, Detail("scripted"))),
            Reaction::Hang => None,
            Reaction::Flap(turn) => {
                let turns = now.since(Timestamp::EPOCH).as_micros() / turn.as_micros();
                let answer = Answer::without_status(Outcome::SocketError, QUICK, Detail("refused"));
                Some(if turns.is_multiple_of(2) { Answer::of_status(200, QUICK) } else { answer })
            }
        }
    }
}
