//! A thread of the pool: takes a closure, runs it on its connection, commits, answers.

use std::sync::Arc;
use std::time::Duration;

use trunkline_kernel::{Clock as _, SystemClock};

use super::connect::Address;
use super::session::{Failure, Session};
use super::tx::{Ended, Opening, PostgresTx, Trouble};
use crate::error::StoreError;
use crate::key::Key;
use crate::meter::{Part, Shared};
use crate::queue::FairQueue;
use crate::transaction::{EngineTx, Tx};
use crate::wakes::WakeMessage;
use crate::work::{Verdict, Work};

/// After a failed attempt to connect, work is refused at once for this long: waiting for a server that
/// is down would only fill the queue.
const CONNECT_PAUSE: Duration = Duration::from_millis(200);

/// A closure in the pool's queue.
pub(crate) struct Request {
    pub(crate) work: Box<dyn Work>,
    pub(crate) is_read_only: bool,
}

pub(crate) struct Worker {
    address: Address,
    queue: Arc<FairQueue<Request>>,
    shared: Arc<Shared>,
    session: Option<Session>,
    failed_at: Option<Duration>,
}

enum Outcome {
    /// The closure's own outcome stands.
    Answer(Vec<WakeMessage>),
    Fail(StoreError),
    /// Nothing was committed and the closure may run again; if not, this is the answer.
    Rerun(StoreError),
}

impl Worker {
    pub(crate) const fn new(address: Address, queue: Arc<FairQueue<Request>>, shared: Arc<Shared>) -> Self {
        Self { address, queue, shared, session: None, failed_at: None }
    }

    pub(crate) fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        while let Some((key, request)) = queue.pop() {
            self.serve(&key, request);
            queue.finished(&key);
        }
    }

    fn serve(&mut self, key: &Key, mut request: Request) {
        let opening = if request.is_read_only {
            self.shared.meter.reads.add(1);
            Opening::Read
        } else {
            Opening::Write { lock: [key.lock_number().into()] }
        };
        let mut reruns_left = self.shared.bounds.reruns_max;
        loop {
            match self.attempt(&opening, &mut request) {
                Outcome::Answer(wakes) => {
                    request.work.answer();
                    self.shared.wakes.publish_all(&wakes);
                    return;
                }
                Outcome::Rerun(_) if reruns_left > 0 => {
                    reruns_left -= 1;
                    self.shared.meter.reruns.add(1);
                }
                Outcome::Rerun(failure) | Outcome::Fail(failure) => {
                    request.work.fail(failure);
                    return;
                }
            }
        }
    }

    fn attempt(&mut self, opening: &Opening, request: &mut Request) -> Outcome {
        let mut session = match self.take_session() {
            Ok(session) => session,
            Err(failure) => return Outcome::Fail(failure),
        };
        let duration_max = self.shared.bounds.closure_duration_max;
        let engine = PostgresTx::new(&mut session, opening.clone(), duration_max);
        let mut tx = Tx::new(EngineTx::Postgres(engine), request.is_read_only);
        let started = SystemClock.monotonic();
        let verdict = request.work.run(&mut tx);
        let (EngineTx::Postgres(engine), wakes, failure) = tx.into_parts() else {
            return Outcome::Fail(StoreError::Unsupported("another engine's transaction"));
        };
        let cause = failure.unwrap_or(StoreError::Busy);
        let is_late = engine.is_late() || SystemClock.monotonic().saturating_sub(started) > duration_max * 2;
        match engine.trouble() {
            Some(Trouble::Broken) => return Outcome::Rerun(cause),
            Some(Trouble::Conflict) => {
                return self.roll_back(engine, request.is_read_only).then_keep(
                    self,
                    session,
                    Outcome::Rerun(cause),
                );
            }
            None => {}
        }
        if verdict == Verdict::Discard || is_late || request.is_read_only {
            let outcome =
                if is_late { Outcome::Fail(StoreError::TooSlow) } else { Outcome::Answer(Vec::new()) };
            return self.roll_back(engine, request.is_read_only).then_keep(self, session, outcome);
        }
        let (is_good, outcome) = self.commit(engine, wakes);
        IsGood(is_good).then_keep(self, session, outcome)
    }

    fn roll_back(&self, engine: PostgresTx<'_>, is_read_only: bool) -> IsGood {
        if !is_read_only {
            self.shared.meter.writes_rolled_back.add(1);
        }
        IsGood(engine.rollback())
    }

    fn commit(&self, engine: PostgresTx<'_>, wakes: Vec<WakeMessage>) -> (bool, Outcome) {
        let meter = &self.shared.meter;
        match engine.commit() {
            Ended::Committed => {
                meter.writes_committed.add(1);
                meter.commits.add(1);
                (true, Outcome::Answer(wakes))
            }
            Ended::Unknown => {
                meter.commits_failed.add(1);
                (false, Outcome::Fail(StoreError::OutcomeUnknown))
            }
            Ended::Failed(failure) => {
                meter.commits_failed.add(1);
                match failure {
                    Failure::Conflict => (true, Outcome::Rerun(StoreError::Busy)),
                    Failure::Broken(failure) => (false, Outcome::Rerun(failure)),
                    Failure::Refused(failure) => (true, Outcome::Fail(failure)),
                }
            }
        }
    }

    fn take_session(&mut self) -> Result<Session, StoreError> {
        if let Some(mut session) = self.session.take()
            && session.is_usable()
        {
            return Ok(session);
        }
        let now = SystemClock.monotonic();
        if self.failed_at.is_some_and(|failed_at| now.saturating_sub(failed_at) < CONNECT_PAUSE) {
            return Err(StoreError::Unavailable { reason: "PostgreSQL cannot be reached".to_owned() });
        }
        match Session::connect(&self.address, &self.shared.bounds) {
            Ok(session) => {
                self.failed_at = None;
                self.shared.set_healthy(Part::Server);
                Ok(session)
            }
            Err(failure) => {
                self.failed_at = Some(SystemClock.monotonic());
                self.shared.set_unhealthy(Part::Server, &failure);
                Err(failure)
            }
        }
    }
}

/// Whether the connection may be used again.
struct IsGood(bool);

impl IsGood {
    fn then_keep(self, worker: &mut Worker, session: Session, outcome: Outcome) -> Outcome {
        if self.0 {
            worker.session = Some(session);
        }
        outcome
    }
}
