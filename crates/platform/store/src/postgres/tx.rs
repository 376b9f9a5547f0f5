//! The PostgreSQL half of [`Tx`](crate::Tx).
//!
//! `BEGIN` and the key's lock travel with the first statement, and statements whose result nobody waits
//! for (events, jobs) with the next one or the commit: a closure of `n` statements takes `n + 1` round
//! trips.

use std::time::Duration;

use tokio_postgres::Statement;
use trunkline_kernel::{Clock as _, SystemClock};

use super::session::{Answer, Failure, LOCK, Request, Session, classify, is_last_word, read_rows};
use crate::error::StoreError;
use crate::value::{Row, Value};

/// How the transaction begins.
#[derive(Clone, Debug)]
pub(crate) enum Opening {
    /// `READ COMMITTED`, then the lock of this number.
    Write { lock: [Value; 1] },
    /// One snapshot for all statements.
    Read,
}

pub(crate) struct PostgresTx<'a> {
    session: &'a mut Session,
    opening: Opening,
    is_open: bool,
    deferred: Vec<Deferred>,
    duration_max: Duration,
    /// When the closure is out of time; counted from when it holds its lock.
    deadline: Option<Duration>,
    trouble: Option<Trouble>,
}

struct Deferred {
    sql: &'static str,
    statement: Statement,
    params: Vec<Value>,
}

/// Why the closure should run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Broken,
    Conflict,
}

/// How a commit ended.
pub(crate) enum Ended {
    Committed,
    /// Nothing was committed.
    Failed(Failure),
    /// COMMIT was sent and no answer came.
    Unknown,
}

impl<'a> PostgresTx<'a> {
    pub(crate) const fn new(session: &'a mut Session, opening: Opening, duration_max: Duration) -> Self {
        Self {
            session,
            opening,
            is_open: false,
            deferred: Vec::new(),
            duration_max,
            deadline: None,
            trouble: None,
        }
    }

