//! One batch: closures in savepoints, one commit, then the answers.

use std::collections::VecDeque;

use trunkline_kernel::{Clock as _, SystemClock};

use super::connection::Session;
use super::setup;
use super::tx::SqliteTx;
use super::writer::Request;
use crate::error::StoreError;
use crate::key::Key;
use crate::meter::{Meter, Shared};
use crate::transaction::{EngineTx, Tx};
use crate::wakes::WakeMessage;
use crate::work::Verdict;

const STORE_SEQUENCE: &str = "UPDATE outbox_sequence SET last = ?1 WHERE one = 1";

/// The closures of one commit.
pub(crate) struct Batch {
    waiting: VecDeque<Request>,
    done: Vec<Done>,
}

struct Done {
    request: Request,
    /// Sent instead of the closure's outcome.
    failure: Option<StoreError>,
    is_kept: bool,
}

/// What a commit leaves behind.
pub(crate) struct Committed {
    pub(crate) sequence: i64,
    pub(crate) wakes: Vec<WakeMessage>,
}

enum Ran {
    /// The closure's savepoint is released or rolled back.
    Done(Done),
    /// SQLite rolled back the whole transaction, as it does when it interrupts a statement that writes.
    TransactionGone(Done),
}

impl Batch {
    pub(crate) fn new(first: Request) -> Self {
        Self { waiting: VecDeque::from([first]), done: Vec::new() }
    }

    /// Answers every closure; only after the commit.
    pub(crate) fn answer(self, meter: &Meter) {
        for done in self.done {
            done.answer(meter);
        }
    }

    /// Tells every closure that nothing of the batch is acknowledged.
    pub(crate) fn fail(self, failure: &StoreError) {
        let requests = self.done.into_iter().map(|done| done.request).chain(self.waiting);
        for request in requests {
            request.work.fail(failure.clone());
        }
    }

    /// After the transaction was lost: the closures before the guilty one run again.
    fn start_over(&mut self) {
        for done in self.done.drain(..).rev() {
            self.waiting.push_front(done.request);
        }
    }
}

impl Done {
    fn answer(self, meter: &Meter) {
        if self.is_kept {
            meter.writes_committed.add(1);
        } else {
            meter.writes_rolled_back.add(1);
        }
        match self.failure {
            None => self.request.work.answer(),
            Some(failure) => self.request.work.fail(failure),
        }
    }
}

/// Runs what waits in `batch` and what `next` still yields, and commits.
///
/// **Errors**: the connection is not to be used again; nothing was committed, as far as is known.
pub(crate) fn run(
    session: &Session,
    shared: &Shared,
    sequence: i64,
    batch: &mut Batch,
    mut next: impl FnMut() -> Option<(Key, Request)>,
) -> Result<Committed, StoreError> {
    let bounds = &shared.bounds;
    let started = SystemClock.monotonic();
    let has_room = |batch: &Batch| {
        batch.done.len() < bounds.batch_closures_max
            && SystemClock.monotonic().saturating_sub(started) < bounds.batch_duration_max
    };
    'transaction: loop {
        setup::run(session, "BEGIN IMMEDIATE")?;
        let mut committed = Committed { sequence, wakes: Vec::new() };
        loop {
            let request = match batch.waiting.pop_front() {
                Some(request) => request,
                None if has_room(batch) => match next() {
                    Some((_, request)) => request,
                    None => break,
                },
                None => break,
            };
            match run_closure(session, shared, request, &mut committed)? {
                Ran::Done(done) => batch.done.push(done),
                Ran::TransactionGone(guilty) => {
                    shared.meter.reruns.add(batch.done.len() as u64);
                    guilty.answer(&shared.meter);
                    batch.start_over();
                    continue 'transaction;
                }
            }
        }
        if committed.sequence != sequence {
            SqliteTx::new(session, 0).execute(STORE_SEQUENCE, &[committed.sequence.into()])?;
        }
        setup::run(session, "COMMIT").map_err(not_committed)?;
        return Ok(committed);
    }
}

fn not_committed(failure: StoreError) -> StoreError {
    match failure {
        StoreError::Unavailable { .. } => failure,
        other => StoreError::Unavailable { reason: format!("the commit failed: {other}") },
    }
}

fn run_closure(
    session: &Session,
    shared: &Shared,
    mut request: Request,
    committed: &mut Committed,
) -> Result<Ran, StoreError> {
    setup::run(session, "SAVEPOINT closure")?;
    session.deadline.start(shared.bounds.closure_duration_max);
    let engine = EngineTx::Sqlite(SqliteTx::new(session, committed.sequence));
    let mut tx = Tx::new(engine, request.is_read_only);
    let verdict = request.work.run(&mut tx);
    let is_late = session.deadline.is_past();
    session.deadline.clear();
    let (engine, wakes, failure) = tx.into_parts();
    if let Some(failure @ StoreError::Unavailable { .. }) = failure {
        request.work.fail(failure.clone());
        return Err(failure);
    }
    let failure = is_late.then_some(StoreError::TooSlow);
    if session.connection.is_autocommit() {
        return Ok(Ran::TransactionGone(Done { request, failure, is_kept: false }));
    }
    let is_kept = verdict == Verdict::Keep && !is_late && !request.is_read_only;
    if is_kept {
        keep(&engine, wakes, committed);
    } else {
        setup::run(session, "ROLLBACK TO closure")?;
    }
    setup::run(session, "RELEASE closure")?;
    Ok(Ran::Done(Done { request, failure, is_kept }))
}

fn keep(engine: &EngineTx<'_>, wakes: Vec<WakeMessage>, committed: &mut Committed) {
    if let EngineTx::Sqlite(tx) = engine {
        committed.sequence = tx.last_sequence();
    }
    for wake in wakes {
        if !committed.wakes.contains(&wake) {
            committed.wakes.push(wake);
        }
    }
}