    pub(crate) const fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| SystemClock.monotonic() > deadline)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql, params)?;
        let answers = self.run(sql, vec![Request::Change { statement, params }])?;
        Ok(changed(&answers))
    }

    pub(crate) fn execute_many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let mut requests = Vec::with_capacity(rows.len());
        for params in rows {
            requests.push(Request::Change { statement: self.prepare(sql, params)?, params });
        }
        if requests.is_empty() {
            return Ok(0);
        }
        let answers = self.run(sql, requests)?;
        Ok(changed(&answers))
    }

    pub(crate) fn query_all(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(sql, params)?;
        match self.run(sql, vec![Request::Query { statement, params }])?.pop() {
            Some(Answer::Rows(rows)) => read_rows(&rows),
            _ => Ok(Vec::new()),
        }
    }

    /// Notes a statement that is sent with the next one.
    pub(crate) fn defer(&mut self, sql: &'static str, params: &[Value]) -> Result<(), StoreError> {
        let statement = self.prepare(sql, params)?;
        self.deferred.push(Deferred { sql, statement, params: params.to_vec() });
        Ok(())
    }

    /// Sends what is deferred and COMMIT.
    pub(crate) fn commit(mut self) -> Ended {
        if !self.is_open && self.deferred.is_empty() {
            return Ended::Committed;
        }
        // The lock's statement must be prepared before COMMIT is on its way.
        let opening = match self.opening_requests() {
            Ok(opening) => opening,
            Err(failure) => return Ended::Failed(failure),
        };
        let names: Vec<&str> =
            opening.iter().map(|_| LOCK).chain(self.deferred.iter().map(|d| d.sql)).collect();
        let mut requests: Vec<Request<'_>> = opening.iter().map(Opener::request).collect();
        requests.extend(self.deferred.iter().map(Deferred::request));
        requests.push(Request::Command("COMMIT"));
        let Ok(mut answers) = self.session.send(requests) else { return Ended::Unknown };
        match answers.pop() {
            Some(Ok(_)) => {}
            Some(Err(failure)) if is_last_word(&failure) => return Ended::Unknown,
            Some(Err(failure)) => return Ended::Failed(classify(&failure, "COMMIT")),
            None => return Ended::Unknown,
        }
        // A statement that failed before it turned COMMIT into a rollback.
        for (answer, sql) in answers.into_iter().zip(names) {
            if let Err(failure) = answer {
                // Unless it never reached the server: then the rest is committed without it.
                if failure.as_db_error().is_none() {
                    return Ended::Unknown;
                }
                return Ended::Failed(busy_when_locked_out(classify(&failure, sql), sql));
            }
        }
        Ended::Committed
    }

    /// Ends the transaction without effect; returns whether the connection is still good.
    pub(crate) fn rollback(self) -> bool {
        if !self.is_open {
            return true;
        }
        let answers = self.session.send(vec![Request::Command("ROLLBACK")]);
        answers.is_ok_and(|answers| answers.iter().all(Result::is_ok))
    }

    fn prepare(&mut self, sql: &str, params: &[Value]) -> Result<Statement, StoreError> {
        if self.is_late() {
            return Err(StoreError::TooSlow);
        }
        self.session.prepare(sql, params).map_err(|failure| note(&mut self.trouble, failure))
    }

    /// Sends the opening, what is deferred and `requests`; returns the answers of `requests`.
    fn run(&mut self, sql: &str, requests: Vec<Request<'_>>) -> Result<Vec<Answer>, StoreError> {
        let opening = self.opening_requests().map_err(|failure| note(&mut self.trouble, failure))?;
        let deferred = std::mem::take(&mut self.deferred);
        let names: Vec<&str> = opening.iter().map(|_| LOCK).chain(deferred.iter().map(|d| d.sql)).collect();
        let mut all: Vec<Request<'_>> = opening.iter().map(Opener::request).collect();
        all.extend(deferred.iter().map(Deferred::request));
        all.extend(requests);
        self.is_open = true;
        let answers = self.session.send(all).map_err(|failure| note(&mut self.trouble, failure))?;
        let mut own = Vec::new();
        for (index, answer) in answers.into_iter().enumerate() {
            let name = names.get(index).copied();
            match answer {
                Ok(answer) if name.is_none() => own.push(answer),
                Ok(_) => {}
                Err(failure) => {
                    let name = name.unwrap_or(sql);
                    let failure = busy_when_locked_out(classify(&failure, name), name);
                    return Err(note(&mut self.trouble, failure));
                }
            }
        }
        self.deadline.get_or_insert_with(|| SystemClock.monotonic().saturating_add(self.duration_max));
        Ok(own)
    }

    fn opening_requests(&mut self) -> Result<Vec<Opener>, Failure> {
        if self.is_open {
            return Ok(Vec::new());
        }
        match &self.opening {
            Opening::Read => Ok(vec![Opener::Command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")]),
            Opening::Write { lock } => {
                let statement = self.session.prepare(LOCK, lock)?;
                let lock = Opener::Lock { statement, params: lock.clone() };
                Ok(vec![Opener::Command("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"), lock])
            }
        }
    }
}

enum Opener {
    Command(&'static str),
    Lock { statement: Statement, params: [Value; 1] },
}

impl Opener {
    fn request(&self) -> Request<'_> {
        match self {
            Self::Command(sql) => Request::Command(sql),
            Self::Lock { statement, params } => Request::Query { statement: statement.clone(), params },
        }
    }
}

impl Deferred {
    fn request(&self) -> Request<'_> {
        Request::Change { statement: self.statement.clone(), params: &self.params }
    }
}

/// Out of time while waiting for the key's lock: another transaction holds it.
fn busy_when_locked_out(failure: Failure, sql: &str) -> Failure {
    match failure {
        Failure::Refused(StoreError::TooSlow) if sql == LOCK => Failure::Refused(StoreError::Busy),
        other => other,
    }
}

fn note(trouble: &mut Option<Trouble>, failure: Failure) -> StoreError {
    match failure {
        Failure::Broken(_) => *trouble = Some(Trouble::Broken),
        Failure::Conflict => *trouble = Some(Trouble::Conflict),
        Failure::Refused(_) => {}
    }
    failure.into_store_error()
}

fn changed(answers: &[Answer]) -> u64 {
    let count = |answer: &Answer| if let Answer::Changed(count) = answer { *count } else { 0 };
    answers.iter().map(count).sum()
}
